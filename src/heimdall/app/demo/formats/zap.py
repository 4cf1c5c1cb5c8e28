"""Go, zap: JSON with epoch seconds and the caller's file and line."""

from __future__ import annotations

import polars as pl

from heimdall.app.demo.formats.parts import json_ids, json_stack, optional_number


def write(block: pl.DataFrame) -> pl.Series:
    seconds = pl.format(
        "{}.{}",
        pl.col("time_ns") // 1_000_000_000,
        (pl.col("time_ns") // 1_000 % 1_000_000).cast(pl.String).str.zfill(6),
    )
    line = pl.format(
        '{{"level":"{}","ts":{},"caller":"{}","msg":"{}","service":"{}","instance":"{}","region":"{}",'
        '"environment":"prod","version":"{}"{}{}{}{}}}',
        pl.col("level"),
        seconds,
        pl.col("logger"),
        pl.col("message"),
        pl.col("service"),
        pl.col("instance_name"),
        pl.col("region"),
        pl.col("version"),
        json_ids(),
        optional_number(',"duration_ms":{}', "duration_ms"),
        pl.col("extra"),
        json_stack("stacktrace"),
    )
    return block.select(line).to_series()

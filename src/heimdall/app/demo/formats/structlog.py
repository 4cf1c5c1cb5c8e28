"""Python, structlog: JSON whose message is the `event`."""

from __future__ import annotations

import polars as pl

from heimdall.app.demo.formats.parts import json_ids, json_stack, optional_number, stamp


def write(block: pl.DataFrame) -> pl.Series:
    line = pl.format(
        '{{"event":"{}","level":"{}","logger":"{}","timestamp":"{}","service":"{}","instance":"{}","region":"{}",'
        '"environment":"prod","version":"{}"{}{}{}{}}}',
        pl.col("message"),
        pl.col("level"),
        pl.col("logger"),
        stamp("%Y-%m-%dT%H:%M:%S.%6fZ"),
        pl.col("service"),
        pl.col("instance_name"),
        pl.col("region"),
        pl.col("version"),
        json_ids(),
        optional_number(',"duration_ms":{}', "duration_ms"),
        pl.col("extra"),
        json_stack("exception"),
    )
    return block.select(line).to_series()

"""Node.js, pino: JSON with `time` in ISO, level names and the error's stack under `err`."""

from __future__ import annotations

import polars as pl

from heimdall.app.demo.formats.parts import iso_ms, json_ids, json_stack, optional_number


def write(block: pl.DataFrame) -> pl.Series:
    line = pl.format(
        '{{"level":"{}","time":"{}","pid":1,"service.instance.id":"{}","service":"{}","version":"{}","region":"{}",'
        '"environment":"prod","name":"{}","msg":"{}"{}{}{}{}}}',
        pl.col("level"),
        iso_ms(),
        pl.col("instance_name"),
        pl.col("service"),
        pl.col("version"),
        pl.col("region"),
        pl.col("logger"),
        pl.col("message"),
        json_ids(),
        optional_number(',"duration_ms":{}', "duration_ms"),
        pl.col("extra"),
        json_stack("err.stack"),
    )
    return block.select(line).to_series()

"""Python, a JSON formatter over the standard `logging` names, with nested groups."""

from __future__ import annotations

import polars as pl

from heimdall.app.demo.formats.parts import PYTHON, json_ids, json_stack, optional_number, spelled, stamp


def write(block: pl.DataFrame) -> pl.Series:
    line = pl.format(
        '{{"asctime":"{}","levelname":"{}","name":"{}","message":"{}","service":{{"name":"{}","version":"{}",'
        '"instance":{{"id":"{}"}}}},"cloud":{{"region":"{}"}},"environment":"prod"{}{}{}{}}}',
        stamp("%Y-%m-%d %H:%M:%S,%3f"),
        spelled(PYTHON),
        pl.col("logger"),
        pl.col("message"),
        pl.col("service"),
        pl.col("version"),
        pl.col("instance_name"),
        pl.col("region"),
        json_ids(),
        optional_number(',"duration_ms":{}', "duration_ms"),
        pl.col("extra"),
        json_stack("exc_info"),
    )
    return block.select(line).to_series()

"""The message broker's log4j pattern: `[time] LEVEL message (logger)`."""

from __future__ import annotations

import polars as pl

from heimdall.app.demo.formats.parts import UPPER, following_stack, spelled, stamp


def write(block: pl.DataFrame) -> pl.Series:
    line = pl.format(
        "[{}] {} {} ({}){}",
        stamp("%Y-%m-%d %H:%M:%S,%3f"),
        spelled(UPPER),
        pl.col("message"),
        pl.col("logger"),
        following_stack(),
    )
    return block.select(line).to_series()

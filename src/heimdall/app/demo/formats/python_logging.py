"""Python, `logging` with a usual format string; tracebacks follow."""

from __future__ import annotations

import polars as pl

from heimdall.app.demo.formats.parts import PYTHON, context, following_stack, spelled, stamp


def write(block: pl.DataFrame) -> pl.Series:
    line = pl.format(
        "{} - {} - {} - {}{}{}",
        stamp("%Y-%m-%d %H:%M:%S,%3f"),
        pl.col("logger"),
        spelled(PYTHON),
        pl.col("message"),
        context(" [", "]"),
        following_stack(),
    )
    return block.select(line).to_series()

"""Node.js, plain text: `[time] LEVEL name: message`; an error's stack follows."""

from __future__ import annotations

import polars as pl

from heimdall.app.demo.formats.parts import UPPER, context, following_stack, iso_ms, spelled


def write(block: pl.DataFrame) -> pl.Series:
    line = pl.format(
        "[{}] {} {}: {}{}{}",
        iso_ms(),
        spelled(UPPER),
        pl.col("logger"),
        pl.col("message"),
        context(" ", ""),
        following_stack(),
    )
    return block.select(line).to_series()

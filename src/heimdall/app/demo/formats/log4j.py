"""Java, log4j 2: time, level, thread, logger, message, diagnostic context; a stack trace follows."""

from __future__ import annotations

import polars as pl

from heimdall.app.demo.formats.parts import UPPER, context, following_stack, spelled, stamp


def write(block: pl.DataFrame) -> pl.Series:
    line = pl.format(
        "{} {} [http-exec-{}] {} - {}{}{}",
        stamp("%Y-%m-%d %H:%M:%S,%3f"),
        spelled(UPPER).str.pad_end(5, " "),
        pl.col("thread"),
        pl.col("logger"),
        pl.col("message"),
        context(" [", "]"),
        following_stack(),
    )
    return block.select(line).to_series()

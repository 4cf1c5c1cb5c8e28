"""Java, Spring Boot's default of logback: `time  LEVEL pid --- [thread] logger : message`."""

from __future__ import annotations

import polars as pl

from heimdall.app.demo.formats.parts import UPPER, context, following_stack, iso_ms, spelled


def write(block: pl.DataFrame) -> pl.Series:
    line = pl.format(
        "{} {} 1 --- [nio-8080-exec-{}] {} : {}{}{}",
        iso_ms(),
        spelled(UPPER).str.pad_start(5, " "),
        pl.col("thread"),
        pl.col("logger").str.pad_end(40, " "),
        pl.col("message"),
        context(" [", "]"),
        following_stack(),
    )
    return block.select(line).to_series()

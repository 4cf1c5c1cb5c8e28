"""Go, logfmt: `ts=… level=… msg="…" key=value`; a panic's goroutines follow as plain text."""

from __future__ import annotations

import polars as pl

from heimdall.app.demo.formats.parts import following_stack, iso_ms, optional_number, text_ids


def write(block: pl.DataFrame) -> pl.Series:
    line = pl.format(
        'ts={} level={} caller={} version={} msg="{}"{}{}{}{}',
        iso_ms(),
        pl.col("level"),
        pl.col("logger"),
        pl.col("version"),
        pl.col("message"),
        text_ids(),
        optional_number(" duration_ms={}", "duration_ms"),
        pl.col("extra"),
        following_stack(),
    )
    return block.select(line).to_series()

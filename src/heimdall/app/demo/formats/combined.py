"""nginx: the combined access log with request time and trace at its end, and nginx's own error log between.

A block's `logger` is what stands before the time (`address - user`) for access lines, empty for error lines.
"""

from __future__ import annotations

import polars as pl

from heimdall.app.demo.formats.parts import optional, optional_number, spelled, stamp

_LEVELS = {"trace": "debug", "debug": "debug", "info": "notice", "warn": "warn", "error": "error", "fatal": "crit"}


def write(block: pl.DataFrame) -> pl.Series:
    access = pl.format(
        "{} [{}] {}{}{}{}",
        pl.col("logger"),
        stamp("%d/%b/%Y:%H:%M:%S +0000"),
        pl.col("message"),
        optional_number(" rt={}", "duration_s"),
        optional(" trace_id={}", "trace_id"),
        optional(" span_id={}", "span_id"),
    )
    error = pl.format(
        "{} [{}] {}#{}: {}",
        stamp("%Y/%m/%d %H:%M:%S"),
        spelled(_LEVELS),
        pl.col("thread") + 6,
        pl.col("thread") + 6,
        pl.col("message"),
    )
    block = block.with_columns(duration_s=(pl.col("duration_ms") / 1000).round(3))
    return block.select(pl.when(pl.col("logger") == "").then(error).otherwise(access)).to_series()

"""The cache's log as an old syslog daemon frames it (RFC 3164): local time to the second, no year, no zone."""

from __future__ import annotations

import polars as pl

from heimdall.app.demo.formats.parts import spelled, stamp

_PRIORITY = {"trace": "31", "debug": "31", "info": "30", "warn": "28", "error": "27", "fatal": "26"}
"""Facility daemon (3 × 8) and the severity."""


def write(block: pl.DataFrame) -> pl.Series:
    line = pl.format(
        "<{}>{} {} {}[1]: {}",
        spelled(_PRIORITY),
        stamp("%b %e %H:%M:%S"),
        pl.col("instance_name"),
        pl.col("service"),
        pl.col("message"),
    )
    return block.select(line).to_series()

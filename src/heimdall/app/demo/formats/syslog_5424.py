"""The database's log as its syslog daemon frames it (RFC 5424), with the backend's process id."""

from __future__ import annotations

import polars as pl

from heimdall.app.demo.formats.parts import optional, spelled, stamp

_PRIORITY = {"trace": "135", "debug": "135", "info": "134", "warn": "132", "error": "131", "fatal": "130"}
"""Facility local0 (16 × 8) and the severity."""


def write(block: pl.DataFrame) -> pl.Series:
    line = pl.format(
        "<{}>1 {} {} {} {} - - {}{}",
        spelled(_PRIORITY),
        stamp("%Y-%m-%dT%H:%M:%S.%6fZ"),
        pl.col("instance_name"),
        pl.col("service"),
        pl.col("thread") * 137 + 2000,
        pl.col("message"),
        optional(" /* trace_id={} */", "trace_id"),
    )
    return block.select(line).to_series()

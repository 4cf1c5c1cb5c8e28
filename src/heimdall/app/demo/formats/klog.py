"""Go, klog and glog: `I1122 10:15:30.123456       1 file.go:87] message`; the year is not written down."""

from __future__ import annotations

import polars as pl

from heimdall.app.demo.formats.parts import context, following_stack, spelled, stamp

_LETTERS = {"trace": "I", "debug": "I", "info": "I", "warn": "W", "error": "E", "fatal": "F"}


def klog_line() -> pl.Expr:
    return pl.format(
        "{}{} {} {}] {}",
        spelled(_LETTERS),
        stamp("%m%d %H:%M:%S.%6f"),
        pl.col("thread").cast(pl.String).str.pad_start(7, " "),
        pl.col("logger"),
        pl.col("message"),
    )


def write(block: pl.DataFrame) -> pl.Series:
    return block.select(pl.concat_str(klog_line(), context(" ", ""), following_stack())).to_series()

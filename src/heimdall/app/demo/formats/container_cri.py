"""Go, klog, as the container runtime keeps it on disk: `time stream tag line`."""

from __future__ import annotations

import polars as pl

from heimdall.app.demo.formats.klog import klog_line
from heimdall.app.demo.formats.parts import stamp


def write(block: pl.DataFrame) -> pl.Series:
    line = pl.format("{} stderr F {}", stamp("%Y-%m-%dT%H:%M:%S.%9fZ"), klog_line())
    return block.select(line).to_series()

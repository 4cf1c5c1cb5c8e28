"""Go, zap, in the JSON wrapper a container runtime and its log shipper put around every line of a program."""

from __future__ import annotations

import polars as pl

from heimdall.app.demo.formats import zap
from heimdall.app.demo.formats.parts import stamp


def write(block: pl.DataFrame) -> pl.Series:
    inner = zap.write(block).str.replace_all("\\", "\\\\", literal=True).str.replace_all('"', '\\"', literal=True)
    line = pl.format(
        '{{"log":"{}\\n","stream":"stderr","time":"{}","kubernetes":{{"container_name":"{}","pod_name":"{}",'
        '"namespace_name":"shop"}}}}',
        inner,
        stamp("%Y-%m-%dT%H:%M:%S.%9fZ"),
        pl.col("service"),
        pl.col("instance_name"),
    )
    return block.select(line).to_series()

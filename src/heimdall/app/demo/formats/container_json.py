"""The node agent's own log (klog text) in the wrapper a container log shipper puts around every line."""

from __future__ import annotations

import polars as pl

from heimdall.app.demo.formats.klog import klog_line
from heimdall.app.demo.formats.parts import stamp


def write(block: pl.DataFrame) -> pl.Series:
    line = pl.format(
        '{{"log":"{}\\n","stream":"stderr","time":"{}","kubernetes":{{"container_name":"{}","pod_name":"{}",'
        '"namespace_name":"kube-system","labels":{{"app":"{}","region":"{}"}}}},"environment":"prod"}}',
        klog_line().str.replace_all('"', '\\"', literal=True),
        stamp("%Y-%m-%dT%H:%M:%S.%9fZ"),
        pl.col("service"),
        pl.col("instance_name"),
        pl.col("service"),
        pl.col("region"),
    )
    return block.select(line).to_series()

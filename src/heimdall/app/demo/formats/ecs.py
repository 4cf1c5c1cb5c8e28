"""Java, Elastic Common Schema: JSON with dotted names."""

from __future__ import annotations

import polars as pl

from heimdall.app.demo.formats.parts import UPPER, iso_ms, json_ids, json_stack, optional_number, spelled


def write(block: pl.DataFrame) -> pl.Series:
    line = pl.format(
        '{{"@timestamp":"{}","log.level":"{}","message":"{}","ecs.version":"1.2.0","service.name":"{}",'
        '"service.version":"{}","service.environment":"prod","service.instance.id":"{}","cloud.region":"{}",'
        '"log.logger":"{}","process.thread.name":"search-{}"{}{}{}{}}}',
        iso_ms(),
        spelled(UPPER),
        pl.col("message"),
        pl.col("service"),
        pl.col("version"),
        pl.col("instance_name"),
        pl.col("region"),
        pl.col("logger"),
        pl.col("thread"),
        json_ids("trace.id", "span.id", "parent.id"),
        optional_number(',"duration_ms":{}', "duration_ms"),
        pl.col("extra"),
        json_stack("error.stack_trace"),
    )
    return block.select(line).to_series()

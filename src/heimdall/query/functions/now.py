"""`now()`: the time of the query."""

from __future__ import annotations

import polars as pl

from heimdall.query.frame.values import TIME
from heimdall.query.functions.definition import Function
from heimdall.query.sql.nodes import call, number, string
from heimdall.query.types import Type

FUNCTION = Function(
    name="now",
    signature="now()",
    doc="The time at which the query was asked.",
    example="* | where timestamp > now() - 5m",
    takes=(),
    gives=Type.TIME,
    sql=lambda a: call("fromUnixTimestamp64Nano", number(a.builder.context.now_ns), string("UTC")),
    frame=lambda a: pl.lit(a.builder.context.now_ns, pl.Int64).cast(TIME),
)

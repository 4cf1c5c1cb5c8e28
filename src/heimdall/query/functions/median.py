"""`median(x)`: the middle value."""

from __future__ import annotations

from heimdall.query.functions.definition import Function, Kind
from heimdall.query.functions.percentile import frame_quantile, sql_quantile
from heimdall.query.types import Type

FUNCTION = Function(
    name="median",
    signature="median(number)",
    doc="The middle value, the same as `p50`.",
    example="* | stats median(duration_ms) by service",
    takes=(Kind.NUMBER,),
    gives=Type.NUMBER,
    aggregate=True,
    sql=lambda a: sql_quantile(a.number(0), 0.5),
    frame=lambda a: frame_quantile(a.number(0), 0.5),
)

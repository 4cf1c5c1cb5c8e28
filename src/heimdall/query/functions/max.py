"""`max(x)`: the largest value."""

from __future__ import annotations

from heimdall.query.functions.definition import Function, Kind
from heimdall.query.functions.extremes import frame_extreme, sql_extreme
from heimdall.query.types import Type

FUNCTION = Function(
    name="max",
    signature="max(value)",
    doc="The largest value: numbers by size, times by time, text by its characters; a sender's field"
    " as a sort would put it.",
    example="* | stats max(timestamp) as last_seen by service",
    takes=(Kind.VALUE,),
    gives=lambda types: Type.NUMBER if types[0] is Type.DURATION else types[0],
    aggregate=True,
    sql=lambda a: sql_extreme(a.value(0), "max"),
    frame=lambda a: frame_extreme(a.value(0), "max"),
)

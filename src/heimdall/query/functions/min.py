"""`min(x)`: the smallest value."""

from __future__ import annotations

from heimdall.query.functions.definition import Function, Kind
from heimdall.query.functions.extremes import frame_extreme, sql_extreme
from heimdall.query.types import Type

FUNCTION = Function(
    name="min",
    signature="min(value)",
    doc="The smallest value: numbers by size, times by time, text by its characters; a sender's field"
    " as a sort would put it.",
    example="* | stats min(duration_ms), max(duration_ms) by service",
    takes=(Kind.VALUE,),
    gives=lambda types: Type.NUMBER if types[0] is Type.DURATION else types[0],
    aggregate=True,
    sql=lambda a: sql_extreme(a.value(0), "min"),
    frame=lambda a: frame_extreme(a.value(0), "min"),
)

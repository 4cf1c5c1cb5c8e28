"""`log(number)`: the natural logarithm."""

from __future__ import annotations

from heimdall.query.frame.values import finite as frame_finite
from heimdall.query.functions.definition import Function, Kind
from heimdall.query.sql.nodes import call
from heimdall.query.sql.values import finite
from heimdall.query.types import Type

FUNCTION = Function(
    name="log",
    signature="log(number)",
    doc="The natural logarithm; nothing at or below 0.",
    example="* | extend magnitude = floor(log(duration_ms))",
    takes=(Kind.NUMBER,),
    gives=Type.NUMBER,
    sql=lambda a: finite(call("log", a.number(0))),
    frame=lambda a: frame_finite(a.number(0).log()),
)

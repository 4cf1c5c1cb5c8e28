"""`sqrt(number)`: the square root."""

from __future__ import annotations

from heimdall.query.frame.values import finite as frame_finite
from heimdall.query.functions.definition import Function, Kind
from heimdall.query.sql.nodes import call
from heimdall.query.sql.values import finite
from heimdall.query.types import Type

FUNCTION = Function(
    name="sqrt",
    signature="sqrt(number)",
    doc="The square root; nothing below 0.",
    example="* | extend root = sqrt(duration_ms)",
    takes=(Kind.NUMBER,),
    gives=Type.NUMBER,
    sql=lambda a: finite(call("sqrt", a.number(0))),
    frame=lambda a: frame_finite(a.number(0).sqrt()),
)

"""`floor(number)`."""

from __future__ import annotations

from heimdall.query.functions.definition import Function, Kind
from heimdall.query.sql.nodes import call
from heimdall.query.types import Type

FUNCTION = Function(
    name="floor",
    signature="floor(number)",
    doc="The largest whole number not above it.",
    example="* | extend whole = floor(duration_ms)",
    takes=(Kind.NUMBER,),
    gives=Type.NUMBER,
    sql=lambda a: call("floor", a.number(0)),
    frame=lambda a: a.number(0).floor(),
)

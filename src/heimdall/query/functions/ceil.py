"""`ceil(number)`."""

from __future__ import annotations

from heimdall.query.functions.definition import Function, Kind
from heimdall.query.sql.nodes import call
from heimdall.query.types import Type

FUNCTION = Function(
    name="ceil",
    signature="ceil(number)",
    doc="The smallest whole number not below it.",
    example="* | extend whole = ceil(duration_ms)",
    takes=(Kind.NUMBER,),
    gives=Type.NUMBER,
    sql=lambda a: call("ceil", a.number(0)),
    frame=lambda a: a.number(0).ceil(),
)

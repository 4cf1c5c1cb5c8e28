"""`tonumber(value)`: as a number."""

from __future__ import annotations

from heimdall.query.functions.definition import Function, Kind
from heimdall.query.types import Type

FUNCTION = Function(
    name="tonumber",
    signature="tonumber(value)",
    doc="The value as a number; nothing when it does not look like one. Times count in milliseconds since 1970.",
    example='* | parse "took <ms> ms" | where tonumber(ms) > 100',
    takes=(Kind.VALUE,),
    gives=Type.NUMBER,
    sql=lambda a: a.number(0),
    frame=lambda a: a.number(0),
)

"""`tostring(value)`: as text."""

from __future__ import annotations

from heimdall.query.functions.definition import Function, Kind
from heimdall.query.types import Type

FUNCTION = Function(
    name="tostring",
    signature="tostring(value)",
    doc="The value as text; times as RFC 3339.",
    example="* | extend text = tostring(duration_ms)",
    takes=(Kind.VALUE,),
    gives=Type.TEXT,
    sql=lambda a: a.text(0),
    frame=lambda a: a.text(0),
)

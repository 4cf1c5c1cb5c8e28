"""`contains(text, part)`: whether the part occurs."""

from __future__ import annotations

from heimdall.query.functions.definition import Function, Kind
from heimdall.query.sql.nodes import binary, call, number
from heimdall.query.types import Type

FUNCTION = Function(
    name="contains",
    signature="contains(text, part)",
    doc="Whether the part occurs in the text, upper and lower case apart.",
    example='* | where contains(message, "refused")',
    takes=(Kind.TEXT, Kind.TEXT),
    gives=Type.BOOLEAN,
    sql=lambda a: binary(">", call("position", a.text(0), a.text(1)), number(0)),
    frame=lambda a: a.text(0).str.contains(a.text(1), literal=True),
)

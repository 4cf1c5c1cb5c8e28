"""`starts_with(text, prefix)`."""

from __future__ import annotations

from heimdall.query.functions.definition import Function, Kind
from heimdall.query.sql.nodes import call
from heimdall.query.types import Type

FUNCTION = Function(
    name="starts_with",
    signature="starts_with(text, prefix)",
    doc="Whether the text begins with the prefix.",
    example='* | where starts_with(service, "pay")',
    takes=(Kind.TEXT, Kind.TEXT),
    gives=Type.BOOLEAN,
    sql=lambda a: call("startsWith", a.text(0), a.text(1)),
    frame=lambda a: a.text(0).str.starts_with(a.text(1)),
)

"""`ends_with(text, suffix)`."""

from __future__ import annotations

from heimdall.query.functions.definition import Function, Kind
from heimdall.query.sql.nodes import call
from heimdall.query.types import Type

FUNCTION = Function(
    name="ends_with",
    signature="ends_with(text, suffix)",
    doc="Whether the text ends with the suffix.",
    example='* | where ends_with(user_id, "7")',
    takes=(Kind.TEXT, Kind.TEXT),
    gives=Type.BOOLEAN,
    sql=lambda a: call("endsWith", a.text(0), a.text(1)),
    frame=lambda a: a.text(0).str.ends_with(a.text(1)),
)

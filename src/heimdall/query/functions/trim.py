"""`trim(text)`: without spaces at both ends."""

from __future__ import annotations

from heimdall.query.functions.definition import Function, Kind
from heimdall.query.sql.nodes import call
from heimdall.query.types import Type

FUNCTION = Function(
    name="trim",
    signature="trim(text)",
    doc="The text without spaces at its ends.",
    example="* | extend name = trim(user_id)",
    takes=(Kind.TEXT,),
    gives=Type.TEXT,
    sql=lambda a: call("trimBoth", a.text(0)),
    frame=lambda a: a.text(0).str.strip_chars(" "),
)

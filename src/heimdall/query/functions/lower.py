"""`lower(text)`: in small letters."""

from __future__ import annotations

from heimdall.query.functions.definition import Function, Kind
from heimdall.query.sql.nodes import call
from heimdall.query.types import Type

FUNCTION = Function(
    name="lower",
    signature="lower(text)",
    doc="The text in lower case.",
    example="* | stats count() by lower(environment)",
    takes=(Kind.TEXT,),
    gives=Type.TEXT,
    sql=lambda a: call("lowerUTF8", a.text(0)),
    frame=lambda a: a.text(0).str.to_lowercase(),
)

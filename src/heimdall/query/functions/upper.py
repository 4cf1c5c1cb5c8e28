"""`upper(text)`: in capital letters."""

from __future__ import annotations

from heimdall.query.functions.definition import Function, Kind
from heimdall.query.sql.nodes import call
from heimdall.query.types import Type

FUNCTION = Function(
    name="upper",
    signature="upper(text)",
    doc="The text in upper case.",
    example="* | extend region_code = upper(region)",
    takes=(Kind.TEXT,),
    gives=Type.TEXT,
    sql=lambda a: call("upperUTF8", a.text(0)),
    frame=lambda a: a.text(0).str.to_uppercase(),
)

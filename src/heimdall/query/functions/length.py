"""`length(text)`: how many characters."""

from __future__ import annotations

import polars as pl

from heimdall.query.functions.definition import Function, Kind
from heimdall.query.sql.nodes import call
from heimdall.query.types import Type

FUNCTION = Function(
    name="length",
    signature="length(text)",
    doc="How many characters (code points) the text has.",
    example="* | where length(message) > 1000",
    takes=(Kind.TEXT,),
    gives=Type.INTEGER,
    sql=lambda a: call("toInt64", call("lengthUTF8", a.text(0))),
    frame=lambda a: a.text(0).str.len_chars().cast(pl.Int64),
)

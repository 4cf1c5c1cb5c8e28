"""`byte_length(text)`: how many bytes."""

from __future__ import annotations

import polars as pl

from heimdall.query.functions.definition import Function, Kind
from heimdall.query.sql.nodes import call
from heimdall.query.types import Type

FUNCTION = Function(
    name="byte_length",
    signature="byte_length(text)",
    doc="How many bytes the text has in UTF-8.",
    example="* | stats sum(byte_length(message)) as size_bytes by service",
    takes=(Kind.TEXT,),
    gives=Type.INTEGER,
    sql=lambda a: call("toInt64", call("length", a.text(0))),
    frame=lambda a: a.text(0).str.len_bytes().cast(pl.Int64),
)

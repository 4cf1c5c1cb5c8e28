"""`concat(a, b, …)`: one after the other."""

from __future__ import annotations

import polars as pl

from heimdall.query.functions.definition import Function, Kind
from heimdall.query.sql.nodes import call, string
from heimdall.query.types import Type

FUNCTION = Function(
    name="concat",
    signature="concat(text, …)",
    doc="The texts one after the other; a missing one counts as empty.",
    example='* | stats count() by concat(service, "/", region) as place',
    takes=(Kind.TEXT,),
    repeats=True,
    gives=Type.TEXT,
    sql=lambda a: call("concat", string(""), *(call("ifNull", a.text(place), string("")) for place in range(len(a)))),
    frame=lambda a: pl.concat_str([a.text(place).fill_null("") for place in range(len(a))]),
)

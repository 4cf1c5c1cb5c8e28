"""`count()`: rows; `count(x)`: rows that have `x`."""

from __future__ import annotations

import polars as pl

from heimdall.query.functions.definition import Function, Kind
from heimdall.query.sql.nodes import call
from heimdall.query.sql.values import present
from heimdall.query.types import Type

FUNCTION = Function(
    name="count",
    signature="count([value])",
    doc="How many rows there are; with an argument, how many have it.",
    example="* | stats count() as n by service",
    takes=(Kind.VALUE,),
    optional=1,
    gives=Type.INTEGER,
    aggregate=True,
    sql=lambda a: call("countIf", present(a.value(0))) if len(a) else a.rows,
    frame=lambda a: (a.expression(0).count() if len(a) else pl.len()).cast(pl.Int64),
)

"""`count_distinct(x)`: how many different values there are, exactly."""

from __future__ import annotations

import polars as pl

from heimdall.query.functions.definition import Function, Kind
from heimdall.query.sqlnodes import call
from heimdall.query.sqlvalues import grouped
from heimdall.query.types import Type

FUNCTION = Function(
    name="count_distinct",
    signature="count_distinct(value)",
    doc="How many different values there are, exactly; rows without one do not count.",
    example="* | stats count_distinct(user_id) as users by service",
    takes=(Kind.VALUE,),
    gives=Type.INTEGER,
    aggregate=True,
    sql=lambda a: call("uniqExact", grouped(a.value(0)).sql),
    frame=lambda a: a.expression(0).drop_nulls().n_unique().cast(pl.Int64),
)

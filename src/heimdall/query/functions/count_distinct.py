"""`count_distinct(x)`: how many different values there are, exactly."""

from __future__ import annotations

from functools import reduce

import polars as pl
from sqlglot import exp

from heimdall.query.functions.definition import Function, Kind
from heimdall.query.sql.nodes import binary, call
from heimdall.query.sql.values import Value, grouped
from heimdall.query.types import Type


def _distinct(value: Value) -> exp.Expression:
    """Ids as the bytes they are: a third of the time that their text takes."""
    if not value.parts:
        return call("uniqExact", grouped(value).sql)
    first, *others = (call("uniqExactIf", part.copy(), condition.copy()) for part, condition in value.parts)
    return reduce(lambda total, part: binary("+", total, part), others, first)


FUNCTION = Function(
    name="count_distinct",
    signature="count_distinct(value)",
    doc="How many different values there are, exactly; rows without one do not count.",
    example="* | stats count_distinct(user_id) as users by service",
    takes=(Kind.VALUE,),
    gives=Type.INTEGER,
    aggregate=True,
    sql=lambda a: _distinct(a.value(0)),
    frame=lambda a: a.expression(0).drop_nulls().n_unique().cast(pl.Int64),
)

"""`sum(x)`: the total."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from heimdall.query.functions.definition import Function, Kind
from heimdall.query.sql.nodes import call
from heimdall.query.types import Type


def _gives(types: Sequence[Type]) -> Type:
    return Type.INTEGER if types[0] is Type.INTEGER else Type.NUMBER


def _total(value: pl.Expr) -> pl.Expr:
    return pl.when(value.count() > 0).then(value.sum())


FUNCTION = Function(
    name="sum",
    signature="sum(number)",
    doc="The total; missing when no row has the value. Whole numbers stay whole.",
    example="* | stats sum(duration_ms) as busy_ms by service",
    takes=(Kind.NUMBER,),
    gives=_gives,
    aggregate=True,
    sql=lambda a: call(
        "sumOrNull", call("toInt64", a.value(0).sql) if _gives(a.types) is Type.INTEGER else a.number(0)
    ),
    frame=lambda a: _total(a.expression(0).cast(pl.Int64) if _gives(a.types) is Type.INTEGER else a.number(0)),
)

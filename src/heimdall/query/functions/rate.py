"""`rate()`: rows per second; `rate(x)`: total of `x` per second."""

from __future__ import annotations

import polars as pl
from sqlglot import exp

from heimdall.query.functions.definition import Function, Kind
from heimdall.query.sql.nodes import binary, call, cast, null, number
from heimdall.query.types import Type


def _sql_per_second(total: exp.Expression, seconds: float | None) -> exp.Expression:
    if seconds is None:
        return cast(null(), "Nullable(Float64)")
    return binary("/", call("toFloat64", total), number(seconds))


def _frame_per_second(total: pl.Expr, seconds: float | None) -> pl.Expr:
    return total.cast(pl.Float64) / seconds if seconds is not None else pl.lit(None, pl.Float64)


FUNCTION = Function(
    name="rate",
    signature="rate([number])",
    doc="Rows per second, or the total of a number per second. A second of what: of the bin in a grouping by time, else"
    " of the whole time range; missing when the range has no ends.",
    example="* | stats rate() as per_second by bin(1m)",
    takes=(Kind.NUMBER,),
    optional=1,
    gives=Type.NUMBER,
    aggregate=True,
    sql=lambda a: _sql_per_second(call("sumOrNull", a.number(0)) if len(a) else a.rows, a.seconds),
    frame=lambda a: _frame_per_second(
        pl.when(a.number(0).count() > 0).then(a.number(0).sum()) if len(a) else pl.len(), a.seconds
    ),
)

"""`round(number, digits)`."""

from __future__ import annotations

import polars as pl
from sqlglot import exp

from heimdall.query.functions.definition import Function, Kind
from heimdall.query.sql.nodes import binary, call, number
from heimdall.query.types import Type


def _scale(digits: str | float) -> float:
    return float(10 ** max(-12, min(12, int(digits))))


def _sql(value: exp.Expression, scale: float) -> exp.Expression:
    nearest = call("floor", binary("+", binary("*", value, number(scale)), number(0.5)))
    return binary("/", nearest, number(scale))


def _frame(value: pl.Expr, scale: float) -> pl.Expr:
    return (value * scale + 0.5).floor() / scale


FUNCTION = Function(
    name="round",
    signature="round(number[, digits])",
    doc="The nearest whole number, or with so many digits after the point; halves go up.",
    example="* | stats count() by round(duration_ms, 1)",
    takes=(Kind.NUMBER, Kind.WHOLE),
    optional=1,
    gives=Type.NUMBER,
    sql=lambda a: _sql(a.number(0), _scale(a.literal(1) if len(a) > 1 else 0)),
    frame=lambda a: _frame(a.number(0), _scale(a.literal(1) if len(a) > 1 else 0)),
)

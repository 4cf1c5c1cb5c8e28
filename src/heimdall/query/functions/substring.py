"""`substring(text, start, length)`: a part by place."""

from __future__ import annotations

import polars as pl
from sqlglot import exp

from heimdall.query.functions.definition import Function, Kind
from heimdall.query.sql.nodes import call, number
from heimdall.query.types import Type


def _bounds(start: str | float, length: str | float | None) -> tuple[int, int | None]:
    return max(int(start), 1), None if length is None else max(int(length), 0)


def _sql(text: exp.Expression, start: int, length: int | None) -> exp.Expression:
    return call("substringUTF8", text, number(start), *([] if length is None else [number(length)]))


def _frame(text: pl.Expr, start: int, length: int | None) -> pl.Expr:
    return text.str.slice(start - 1, length)


FUNCTION = Function(
    name="substring",
    signature="substring(text, start[, length])",
    doc="The part that starts at a character (the first is 1), up to a length.",
    example="* | extend prefix = substring(message, 1, 20)",
    takes=(Kind.TEXT, Kind.WHOLE, Kind.WHOLE),
    optional=1,
    gives=Type.TEXT,
    sql=lambda a: _sql(a.text(0), *_bounds(a.literal(1), a.literal(2) if len(a) > 2 else None)),
    frame=lambda a: _frame(a.text(0), *_bounds(a.literal(1), a.literal(2) if len(a) > 2 else None)),
)

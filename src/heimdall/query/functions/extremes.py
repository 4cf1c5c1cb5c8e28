"""Smallest and largest of any type: shared by `min` and `max`."""

from __future__ import annotations

from typing import Literal

import polars as pl
from sqlglot import exp

from heimdall.query.frame.values import FrameValue
from heimdall.query.frame.values import ordering as frame_ordering
from heimdall.query.sql.nodes import call, number
from heimdall.query.sql.values import Value, as_json, as_number, as_text
from heimdall.query.types import Type

End = Literal["min", "max"]


def sql_extreme(value: Value, end: End) -> exp.Expression:
    if value.type is not Type.ANY:
        return call(f"{end}OrNull", value.sql)
    amount = as_number(value)
    rank = call(
        "tuple",
        call("isNull", amount),
        call("ifNull", amount.copy(), number(0.0)),
        call("ifNull", as_text(value), _EMPTY),
        call("ifNull", as_json(value), _EMPTY),
    )
    name = "argMinOrNullIf" if end == "min" else "argMaxOrNullIf"
    return call(name, as_json(value), rank, call("isNotNull", value.sql.copy()))


_EMPTY = exp.Literal.string("")


def frame_extreme(value: FrameValue, end: End) -> pl.Expr:
    if value.type is not Type.ANY:
        return value.expr.min() if end == "min" else value.expr.max()
    kept = value.expr.is_not_null()
    keys = [key.filter(kept) for key in frame_ordering(value)]
    ranked = value.expr.filter(kept).sort_by(keys, nulls_last=True)
    return ranked.first() if end == "min" else ranked.last()

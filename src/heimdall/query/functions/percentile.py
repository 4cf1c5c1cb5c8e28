"""`pNN(x)`: percentiles, `p50`, `p95`, `p99.9` …

Exact, with linear interpolation between neighbours (type 7 of Hyndman and Fan, The American Statistician 50, 1996).
"""

from __future__ import annotations

import re

import polars as pl
from sqlglot import exp

from heimdall.query.functions.definition import Function, Kind
from heimdall.query.sql.nodes import number, parametric
from heimdall.query.types import Type

_NAME = re.compile(r"p(\d{1,2}(?:\.\d{1,4})?|100)")


def sql_quantile(value: exp.Expression, level: float) -> exp.Expression:
    return parametric("quantileExactInclusiveOrNull", [number(level)], value)


def frame_quantile(value: pl.Expr, level: float) -> pl.Expr:
    return value.quantile(level, interpolation="linear")


def percentile_named(name: str) -> Function | None:
    """The function a name such as `p95` stands for."""
    match = _NAME.fullmatch(name)
    if match is None:
        return None
    level = round(float(match[1]) / 100, 8)
    return Function(
        name=name,
        signature=f"{name}(number)",
        doc=f"The value that {match[1]} % of the rows do not exceed, exactly, interpolated between neighbours.",
        example=f"* | stats {name}(duration_ms) by service",
        takes=(Kind.NUMBER,),
        gives=Type.NUMBER,
        aggregate=True,
        sql=lambda a: sql_quantile(a.number(0), level),
        frame=lambda a: frame_quantile(a.number(0), level),
    )


def _common(name: str) -> Function:
    function = percentile_named(name)
    assert function is not None  # noqa: S101  # the names below are percentiles
    return function


FUNCTIONS = tuple(map(_common, ("p50", "p75", "p90", "p95", "p99", "p99.9")))
"""The usual ones, for completion; any other percentile works the same way."""

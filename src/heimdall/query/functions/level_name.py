"""`level_name(number)`: level of an OpenTelemetry severity number."""

from __future__ import annotations

import polars as pl
from sqlglot import exp

from heimdall.query.frame.values import FrameValue
from heimdall.query.frame.values import as_text as frame_text
from heimdall.query.functions.definition import Function, Kind
from heimdall.query.sql.nodes import binary, both, call, choose, null, number
from heimdall.query.sql.values import Value, as_text
from heimdall.query.types import Type


def _sql(severity: exp.Expression) -> exp.Expression:
    inside = both(binary(">=", severity, number(0)), binary("<=", severity.copy(), number(24)))
    rank = call(
        "toUInt8", call("floor", binary("/", binary("+", call("floor", severity.copy()), number(3)), number(4)))
    )
    return choose(call("ifNull", inside, exp.false()), as_text(Value(rank, Type.LEVEL)), null())


def _frame(severity: pl.Expr) -> pl.Expr:
    inside = pl.when((severity >= 0) & (severity <= 24)).then(severity)
    return frame_text(FrameValue(((inside.floor() + 3) / 4).floor().cast(pl.UInt8), Type.LEVEL))


FUNCTION = Function(
    name="level_name",
    signature="level_name(number)",
    doc="The level an OpenTelemetry severity number (0 to 24) belongs to.",
    example="* | stats count() by level_name(severity_number) as level",
    takes=(Kind.NUMBER,),
    gives=Type.TEXT,
    sql=lambda a: _sql(a.number(0)),
    frame=lambda a: _frame(a.number(0)),
)

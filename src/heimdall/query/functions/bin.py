"""`bin(step)`, `bin(value, step)`: the start of the step a value lies in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
from sqlglot import exp

from heimdall.query.ast import Duration
from heimdall.query.frame.values import TIME
from heimdall.query.functions.definition import Function, Kind
from heimdall.query.literals import NS_PER_UNIT
from heimdall.query.sql.nodes import binary, call, number, string
from heimdall.query.types import Type

if TYPE_CHECKING:
    from heimdall.query.frame.expressions import FrameArguments
    from heimdall.query.sql.expressions import SqlArguments


def step_of(arguments: SqlArguments | FrameArguments) -> float:
    """Nanoseconds of a step in time, or the width of one in numbers."""
    place = len(arguments) - 1
    step = float(arguments.literal(place))
    if _of_time(arguments):
        return step
    return step / 1e6 if isinstance(arguments.expressions[place], Duration) else step


def _of_time(arguments: SqlArguments | FrameArguments) -> bool:
    return len(arguments) == 1 or arguments.types[0] is Type.TIME


def offset_of(step_ns: int) -> int:
    """Where steps start to count: 1970 began on a Thursday, weeks begin on Mondays."""
    return 4 * NS_PER_UNIT["d"] if step_ns % NS_PER_UNIT["w"] == 0 else 0


def _sql(arguments: SqlArguments) -> exp.Expression:
    step = step_of(arguments)
    if not _of_time(arguments):
        width = number(step)
        return binary("*", call("floor", binary("/", arguments.number(0), width)), width.copy())
    moment = arguments.builder.lookup("timestamp").sql if len(arguments) == 1 else arguments.value(0).sql
    return call("fromUnixTimestamp64Nano", sql_bin_ns(moment, int(step)), string("UTC"))


def sql_bin_ns(moment: exp.Expression, step_ns: int) -> exp.Expression:
    """Nanoseconds of the start of the step."""
    nanoseconds = call("toUnixTimestamp64Nano", moment)
    shifted = binary("-", nanoseconds, number(offset_of(step_ns))) if offset_of(step_ns) else nanoseconds
    return binary("-", nanoseconds.copy(), call("positiveModulo", shifted.copy(), number(step_ns)))


def _frame(arguments: FrameArguments) -> pl.Expr:
    step = step_of(arguments)
    if not _of_time(arguments):
        return (arguments.number(0) / step).floor() * step
    moment = arguments.builder.lookup("timestamp").expr if len(arguments) == 1 else arguments.expression(0)
    nanoseconds, step_ns = moment.dt.epoch("ns"), int(step)
    shifted = nanoseconds - offset_of(step_ns)
    return (nanoseconds - ((shifted % step_ns) + step_ns) % step_ns).cast(TIME)


FUNCTION = Function(
    name="bin",
    signature="bin(step) · bin(value, step)",
    doc="The start of the step that holds the value: times by a duration, numbers by a width. `bin(5m)` is"
    " `bin(timestamp, 5m)`; steps of whole weeks start on Mondays.",
    example="* | stats count() by bin(5m), level",
    takes=(Kind.VALUE, Kind.STEP),
    optional=1,
    gives=lambda types: (
        Type.TIME
        if types[0] in (Type.TIME, Type.DURATION) and len(types) == 1 or types[0] is Type.TIME
        else Type.NUMBER
    ),
    sql=_sql,
    frame=_frame,
)

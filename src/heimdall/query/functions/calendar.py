"""`calendar(time, unit[, zone])`: the start of the day, month, … by the clocks of a place."""

from __future__ import annotations

from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import polars as pl
from sqlglot import exp

from heimdall.errors import InvalidInput
from heimdall.query.frame.values import TIME
from heimdall.query.functions.definition import Function, Kind
from heimdall.query.sql.nodes import call, number, string
from heimdall.query.types import Type

if TYPE_CHECKING:
    from heimdall.query.frame.expressions import FrameArguments
    from heimdall.query.sql.expressions import SqlArguments

UNITS = {
    "day": ("toStartOfDay", "1d"),
    "week": ("toMonday", "1w"),
    "month": ("toStartOfMonth", "1mo"),
    "quarter": ("toStartOfQuarter", "1q"),
    "year": ("toStartOfYear", "1y"),
}
"""Unit → ClickHouse's function, Polars' step."""


def _unit(arguments: SqlArguments | FrameArguments) -> tuple[str, str]:
    found = UNITS.get(str(arguments.literal(1)))
    if found is None:
        raise InvalidInput(f"calendar() knows {', '.join(UNITS)}, not {str(arguments.literal(1))[:40]!r}")
    return found


def _zone(arguments: SqlArguments | FrameArguments) -> str:
    name = str(arguments.literal(2)) if len(arguments) > 2 else "UTC"
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise InvalidInput(f"there is no time zone {name[:60]!r}; write one as Europe/Berlin") from None
    return name


def _sql(arguments: SqlArguments) -> exp.Expression:
    zone = _zone(arguments)
    start = call(_unit(arguments)[0], call("toTimeZone", arguments.value(0).sql, string(zone)))
    return call("toTimeZone", call("toDateTime64", start, number(9), string(zone)), string("UTC"))


def _frame(arguments: FrameArguments) -> pl.Expr:
    local = arguments.expression(0).dt.convert_time_zone(_zone(arguments))
    return local.dt.truncate(_unit(arguments)[1]).cast(TIME)


FUNCTION = Function(
    name="calendar",
    signature='calendar(time, "unit"[, "zone"])',
    doc=f"The start of the {', '.join(UNITS)} that holds the time, by the clocks of a place, or of UTC. Weeks start on"
    " Mondays.",
    example='* | stats count() by calendar(timestamp, "month", "Europe/Berlin") as month',
    takes=(Kind.TIME, Kind.LITERAL, Kind.LITERAL),
    optional=1,
    gives=Type.TIME,
    sql=_sql,
    frame=_frame,
)

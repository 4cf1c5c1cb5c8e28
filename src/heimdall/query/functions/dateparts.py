"""Parts of a time in UTC: `year`, `month`, `day`, `hour`, `minute`, `second`, `weekday`."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl

from heimdall.query.functions.definition import Function, Kind
from heimdall.query.sql.nodes import call
from heimdall.query.types import Type


def _part(name: str, doc: str, sql: str, frame: Callable[[pl.Expr], pl.Expr]) -> Function:
    return Function(
        name=name,
        signature=f"{name}([time])",
        doc=f"{doc}, in UTC; of `timestamp` when nothing is named.",
        example=f"* | stats count() by {name}() as {name}",
        takes=(Kind.TIME,),
        optional=1,
        gives=Type.INTEGER,
        sql=lambda a: call("toInt64", call(sql, a.value(0).sql if len(a) else a.builder.lookup("timestamp").sql)),
        frame=lambda a: frame(a.expression(0) if len(a) else a.builder.lookup("timestamp").expr).cast(pl.Int64),
    )


FUNCTIONS = (
    _part("year", "The year", "toYear", lambda time: time.dt.year()),
    _part("month", "The month, 1 to 12", "toMonth", lambda time: time.dt.month()),
    _part("day", "The day of the month, 1 to 31", "toDayOfMonth", lambda time: time.dt.day()),
    _part("hour", "The hour, 0 to 23", "toHour", lambda time: time.dt.hour()),
    _part("minute", "The minute, 0 to 59", "toMinute", lambda time: time.dt.minute()),
    _part("second", "The second, 0 to 59", "toSecond", lambda time: time.dt.second()),
    _part("weekday", "The day of the week, 1 (Monday) to 7", "toDayOfWeek", lambda time: time.dt.weekday()),
)

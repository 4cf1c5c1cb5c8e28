"""Rollups: how many records there are of a kind in a minute or an hour, counted as they are stored.

A SQL engine keeps the counts beside the records, in the same part on disk, so they are exact at every moment: what is
appended, merged, dropped or never came counts the same in both. A grouping by columns of one rollup, over whole
minutes or hours, reads some rows for each in place of every record.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlglot import exp

MINUTE_NS = 60 * 10**9
HOUR_NS = 60 * MINUTE_NS

WEIGHT = "_weight"
"""Column of the rows a question makes of a rollup: how many records each stands for. Rows of one kind may come more
than once, from several parts of a range or several tiers: their weights add up."""


@dataclass(frozen=True, slots=True)
class Rollup:
    """Counts of records by tenant, unit of time and `columns` (of the engine's table)."""

    name: str
    columns: tuple[str, ...]
    unit_ns: int = MINUTE_NS
    """`MINUTE_NS` or `HOUR_NS`."""


ROLLUPS: tuple[Rollup, ...] = (
    Rollup("hours_by_service", ("severity_number", "service"), HOUR_NS),
    Rollup("hours_by_template", ("severity_number", "template_id"), HOUR_NS),
    Rollup("minutes_by_service", ("severity_number", "service")),
    Rollup("minutes_by_template", ("severity_number", "template_id")),
    Rollup("minutes_by_place", ("severity_number", "region", "environment")),
)
"""Kept apart: together they would have a row for almost every record. Hours first: of two that are as many blocks
ClickHouse takes the first."""


def minute_of(timestamp: exp.Expression) -> exp.Expression:
    """Number of the minute since 1970 a time lies in, rounded down before 1970 too.

    Engine and queries have to write it alike: that is how an engine sees that a rollup holds the answer.
    """
    nanoseconds = exp.Anonymous(this="toUnixTimestamp64Nano", expressions=[timestamp])
    minute = exp.Literal.number(MINUTE_NS)
    whole = exp.Anonymous(this="intDiv", expressions=[nanoseconds, minute])
    rest = exp.Anonymous(this="modulo", expressions=[nanoseconds.copy(), minute.copy()])
    before_1970 = exp.Anonymous(this="less", expressions=[rest, exp.Literal.number(0)])
    return exp.Anonymous(this="minus", expressions=[whole, exp.Anonymous(this="toInt64", expressions=[before_1970])])


def hour_of(timestamp: exp.Expression) -> exp.Expression:
    """Number of the hour since 1970, made of the minute: where a folder has no counts by hour, those by minute do."""
    minute = minute_of(timestamp)
    within = exp.Anonymous(this="positiveModulo", expressions=[minute.copy(), exp.Literal.number(60)])
    start = exp.Anonymous(this="minus", expressions=[minute, within])
    return exp.Anonymous(this="intDiv", expressions=[start, exp.Literal.number(60)])


def unit_of(timestamp: exp.Expression, unit_ns: int) -> exp.Expression:
    """`minute_of` or `hour_of`."""
    return hour_of(timestamp) if unit_ns == HOUR_NS else minute_of(timestamp)


def unit_named(node: exp.Expr) -> int | None:
    """`MINUTE_NS` or `HOUR_NS` where `node` is what `unit_of` makes of a table's `timestamp`, else None."""
    timestamp = node.find(exp.Column) if isinstance(node, exp.Anonymous) else None
    if timestamp is None or timestamp.name != "timestamp":
        return None
    return next((unit for unit in (MINUTE_NS, HOUR_NS) if node == unit_of(timestamp.copy(), unit)), None)


def weighs(select: exp.Select) -> bool:
    """Whether the select makes rows with a `WEIGHT`."""
    return any(item.alias == WEIGHT for item in select.expressions)

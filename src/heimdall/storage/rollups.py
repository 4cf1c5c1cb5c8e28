"""Rollups: how many records there are of a kind in a minute, counted as they are stored.

A SQL engine keeps the counts beside the records, in the same part on disk, so they are exact at every moment: what is
appended, merged, dropped or never came counts the same in both. A grouping by columns of one rollup, over whole
minutes, reads some rows a minute in place of every record.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlglot import exp

MINUTE_NS = 60 * 10**9

WEIGHT = "_weight"
"""Column of the rows a question makes of a rollup: how many records each stands for. Rows of one kind may come more
than once, from several parts of a range or several tiers: their weights add up."""


@dataclass(frozen=True, slots=True)
class Rollup:
    """Counts of records by tenant, minute and `columns` (of the engine's table)."""

    name: str
    columns: tuple[str, ...]


ROLLUPS: tuple[Rollup, ...] = (
    Rollup("minutes_by_service", ("severity_number", "service")),
    Rollup("minutes_by_template", ("severity_number", "template_id")),
    Rollup("minutes_by_place", ("severity_number", "region", "environment")),
)
"""Kept apart: together they would have a row for almost every record. These three take 0.1 bytes a record."""


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


def is_minute(node: exp.Expr) -> bool:
    """Whether `node` is what `minute_of` makes of a table's `timestamp`."""
    timestamp = node.find(exp.Column) if isinstance(node, exp.Anonymous) else None
    return timestamp is not None and timestamp.name == "timestamp" and node == minute_of(timestamp.copy())


def weighs(select: exp.Select) -> bool:
    """Whether the select makes rows with a `WEIGHT`."""
    return any(item.alias == WEIGHT for item in select.expressions)

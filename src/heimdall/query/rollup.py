"""Questions that the engine's rollups answer: counts by hour or minute and a few columns, in place of every record.

Which question that is, is read off the statement itself: when the conditions and keys read nothing but the columns of
one rollup, the records may be counted by its unit of time. A range is answered in up to five parts: a long one's whole
hours from a rollup, the whole minutes before and behind them from another, the pieces of a minute at its ends from
their records.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlglot import exp

from heimdall.query.counting import Counting
from heimdall.query.sql.nodes import TABLE, binary, call, column, number, string
from heimdall.storage.rollups import HOUR_NS, MINUTE_NS, WEIGHT, Rollup, unit_of

LEAST_UNITS = 12
"""Hours of a range from which on they are counted as such. A part costs a millisecond or two; a day of minutes, of a
hundred kinds, reads 140,000 rows."""


def rollup_source(
    table: exp.Expression,
    rollups: Sequence[Rollup],
    counting: Counting,
    conditions: Sequence[exp.Expression],
    tenant: str,
    start_ns: int | None,
    end_ns: int | None,
) -> exp.Select | exp.Union | None:
    """Rows (`counting.columns`, `timestamp` when there is a step, `WEIGHT`) whose weights sum up to the records of
    `tenant` in [start_ns, end_ns) that fulfil `conditions`; None when no rollup has what is read.

    A row may come twice, once for each part of the range: add the weights up.
    """
    read = {*counting.columns}.union(*(_columns_of(condition) for condition in conditions))
    units = {rollup.unit_ns for rollup in rollups if read <= set(rollup.columns)}
    if not units:
        return None
    parts = _parts(start_ns, end_ns, [unit for unit in (HOUR_NS, MINUTE_NS) if unit in units], counting)
    if all(part.unit_ns is None for part in parts):
        return None  # no whole unit: its records are few
    selects = [_counted(table, counting, part, conditions, tenant) for part in parts]
    union: exp.Select | exp.Union = selects[0]
    for select in selects[1:]:
        union = exp.Union(this=union, expression=select, distinct=False)
    return union


@dataclass(frozen=True, slots=True)
class _Part:
    """[start, end) in units of a rollup, or in ns where there is none: its records are counted. None = no bound."""

    start: int | None
    end: int | None
    unit_ns: int | None = None

    def conditions(self) -> list[exp.Expression]:
        bounds = [(op, at) for op, at in ((">=", self.start), ("<", self.end)) if at is not None]
        if self.unit_ns is not None:
            return [binary(op, unit_of(column("timestamp"), self.unit_ns), number(at)) for op, at in bounds]
        return [binary(op, column("timestamp"), call("fromUnixTimestamp64Nano", number(at))) for op, at in bounds]


def _parts(start_ns: int | None, end_ns: int | None, units: Sequence[int], counting: Counting) -> list[_Part]:
    """A range cut at whole units, largest first; what no unit divides is left to its records."""
    if not units:
        return [_Part(start_ns, end_ns)]
    unit_ns, *smaller = units
    if not smaller or _is_worth(unit_ns, start_ns, end_ns, counting):
        first = None if start_ns is None else -(-start_ns // unit_ns)
        last = None if end_ns is None else end_ns // unit_ns
        if first is None or last is None or first < last:
            parts = [_Part(first, last, unit_ns)]
            if start_ns is not None and first is not None and start_ns < first * unit_ns:
                parts += _parts(start_ns, first * unit_ns, smaller, counting)
            if end_ns is not None and last is not None and last * unit_ns < end_ns:
                parts += _parts(last * unit_ns, end_ns, smaller, counting)
            return parts
    return _parts(start_ns, end_ns, smaller, counting)


def _is_worth(unit_ns: int, start_ns: int | None, end_ns: int | None, counting: Counting) -> bool:
    """Whether steps are made of whole units, in a range of so many that two parts more are cheaper."""
    if (counting.step_ns or 0) % unit_ns or counting.offset_ns % unit_ns:
        return False
    return start_ns is None or end_ns is None or end_ns - start_ns >= LEAST_UNITS * unit_ns


def _counted(
    table: exp.Expression, counting: Counting, part: _Part, conditions: Sequence[exp.Expression], tenant: str
) -> exp.Select:
    keys: dict[str, exp.Expression] = {name: column(name) for name in counting.columns}
    if counting.step_ns is not None:
        keys["timestamp"] = _step_start(counting.step_ns, counting.offset_ns, part.unit_ns or MINUTE_NS)
    select = exp.Select()
    for name, value in keys.items():
        select = select.select(exp.alias_(value, name, quoted=True), copy=False)
    select = select.select(exp.alias_(call("count"), WEIGHT, quoted=True), copy=False).from_(table.copy(), copy=False)
    wanted = [binary("=", column("tenant"), string(tenant)), *part.conditions()]
    wanted += [condition.copy() for condition in conditions]
    select = select.where(exp.and_(*wanted, copy=False), copy=False)
    if keys:
        select.set("group", exp.Group(expressions=[value.copy() for value in keys.values()]))
    return select


def _step_start(step_ns: int, offset_ns: int, unit_ns: int) -> exp.Expression:
    """The time a step starts at; its own step starts there too."""
    units, offset = step_ns // unit_ns, offset_ns // unit_ns
    unit = unit_of(column("timestamp"), unit_ns)
    shifted = binary("-", unit.copy(), number(offset)) if offset else unit.copy()
    start = binary("-", unit, call("positiveModulo", shifted, number(units)))
    return call("fromUnixTimestamp64Nano", binary("*", start, number(unit_ns)), string("UTC"))


def _columns_of(condition: exp.Expression) -> set[str]:
    """Every column of the table a condition reads, sub-columns by their column."""
    found = {node.name for node in condition.find_all(exp.Column)}
    found |= {node.expression.name for node in condition.find_all(exp.Dot) if node.this.name == TABLE}
    return found

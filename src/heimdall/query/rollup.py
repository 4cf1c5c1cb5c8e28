"""Questions that the engine's rollups answer: counts by minute and a few columns, in place of every record.

Which question that is, is read off the statement itself: when the conditions and keys read nothing but the columns of
one rollup, the records may be counted by minutes. A range that begins or ends inside a minute is answered in up to
three parts: the whole minutes from the rollup, the pieces of a minute at its ends from their records.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot import exp

from heimdall.query.counting import Counting
from heimdall.query.sql.nodes import TABLE, binary, call, column, number, string
from heimdall.storage.rollups import MINUTE_NS, WEIGHT, Rollup, minute_of


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
    if not any(read <= set(rollup.columns) for rollup in rollups):
        return None
    first = None if start_ns is None else -(-start_ns // MINUTE_NS)
    last = None if end_ns is None else end_ns // MINUTE_NS
    if first is not None and last is not None and first >= last:
        return None  # no whole minute: its records are few
    minute = minute_of(column("timestamp"))
    whole = [binary(op, minute.copy(), number(at)) for op, at in ((">=", first), ("<", last)) if at is not None]
    parts = [whole]
    if start_ns is not None and first is not None and start_ns < first * MINUTE_NS:
        parts.append(_between(start_ns, first * MINUTE_NS))
    if end_ns is not None and last is not None and last * MINUTE_NS < end_ns:
        parts.append(_between(last * MINUTE_NS, end_ns))
    selects = [_counted(table, counting, [*part, *conditions], tenant) for part in parts]
    union: exp.Select | exp.Union = selects[0]
    for select in selects[1:]:
        union = exp.Union(this=union, expression=select, distinct=False)
    return union


def _counted(
    table: exp.Expression, counting: Counting, conditions: Sequence[exp.Expression], tenant: str
) -> exp.Select:
    keys: dict[str, exp.Expression] = {name: column(name) for name in counting.columns}
    if counting.step_ns is not None:
        keys["timestamp"] = _step_start(counting.step_ns, counting.offset_ns)
    select = exp.Select()
    for name, value in keys.items():
        select = select.select(exp.alias_(value, name, quoted=True), copy=False)
    select = select.select(exp.alias_(call("count"), WEIGHT, quoted=True), copy=False).from_(table.copy(), copy=False)
    wanted = [binary("=", column("tenant"), string(tenant)), *(condition.copy() for condition in conditions)]
    select = select.where(exp.and_(*wanted, copy=False), copy=False)
    if keys:
        select.set("group", exp.Group(expressions=[value.copy() for value in keys.values()]))
    return select


def _step_start(step_ns: int, offset_ns: int) -> exp.Expression:
    """The time a step starts at; its own step starts there too."""
    minutes, offset = step_ns // MINUTE_NS, offset_ns // MINUTE_NS
    minute = minute_of(column("timestamp"))
    shifted = binary("-", minute.copy(), number(offset)) if offset else minute.copy()
    start = binary("-", minute, call("positiveModulo", shifted, number(minutes)))
    return call("fromUnixTimestamp64Nano", binary("*", start, number(MINUTE_NS)), string("UTC"))


def _between(start_ns: int, end_ns: int) -> list[exp.Expression]:
    return [
        binary(op, column("timestamp"), call("fromUnixTimestamp64Nano", number(bound)))
        for op, bound in ((">=", start_ns), ("<", end_ns))
    ]


def _columns_of(condition: exp.Expression) -> set[str]:
    """Every column of the table a condition reads, sub-columns by their column."""
    found = {node.name for node in condition.find_all(exp.Column)}
    found |= {node.expression.name for node in condition.find_all(exp.Dot) if node.this.name == TABLE}
    return found

"""Pieces of a select over one table, put together again as a union of several selects."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlglot import exp

from heimdall.storage.engines.clickhouse import layout

NAMES = tuple(column.name for column in layout.COLUMNS)
JSON = next(column for column in layout.COLUMNS if column.type.startswith("JSON"))


_ON_WORDS = frozenset({"hasAllTokens", "hasPhrase"})


@dataclass(frozen=True, slots=True)
class Tail:
    """Order and limit of a branch, and what it computes to order by."""

    order: exp.Order
    limit: exp.Limit
    computed: Sequence[exp.Alias]


def reading(statement: exp.Query, name: str = layout.TABLE) -> Iterator[exp.Select]:
    """Selects that read the table of this name, the hot one by default, outermost first."""
    for select in statement.find_all(exp.Select):
        source = select.args.get("from_")
        table = source.this if source is not None else None
        if isinstance(table, exp.Table) and (table.db, table.name) == (layout.DATABASE, name):
            yield select


def take_conditions(select: exp.Select) -> exp.Expr | None:
    """Its conditions as one, which it loses."""
    parts = [clause.this for name in ("prewhere", "where") if (clause := select.args.get(name)) is not None]
    for name in ("prewhere", "where"):
        select.set(name, None)
    return all_of(*parts)


def all_of(*tests: exp.Expr | None) -> exp.Expr | None:
    there = [test.copy() for test in tests if test is not None]
    return exp.and_(*there) if there else None


def columns(select: exp.Select) -> list[str]:
    """Columns of the table the select mentions outside its conditions; at least one."""
    if any(
        isinstance(item, exp.Star) or (isinstance(item, exp.Column) and item.is_star) for item in select.expressions
    ):
        return list(NAMES)
    mentioned = {identifier.name for identifier in select.find_all(exp.Identifier)}
    return [name for name in NAMES if name in mentioned] or ["position"]


def top_rows(select: exp.Select, alias: str) -> Tail | None:
    """Order and limit each branch can keep to: the answer's first rows are among the first rows of the branches.

    What the select orders by is columns, or what it computes of columns of one record under a name.
    """
    order, limit = select.args.get("order"), select.args.get("limit")
    if order is None or limit is None or not isinstance(limit.expression, exp.Literal) or limit.expressions:
        return None
    if any(select.args.get(name) for name in ("group", "having", "distinct", "windows", "qualify", "joins")):
        return None
    named = {item.alias: item for item in select.expressions if isinstance(item, exp.Alias) and item.alias not in NAMES}
    computed = []
    for item in order.expressions:
        column = item.this
        if not isinstance(column, exp.Column):
            return None
        if column.table == "" and column.name in named:
            if not _of_one_record(named[column.name], alias):
                return None
            computed.append(named[column.name])
        elif not _is_stored(column, alias):
            return None
    if any(item.find(exp.Window) for item in select.expressions):
        return None
    rows = int(limit.expression.name)
    offset = select.args.get("offset")
    if offset is not None:
        if not isinstance(offset.expression, exp.Literal):
            return None
        rows += int(offset.expression.name)
    return Tail(order, exp.Limit(expression=exp.Literal.number(rows)), computed)


def _of_one_record(computed: exp.Alias, alias: str) -> bool:
    """Whether it is a sum of conditions on words, which a branch can compute as well: an aggregate it could not."""
    calls = computed.find_all(exp.Func)
    return all(_is_stored(column, alias) for column in computed.find_all(exp.Column)) and all(
        isinstance(call, exp.Array | exp.And | exp.Or) or call.name in _ON_WORDS for call in calls
    )


def _is_stored(column: exp.Column, alias: str) -> bool:
    return column.table == alias and column.name in NAMES and column.name != JSON.name


def branch(
    table: exp.Expr, alias: str, names: Sequence[str], test: exp.Expr | None, tail: Tail | None = None
) -> exp.Select:
    """The columns `names` of the records of `table` for which `test` holds."""
    table.set("alias", exp.TableAlias(this=exp.to_identifier(alias, quoted=True)))
    found = exp.Select(expressions=[exp.column(name, table=alias, quoted=True) for name in names])
    found = found.from_(table, copy=False)
    if test is not None:
        found = found.where(test.copy(), copy=False)
    if tail is not None:
        found.select(*(item.copy() for item in tail.computed), copy=False)
        found.set("order", tail.order.copy())
        found.set("limit", tail.limit.copy())
    return found


def read_union(select: exp.Select, alias: str, branches: Sequence[exp.Query], tail: Tail | None = None) -> None:
    """Make `select` read all of `branches` under the name its table had, and what they have computed for `tail`."""
    for item in tail.computed if tail is not None else ():
        item.set("this", exp.column(item.alias, table=alias, quoted=True))
        for star in select.find_all(exp.Star):
            star.set("except_", [*(star.args.get("except_") or ()), exp.column(item.alias)])
    union = branches[0]
    for one in branches[1:]:
        union = exp.union(union, one, distinct=False, copy=False)
    select.from_(union.subquery(exp.to_identifier(alias, quoted=True), copy=False), copy=False)

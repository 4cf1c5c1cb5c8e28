"""One statement over all tiers: every read of the hot table becomes a union of exactly the places its answer lies in.

The query language knows one table. Here, just before a statement runs, each `SELECT … FROM` that table is looked at:
which tenant, which times, which values of which columns? The catalogue says which units may hold such records; the
select's conditions go into a branch for each tier, so that each uses its own indexes, and the select itself reads
their union. A select whose answer lies in the hot tier alone stays as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from sqlglot import exp, parse_one

from heimdall.model.batch import TenantId
from heimdall.storage.catalogue import Snapshot, Unit
from heimdall.storage.engines.clickhouse import layout, leaving, warm
from heimdall.storage.engines.clickhouse.branches import (
    JSON,
    NAMES,
    Tail,
    all_of,
    branch,
    columns,
    read_union,
    reading,
    take_conditions,
    top_rows,
)
from heimdall.storage.engines.clickhouse.indexes import conjuncts, use_indexes
from heimdall.storage.engines.parquet.files import ColdFiles
from heimdall.storage.rollups import MINUTE_NS, is_minute, weighs
from heimdall.storage.schedule import Tier
from heimdall.storage.selection import Selection

_WORDS = parse_one(layout.WORDS, dialect="clickhouse")


@dataclass(slots=True)
class Reach:
    """What the conditions of a select say about where its records lie; what they leave open is None or missing."""

    tenant: TenantId | None = None
    start_ns: int | None = None
    end_ns: int | None = None
    """First moment after the range."""
    equal: dict[str, tuple[bytes, ...]] = field(default_factory=dict)
    """Column → the values one of which it must have."""


@dataclass(slots=True)
class Spanned:
    """A statement that reads what `tiers` hold."""

    statement: exp.Query
    tiers: set[Tier] = field(default_factory=set)
    units: list[Unit] = field(default_factory=list)
    changed: bool = False
    """Whether the statement names indexes by itself; else it is the one that was asked."""


Available = Callable[[Sequence[Unit]], list[Unit]]
"""Those of some cold units that can be read now."""

Indexed = Callable[[exp.Query], exp.Query]
"""A statement over a tier's table, as one with the indexes that table has."""


def span(
    statement: exp.Query,
    snapshot: Snapshot,
    cold: ColdFiles | None,
    available: Available,
    indexed: Mapping[Tier, Indexed] = MappingProxyType({}),
) -> Spanned:
    """`statement` over the hot table, as one over all tiers of `snapshot`. The argument stays as it is."""
    found = Spanned(statement)
    if not snapshot.units and not snapshot.hidden:  # everything is hot: nothing has to be looked at
        found.tiers.add(Tier.HOT)
        return found
    plans = [_plan(select, snapshot, cold, available) for select in reading(statement)]
    for plan in plans:
        found.tiers.add(Tier.HOT)
        found.tiers.update(unit.tier for unit in plan.units)
        found.units += plan.units
    if not any(plan.units or plan.hidden for plan in plans):
        return found
    found.changed = True
    found.statement = statement.copy()
    for select, plan in zip(list(reading(found.statement)), plans, strict=True):
        _rewrite(select, plan, cold, indexed)
    return found


@dataclass(slots=True)
class _Plan:
    units: list[Unit]
    hidden: list[Selection]


def _plan(select: exp.Select, snapshot: Snapshot, cold: ColdFiles | None, available: Available) -> _Plan:
    reach = reach_of(select)
    tenants = [reach.tenant] if reach.tenant is not None else list(snapshot.units)
    units = [unit for tenant in tenants for unit in snapshot.overlapping(tenant, reach.start_ns, reach.end_ns)]
    kept = [unit for unit in units if unit.tier is Tier.WARM]
    files = [unit for unit in units if unit.tier is Tier.COLD and cold is not None and cold.may_hold(unit, reach.equal)]
    hidden = [one for one in snapshot.hidden if _concerns(one, reach)]
    return _Plan([*kept, *available(files)], hidden)


def _concerns(selection: Selection, reach: Reach) -> bool:
    if reach.tenant is not None and reach.tenant != selection.tenant:
        return False
    after = reach.start_ns is not None and reach.start_ns > selection.end_ns
    before = reach.end_ns is not None and reach.end_ns <= selection.start_ns
    return not (after or before)


# ---- what a select asks for ----------------------------------------------------------------------------------------


def reach_of(select: exp.Select) -> Reach:
    """Read off the conditions that must all hold; whatever is not understood narrows nothing."""
    reach = Reach()
    for clause in ("prewhere", "where"):
        test = select.args.get(clause)
        if test is not None:
            for part in conjuncts(test.this):
                _narrow(reach, part)
    return reach


def _narrow(reach: Reach, test: exp.Expr) -> None:
    if isinstance(test, exp.In) and isinstance(test.this, exp.Column) and test.expressions:
        values = [_bytes(item) for item in test.expressions]
        if all(value is not None for value in values):
            reach.equal.setdefault(test.this.name, tuple(value for value in values if value is not None))
        return
    if isinstance(test, exp.Binary) and is_minute(test.left):
        minute = _whole(test.right)
        if minute is not None and isinstance(test, (exp.GTE, exp.LT)):  # the others mean moments inside the minute too
            _narrow_time(reach, test, minute * MINUTE_NS)
        return
    if not isinstance(test, exp.Binary) or not isinstance(test.left, exp.Column):
        return
    name = test.left.name
    if name == "timestamp":
        moment = _moment(test.right)
        if moment is not None:
            _narrow_time(reach, test, moment)
    elif isinstance(test, exp.EQ):
        value = _bytes(test.right)
        if value is None:
            return
        if name == "tenant":
            reach.tenant = TenantId(value.decode())
        else:
            reach.equal.setdefault(name, (value,))


def _narrow_time(reach: Reach, test: exp.Binary, moment: int) -> None:
    if isinstance(test, (exp.GTE, exp.GT, exp.EQ)):
        reach.start_ns = moment if reach.start_ns is None else max(reach.start_ns, moment)
    if isinstance(test, (exp.LT, exp.LTE, exp.EQ)):
        end_ns = moment if isinstance(test, exp.LT) else moment + 1
        reach.end_ns = end_ns if reach.end_ns is None else min(reach.end_ns, end_ns)


def _moment(node: exp.Expr) -> int | None:
    """Nanoseconds of `fromUnixTimestamp64Nano(…)` of a constant."""
    if not isinstance(node, exp.Anonymous) or node.name != "fromUnixTimestamp64Nano":
        return None
    inner = node.expressions[0]
    if isinstance(inner, exp.Anonymous) and inner.name == "toInt64":
        inner = inner.expressions[0]
    return _whole(inner)


def _whole(node: exp.Expr) -> int | None:
    sign = 1
    while isinstance(node, (exp.Paren, exp.Neg)):
        sign = -sign if isinstance(node, exp.Neg) else sign
        node = node.this
    if not isinstance(node, exp.Literal):
        return None
    try:
        return sign * int(node.name)
    except ValueError:
        return None


def _bytes(node: exp.Expr) -> bytes | None:
    """A constant as the bytes a sketch knows: text, a whole number as text, `toFixedString(unhex('…'), n)`."""
    if isinstance(node, exp.Literal):
        return node.name.encode() if node.is_string or node.name.isdigit() else None
    if isinstance(node, exp.Anonymous) and node.name == "toFixedString":
        inner = node.expressions[0]
        if isinstance(inner, (exp.Unhex, exp.Anonymous)) and inner.sql("clickhouse").lower().startswith("unhex("):
            text = inner.find(exp.Literal)
            try:
                return bytes.fromhex(text.name) if text is not None else None
            except ValueError:
                return None
    return None


# ---- the union -----------------------------------------------------------------------------------------------------


def _rewrite(select: exp.Select, plan: _Plan, cold: ColdFiles | None, indexed: Mapping[Tier, Indexed]) -> None:
    table = select.args["from_"].this
    alias = table.alias or table.name
    test = take_conditions(select)
    hot_test = all_of(test, *(exp.Not(this=exp.Paren(this=leaving.condition(one, alias))) for one in plan.hidden))
    if not plan.units:
        if hot_test is not None:
            select.where(hot_test, copy=False)
        changed = use_indexes(select)
        if changed is not select:
            select.set("where", changed.args.get("where"))
        return
    if weighs(select):
        select.set("where", None if hot_test is None else exp.Where(this=hot_test))
        _add_weights(select, plan, cold, alias, test)
        return
    names = columns(select)
    tail = top_rows(select, alias)
    hot = branch(exp.to_table(leaving.TABLE), alias, names, hot_test, tail)
    branches = [indexed.get(Tier.HOT, use_indexes)(hot)]
    units = {tier: [unit for unit in plan.units if unit.tier is tier] for tier in (Tier.WARM, Tier.COLD)}
    if units[Tier.WARM]:
        ours = exp.column("unit", table=alias, quoted=True).isin(*(unit.id for unit in units[Tier.WARM]))
        kept = branch(exp.to_table(warm.TABLE), alias, names, all_of(ours, test), tail)
        branches.append(indexed.get(Tier.WARM, use_indexes)(kept))
    if units[Tier.COLD]:
        assert cold is not None
        branches.append(_cold_branch(cold.table(units[Tier.COLD]), alias, names, test, tail))
    read_union(select, alias, branches, tail)


def _add_weights(select: exp.Select, plan: _Plan, cold: ColdFiles | None, alias: str, test: exp.Expr | None) -> None:
    """Counts of every tier beside those of the hot one: each adds up what it keeps, so that its rollups can be used."""
    union: exp.Query = select.copy()
    for tier in (Tier.WARM, Tier.COLD):
        units = [unit for unit in plan.units if unit.tier is tier]
        if not units:
            continue
        table: exp.Expr = exp.to_table(warm.TABLE)
        wanted = test
        if tier is Tier.WARM:
            ours = exp.column("unit", table=alias, quoted=True).isin(*(unit.id for unit in units))
            wanted = all_of(ours, test)
        else:
            assert cold is not None
            table = cold.table(units)
        table.set("alias", exp.TableAlias(this=exp.to_identifier(alias, quoted=True)))
        other = select.copy()
        other.set("where", None if wanted is None else exp.Where(this=wanted.copy()))
        union = exp.union(union, other.from_(table, copy=False), distinct=False, copy=False)
    select.replace(union)


def _indexed(branch: exp.Select) -> exp.Select:
    rewritten = use_indexes(branch)
    assert isinstance(rewritten, exp.Select)
    return rewritten


def _cold_branch(
    table: exp.Expr, alias: str, names: Sequence[str], test: exp.Expr | None, tail: Tail | None
) -> exp.Select:
    """Attributes are JSON text in a file; it is parsed only where it is asked for, and last. Words are made where a
    condition asks for them, so that it means what it means in the other tiers."""
    computed = tail.computed if tail is not None else ()
    mentioned = _mentioned(all_of(test, *computed))
    tested = JSON.name in mentioned
    asked = exp.select("1").where(test) if test is not None else None
    worded = asked is not None and use_indexes(asked) is not asked
    if tested or worded:
        columns = dict.fromkeys([*names, *mentioned])
        inner = exp.Select(expressions=[_parsed(name) if tested else exp.column(name, quoted=True) for name in columns])
        if worded:
            inner = inner.select(exp.alias_(_WORDS.copy(), "message_words", quoted=True), copy=False)
        table = inner.from_(table, copy=False).subquery(copy=False)
    found = branch(table, alias, names, test, tail)
    if worded:
        found = _indexed(found)
    if tested or JSON.name not in names:
        return found
    given = [*(_parsed(name) for name in names), *(exp.column(item.alias, quoted=True) for item in computed)]
    return exp.Select(expressions=given).from_(found.subquery(copy=False), copy=False)


def _mentioned(test: exp.Expr | None) -> list[str]:
    if test is None:
        return []
    found = {identifier.name for identifier in test.find_all(exp.Identifier)}
    return [name for name in NAMES if name in found]


def _parsed(name: str) -> exp.Expr:
    column = exp.column(name, quoted=True)
    if name != JSON.name:
        return column
    value = exp.Anonymous(this="CAST", expressions=[column, exp.Literal.string(JSON.type)])
    return exp.alias_(value, name, quoted=True)

"""A query as one ClickHouse statement, built as a sqlglot tree.

Each level of the statement reads one source under one alias (`nodes.TABLE`). Pipes extend the level they find; where
a pipe needs the result of the level before (a limit, a grouping, a computed field that is computed with again) that
level is closed and becomes the source of the next. Only fields that a later pipe or the answer reads leave a level.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from sqlglot import exp

from heimdall.model.batch import TenantId
from heimdall.query.ast import Call, Expression, MatchAll, Predicate, Query, fields_of
from heimdall.query.context import Context
from heimdall.query.fields import POSITION_COLUMN, RECORD_FIELDS, TIME_COLUMN
from heimdall.query.languages.hql.printer import expression_text
from heimdall.query.pipes.aggregation import Column, step_seconds
from heimdall.query.rollup import rollup_source
from heimdall.query.shape import shape_of
from heimdall.query.sql.expressions import compile_expression
from heimdall.query.sql.nodes import TABLE, binary, both, call, column, null, number, string
from heimdall.query.sql.search import predicate_sql
from heimdall.query.sql.values import Form, Value, as_boolean, field_value, grouped, ordering, output
from heimdall.query.types import Type
from heimdall.storage.rollups import WEIGHT, Rollup

__all__ = ["SqlBuilder", "predicate_sql", "scan_conditions", "to_sql"]


def to_sql(
    query: Query,
    *,
    table: str,
    tenant: TenantId,
    start_ns: int | None = None,
    end_ns: int | None = None,
    scope: Predicate | None = None,
    columns: Sequence[str] | None = None,
    limit: int | None = None,
    before: tuple[int, int] | None = None,
    context: Context | None = None,
    rollups: Sequence[Rollup] = (),
) -> exp.Select:
    """The statement that answers `query` over the records of one tenant in [start_ns, end_ns).

    Rows that are records come newest first (unless the query sorts) with the columns `fields` names, by default all of
    `RECORD_FIELDS`, then what pipes added, then `_timestamp` and `_position`. Aggregated rows have the columns
    `heimdall.query.shape.shape_of(query)` lists. `limit` cuts the answer; `before` = (timestamp, position) continues
    behind that record and wants newest-first rows. `context` says what `now()` is and how long `rate()` looks; its
    range defaults to [start_ns, end_ns). A question that only counts reads one of `rollups` where that has the answer.

    Raises:
        QuerySyntaxError: the query asks for something that has no meaning (types, unknown columns behind `stats`).
    """
    shape_of(query)
    context = context or Context(start_ns=start_ns, end_ns=end_ns)
    wanted = [predicate_sql(item, context) for item in (scope, query.search) if not isinstance(item, MatchAll | None)]
    source = exp.Table(this=exp.to_identifier(table, quoted=True), alias=exp.TableAlias(this=_alias()))
    if "." in table:
        source = exp.to_table(table, dialect="clickhouse", alias=TABLE)
    counted = None
    if rollups and query.pipes and (counting := query.pipes[0].counting(context)) is not None:
        counted = rollup_source(source, rollups, counting, wanted, tenant, start_ns, end_ns)
    if counted is not None:
        counts = exp.Subquery(this=counted, alias=exp.TableAlias(this=_alias()))
        builder = SqlBuilder(counts, [], context, query, columns, weight=column(WEIGHT))
    else:
        conditions = scan_conditions(tenant, start_ns, end_ns)
        if before is not None:
            conditions.append(_before(*before))
        builder = SqlBuilder(source, [*conditions, *wanted], context, query, columns)
    for place, pipe in enumerate(query.pipes):
        builder.place = place
        pipe.to_sql(builder)
    return builder.finish(limit)


def scan_conditions(tenant: TenantId, start_ns: int | None, end_ns: int | None) -> list[exp.Expression]:
    """Conditions on tenant and time, in the order of the table's key."""
    conditions = [binary("=", column("tenant"), string(tenant))]
    for operator, bound in ((">=", start_ns), ("<", end_ns)):
        if bound is not None:
            conditions.append(binary(operator, column("timestamp"), call("fromUnixTimestamp64Nano", number(bound))))
    return conditions


def _before(timestamp_ns: int, position: int) -> exp.Expression:
    moment = call("fromUnixTimestamp64Nano", number(timestamp_ns))
    earlier = binary("<", column("timestamp"), moment)
    same = both(binary("=", column("timestamp"), moment.copy()), binary("<", column("position"), number(position)))
    return both(binary("<=", column("timestamp"), moment.copy()), exp.Paren(this=exp.Or(this=earlier, expression=same)))


def _alias() -> exp.Identifier:
    return exp.to_identifier(TABLE, quoted=True)


class SqlBuilder:
    """One level of the statement, as far as it is built. Pipes change it through the methods below."""

    def __init__(
        self,
        source: exp.Expression,
        conditions: list[exp.Expression],
        context: Context,
        query: Query,
        columns: Sequence[str] | None,
        weight: exp.Expression | None = None,
    ) -> None:
        self.context: Context = context
        self.place = 0
        """Index of the pipe that is being added."""
        self.records = True
        """Rows are records: `first`, `last` and newest-first order have a meaning."""
        self.grouping = False
        """Calls are aggregates over rows, not columns an earlier `stats` has named after a call."""
        self.window_s: float | None = None
        """Seconds that one row of a grouping by time stands for; what `rate()` divides by."""
        self._weight = weight
        """How many records a row of the source stands for; None: one."""
        self._query = query
        self._whole = True
        """The answer has every field of the record, beside `_columns`."""
        self._base = True
        """The source is the table itself, so that any field can be read."""
        self._wanted = tuple(columns if columns is not None else RECORD_FIELDS)
        self._answers_whole = shape_of(query).whole
        self._dropped: set[str] = set()
        self._source = source
        self._conditions = conditions
        self._columns: dict[str, Value] = {
            TIME_COLUMN: Value(column("timestamp"), Type.TIME),
            POSITION_COLUMN: Value(column("position"), Type.INTEGER),
        }
        self._added: list[str] = []
        """Names of the answer's columns beside those of a whole record, in order."""
        self._computed: set[str] = set()
        self._order: list[tuple[str, bool]] = [(TIME_COLUMN, True), (POSITION_COLUMN, True)]
        self._limit: int | None = None

    # ---- reading ----

    def lookup(self, name: str) -> Value:
        """What `name` means on this level; missing where nothing has that name."""
        if name in self._columns:
            return self._columns[name]
        if self._base and self._whole and name not in self._dropped:
            return field_value(name)
        if f"{name}()" in self._columns:
            return self._columns[f"{name}()"]
        return Value(null(), Type.ANY, Form.JSON)

    def computed_call(self, expression: Call) -> Value | None:
        """The column a call has made before, as `count()` behind `stats count()`."""
        return self._columns.get(expression_text(expression))

    @property
    def rows(self) -> exp.Expression:
        """How many rows a group has."""
        return call("count") if self._weight is None else call("sum", self._weight.copy())

    @property
    def seconds(self) -> float | None:
        """What `rate()` divides by."""
        return self.window_s if self.window_s is not None else self.context.seconds

    def compile(self, expression: Expression) -> Value:
        return compile_expression(expression, self)

    def condition(self, expression: Expression) -> exp.Expression:
        """True or false, never NULL."""
        return as_boolean(self.compile(expression))

    @property
    def moment(self) -> exp.Expression:
        """The order in which things happened: timestamp, then position, as one number of 128 bits, which ClickHouse
        compares four times as fast as a tuple of the two."""
        nanoseconds = call("toInt128", call("toUnixTimestamp64Nano", self._columns[TIME_COLUMN].sql))
        position = call("toInt128", self._columns[POSITION_COLUMN].sql)
        return binary("+", call("bitShiftLeft", nanoseconds, number(64)), position)

    # ---- steps ----

    def prepare(self, *expressions: Expression) -> None:
        """Call before compiling. Closes the level when an expression reads what the level itself computes, so that
        no expression grows with every pipe, or when the level has a limit, which must keep the rows it kept."""
        reads_computed = any(name in self._computed for item in expressions for name in fields_of(item))
        if reads_computed or self._limit is not None:
            self.close()

    def where(self, condition: exp.Expression) -> None:
        """Keep rows for which `condition` holds."""
        self._conditions.append(condition)

    def extend(self, values: Mapping[str, Value]) -> None:
        """Add columns, or replace those of the same name."""
        for name, value in values.items():
            self._keep_order(name)
            self._columns.pop(name, None)
            self._columns[name] = replace(value, raw=None, key=None, parts=())
            self._computed.add(name)
            self._dropped.discard(name)
            self._added = [*(other for other in self._added if other != name), name]

    def keep(self, names: Sequence[str]) -> None:
        """Only these columns, in this order."""
        for name, _ in self._order:
            if name not in names:
                self._keep_order(name)
        hidden = [name for name in self._columns if self._hidden(name)]
        self._columns = {name: self.lookup(name) for name in [*names, *hidden]}
        self._added = list(names)
        self._whole = False

    def drop(self, names: Sequence[str]) -> None:
        for name in names:
            self._keep_order(name)
            self._columns.pop(name, None)
            self._dropped.add(name)
        self._added = [name for name in self._added if name not in names]

    def sort(self, keys: Sequence[tuple[Value, bool]]) -> None:
        """Order by (value, descending); rows that are equal keep the order they had."""
        added = []
        for value, descending in keys:
            name = f"_sort{len([n for n in self._columns if n.startswith('_sort')])}"
            self._columns[name] = value
            added.append((name, descending))
        self._order = [*added, *self._order]

    def limit(self, rows: int) -> None:
        self._limit = rows if self._limit is None else min(rows, self._limit)

    def limit_by(self, values: Sequence[Value], rows: int = 1) -> None:
        """Only the first rows, in order, of each combination of `values`."""
        select = self._select(self._leaving())
        self._ordered(select)
        by = [grouped(value).sql.copy() for value in values]
        select.set("limit", exp.Limit(expression=number(rows), expressions=by))
        self._reset(select, self._leaving())

    def group(
        self,
        keys: Mapping[str, Value],
        aggregates: Mapping[str, Value],
        order: Sequence[tuple[str, bool]] | None = None,
    ) -> None:
        """One row for each combination of `keys`; ordered by `order` (column, descending), else by the keys."""
        outer = {name: grouped(value) for name, value in keys.items()}
        columns = {**outer, **aggregates}
        select = self._select(columns)
        by = [value.key if value.key is not None else outer[name].sql for name, value in keys.items()]
        if by:
            select.set("group", exp.Group(expressions=[item.copy() for item in by]))
        self.records = False
        self._whole = False
        self._reset(select, columns)
        self._added = list(columns)
        self._order = list(order) if order is not None else [(name, False) for name in keys]

    def aggregate(
        self, columns: Sequence[Column], keys: Sequence[Column], order: Sequence[tuple[str, bool]] | None = None
    ) -> None:
        """`group` of expressions: the keys, and aggregates over each group."""
        self.prepare(*(column.expression for column in (*keys, *columns)))
        grouped_by = {key.name: self.compile(key.expression) for key in keys}
        self.window_s = step_seconds([key for key in keys if grouped_by[key.name].type is Type.TIME])
        self.grouping = True
        made = {column.name: self.compile(column.expression) for column in columns}
        self.grouping = False
        self.window_s = None
        self.group(grouped_by, made, order)

    def share(self, name: str, of: str) -> None:
        """Add column `name`: the part of column `of` in its total over all rows."""
        amount = call("toFloat64", self._columns[of].sql)
        total = exp.Window(this=call("sum", amount.copy()))
        self.extend({name: Value(binary("/", amount, total), Type.NUMBER)})

    # ---- levels ----

    def close(self) -> None:
        """Make this level the source of the next."""
        leaving = self._leaving()
        select = self._select(leaving)
        if self._limit is not None:
            self._ordered(select)
        self._reset(select, leaving)

    def _hidden(self, name: str) -> bool:
        return name.startswith("_sort") or (self.records and name in (TIME_COLUMN, POSITION_COLUMN))

    def _keep_order(self, name: str) -> None:
        """Rows stay in the order a column gave them when the column itself goes."""
        if any(name == ordered for ordered, _ in self._order) and not self._hidden(name):
            hidden = f"_sort{len(self._columns)}_{name}"
            self._columns[hidden] = self._columns[name]
            self._order = [(hidden if name == ordered else ordered, way) for ordered, way in self._order]

    def _leaving(self) -> dict[str, Value]:
        """Columns that a later step or the answer reads."""
        leaving: dict[str, Value] = {}
        if self._whole:
            later = {name for pipe in self._query.pipes[self.place :] for name in pipe.reads()}
            wanted = self._wanted if self._answers_whole else ()
            leaving = {name: self.lookup(name) for name in [*wanted, *sorted(later - set(wanted))]}
        return {**leaving, **self._columns}

    def _reset(self, select: exp.Select, columns: Mapping[str, Value]) -> None:
        self._source = exp.Subquery(this=select, alias=exp.TableAlias(this=_alias()))
        self._base = False
        self._weight = None
        self._conditions = []
        self._computed = set()
        self._limit = None
        self._columns = {name: Value(column(name), value.type, value.form) for name, value in columns.items()}

    def _select(self, columns: Mapping[str, Value]) -> exp.Select:
        select = exp.Select()
        for name, value in columns.items():
            select = select.select(exp.alias_(value.sql.copy(), name, quoted=True), copy=False)
        select = select.from_(self._source, copy=False)
        if self._conditions:
            select = select.where(both(*self._conditions), copy=False)
        return select

    def _ordered(self, select: exp.Select) -> None:
        keys = [
            exp.Ordered(this=key.copy(), desc=descending, nulls_first=False)
            for name, descending in self._order
            for key in ordering(self._columns[name])
        ]
        if keys:
            select.set("order", exp.Order(expressions=keys))
        if self._limit is not None:
            select.set("limit", exp.Limit(expression=number(self._limit)))

    def finish(self, limit: int | None) -> exp.Select:
        """The statement of the last level, with the answer's columns."""
        if limit is not None:
            self.limit(limit)
        select = self._select({name: Value(output(value), value.type) for name, value in self._answer()})
        self._ordered(select)
        return select

    def _answer(self) -> Iterator[tuple[str, Value]]:
        listed = [name for name in self._wanted if name not in self._dropped] if self._whole else []
        for name in [*listed, *(name for name in self._added if name not in listed)]:
            yield name, self.lookup(name)
        if self.records:
            for name in (TIME_COLUMN, POSITION_COLUMN):
                yield name, self._columns[name]

"""A query evaluated over columns in memory: the memory engine, live tails, and rows merged from several tiers.

Independent of `heimdall.query.sql.statement` on purpose: `tests/properties/test_engines_agree.py` compares the two.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

from heimdall.query.ast import Call, Expression, Predicate, Query, search_fields
from heimdall.query.context import Context
from heimdall.query.fields import POSITION_COLUMN, RECORD_FIELDS, TIME_COLUMN
from heimdall.query.frame.expressions import compile_frame
from heimdall.query.frame.fields import BaseFields
from heimdall.query.frame.search import predicate_frame
from heimdall.query.frame.values import FrameValue, as_boolean, ordering, output
from heimdall.query.languages.hql.printer import expression_text
from heimdall.query.pipes.aggregation import Column, step_seconds
from heimdall.query.shape import shape_of
from heimdall.query.types import Type

__all__ = ["FrameBuilder", "evaluate", "matching_rows", "predicate_expr"]


def evaluate(
    query: Query,
    frame: pl.LazyFrame,
    *,
    columns: Sequence[str] | None = None,
    limit: int | None = None,
    context: Context | None = None,
) -> pl.LazyFrame:
    """The answer of `query` over `frame`, which has the columns of `LOG_SCHEMA`, `position` and `template_id`.

    Columns and their order are those of `heimdall.query.sql.statement.to_sql`; so are the meanings of `columns`,
    `limit` and `context`. Rows of other tenants or outside the time range must already be gone.

    Raises:
        QuerySyntaxError: the query asks for something that has no meaning.
    """
    shape_of(query)
    context = context or Context()
    wanted = tuple(columns if columns is not None else RECORD_FIELDS)
    needed = dict.fromkeys([*wanted, *(name for pipe in query.pipes for name in pipe.reads()), "timestamp"])
    fields = BaseFields({*search_fields(query.search), *needed})
    found = fields.prepare(frame).filter(predicate_frame(query.search, fields, context))
    builder = FrameBuilder(found, {name: fields.value(name) for name in needed}, wanted, context)
    for pipe in query.pipes:
        pipe.to_frame(builder)
    return builder.finish(limit)


def matching_rows(predicate: Predicate, frame: pl.LazyFrame, context: Context | None = None) -> pl.LazyFrame:
    """The rows of `frame` that a search matches, with the columns `frame` had."""
    before = frame.collect_schema().names()
    fields = BaseFields(search_fields(predicate))
    return fields.prepare(frame).filter(predicate_frame(predicate, fields, context or Context())).select(before)


def predicate_expr(predicate: Predicate, context: Context | None = None) -> pl.Expr:
    """A search as one expression, true or false for every row of a frame that has all columns of `LOG_SCHEMA`."""
    return predicate_frame(predicate, BaseFields(search_fields(predicate), inline=True), context or Context())


class FrameBuilder:
    """Rows as far as they are evaluated. Pipes change them through the methods below.

    Columns of the frame have names of their own (`c0`, `c1`, …), so that no name of a sender can be mistaken for a
    column, a regular expression or a selector.
    """

    def __init__(
        self, frame: pl.LazyFrame, values: Mapping[str, FrameValue], wanted: Sequence[str], context: Context
    ) -> None:
        self.context: Context = context
        self.records = True
        self.grouping = False
        """Calls are aggregates over rows, not columns an earlier `stats` has named after a call."""
        self.window_s: float | None = None
        """Seconds that one row of a grouping by time stands for; what `rate()` divides by."""
        self._made = 0
        self._whole = True
        self._wanted = [name for name in wanted]
        named = {name: (self._name(), value) for name, value in values.items()}
        hidden = [pl.col("timestamp").alias(TIME_COLUMN), pl.col("position").alias(POSITION_COLUMN)]
        self._frame = frame.select([*hidden, *(value.expr.alias(column) for column, value in named.values())])
        self._columns = {name: FrameValue(pl.col(column), value.type) for name, (column, value) in named.items()}
        self._added: list[str] = []
        self._order: list[tuple[pl.Expr, bool]] = [(pl.col(TIME_COLUMN), True), (pl.col(POSITION_COLUMN), True)]

    # ---- reading ----

    def lookup(self, name: str) -> FrameValue:
        """What `name` means here; missing where nothing has that name."""
        if name in self._columns:
            return self._columns[name]
        if self.records and name in (TIME_COLUMN, POSITION_COLUMN):
            return FrameValue(pl.col(name), Type.TIME if name == TIME_COLUMN else Type.INTEGER)
        if f"{name}()" in self._columns:
            return self._columns[f"{name}()"]
        return FrameValue(pl.lit(None, pl.String), Type.ANY)

    def computed_call(self, call: Call) -> FrameValue | None:
        """The column a call has made before, as `count()` behind `stats count()`."""
        return self._columns.get(expression_text(call)) if self._added else None

    def compile(self, expression: Expression) -> FrameValue:
        return compile_frame(expression, self)

    def condition(self, expression: Expression) -> pl.Expr:
        return as_boolean(self.compile(expression))

    @property
    def seconds(self) -> float | None:
        return self.window_s if self.window_s is not None else self.context.seconds

    # ---- steps ----

    def where(self, condition: pl.Expr) -> None:
        self._frame = self._frame.filter(condition)

    def extend(self, values: Mapping[str, FrameValue]) -> None:
        for name, value in values.items():
            column = self._name()
            self._frame = self._frame.with_columns(value.expr.alias(column))
            self._columns[name] = FrameValue(pl.col(column), value.type)
            self._added = [*(other for other in self._added if other != name), name]

    def keep(self, names: Sequence[str]) -> None:
        self._columns = {name: self.lookup(name) for name in names}
        self._added = list(dict.fromkeys(names))
        self._whole = False

    def drop(self, names: Sequence[str]) -> None:
        self._columns = {name: value for name, value in self._columns.items() if name not in names}
        self._added = [name for name in self._added if name not in names]
        self._wanted = [name for name in self._wanted if name not in names]

    def sort(self, keys: Sequence[tuple[FrameValue, bool]]) -> None:
        added: list[tuple[pl.Expr, bool]] = []
        for value, descending in keys:
            for key in ordering(value):
                column = self._name()
                self._frame = self._frame.with_columns(key.alias(column))
                added.append((pl.col(column), descending))
        self._order = [*added, *self._order]

    def limit(self, rows: int) -> None:
        self._frame = self._sorted().head(rows)

    def limit_by(self, values: Sequence[FrameValue], rows: int = 1) -> None:
        names = [self._name() for _ in values]
        keyed = self._sorted().with_columns([value.expr.alias(name) for name, value in zip(names, values, strict=True)])
        place = pl.int_range(pl.len()).over(names)
        self._frame = (
            keyed.unique(subset=names, keep="first", maintain_order=True) if rows == 1 else keyed.filter(place < rows)
        )

    def group(
        self,
        keys: Mapping[str, FrameValue],
        aggregates: Mapping[str, FrameValue],
        order: Sequence[tuple[str, bool]] | None = None,
    ) -> None:
        names = {name: self._name() for name in [*keys, *aggregates]}
        by = [value.expr.alias(names[name]) for name, value in keys.items()]
        made = [value.expr.alias(names[name]) for name, value in aggregates.items()]
        if by:  # keys as columns first: a constant among them must not make a group of no rows
            self._frame = self._frame.with_columns(by).group_by([names[name] for name in keys]).agg(made)
        else:
            self._frame = self._frame.select(made)
        self.records = False
        self._whole = False
        types = {name: value.type for name, value in [*keys.items(), *aggregates.items()]}
        self._columns = {name: FrameValue(pl.col(names[name]), kind) for name, kind in types.items()}
        self._added = list(self._columns)
        ordered = order if order is not None else [(name, False) for name in keys]
        self._order = [(key, descending) for name, descending in ordered for key in self._keys(self._columns[name])]

    def aggregate(
        self, columns: Sequence[Column], keys: Sequence[Column], order: Sequence[tuple[str, bool]] | None = None
    ) -> None:
        """`group` of expressions: the keys, and aggregates over each group."""
        grouped_by = {key.name: self.compile(key.expression) for key in keys}
        steps = [column for column in keys if grouped_by[column.name].type is Type.TIME]
        self.window_s = step_seconds(steps)
        self.grouping = True
        made = {column.name: self.compile(column.expression) for column in columns}
        self.grouping = False
        self.window_s = None
        self.group(grouped_by, made, order)

    def share(self, name: str, of: str) -> None:
        """Add column `name`: the part of column `of` in its total over all rows."""
        amount = self._columns[of].expr.cast(pl.Float64)
        self.extend({name: FrameValue(amount / amount.sum(), Type.NUMBER)})

    def finish(self, limit: int | None) -> pl.LazyFrame:
        """Rows in order, with the answer's columns under their own names."""
        frame = self._sorted() if limit is None else self._sorted().head(limit)
        listed = self._wanted if self._whole else []
        names = [*listed, *(name for name in self._added if name not in listed)]
        answer = [output(self.lookup(name)).alias(name) for name in names]
        hidden = [pl.col(TIME_COLUMN), pl.col(POSITION_COLUMN)] if self.records else []
        return frame.select([*answer, *hidden])

    def _keys(self, value: FrameValue) -> list[pl.Expr]:
        columns = []
        for key in ordering(value):
            column = self._name()
            self._frame = self._frame.with_columns(key.alias(column))
            columns.append(pl.col(column))
        return columns

    def _sorted(self) -> pl.LazyFrame:
        if not self._order:
            return self._frame
        keys, descending = zip(*self._order, strict=True)
        return self._frame.sort(list(keys), descending=list(descending), nulls_last=True, maintain_order=True)

    def _name(self) -> str:
        self._made += 1
        return f"c{self._made}"

"""Aggregations as statements: one a level of the tree, grouped by the keys of every level above it.

A level's own metrics are columns of its statement. Terms are cut to their size by the engine, also within each bucket
above them, and the statements below read only the records of the terms that were kept.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import orjson
import polars as pl
import pyarrow as pa

from heimdall.query.ast import Call, Pipe, Predicate, Query
from heimdall.query.languages.esdsl.aggregations import metrics
from heimdall.query.languages.esdsl.aggregations.composite import Composite
from heimdall.query.languages.esdsl.aggregations.conditions import conditions_of
from heimdall.query.languages.esdsl.aggregations.grouping import COUNT, Grouping, column_of
from heimdall.query.languages.esdsl.aggregations.groupings import grouping_of
from heimdall.query.languages.esdsl.aggregations.pipelines import extend_buckets, over_buckets
from heimdall.query.languages.esdsl.aggregations.reading import (
    FILTERS,
    GROUPINGS,
    METRICS,
    PARENT_PIPELINES,
    SIBLING_PIPELINES,
    TOPS,
    Aggregation,
)
from heimdall.query.languages.esdsl.faults import MAX_BUCKETS, Fault, too_many_buckets
from heimdall.query.languages.esdsl.names import both
from heimdall.query.pipes.aggregation import Column
from heimdall.query.pipes.frequency import COUNT as TOP_COUNT
from heimdall.query.pipes.frequency import SHARE as TOP_SHARE
from heimdall.query.pipes.stats import Stats
from heimdall.query.pipes.top import Top
from heimdall.query.shape import shape_of
from heimdall.query.types import Type

Ask = Callable[[Query, int], pa.Table]
"""(question, most rows) → its rows."""
Row = dict[str, Any]
Path = tuple[Any, ...]
"""Keys of a bucket and of those around it, outermost first."""
Results = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Scope:
    """Records of a level, and the keys of the buckets around it."""

    search: Predicate
    keys: tuple[Column, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(key.name for key in self.keys)

    def path(self, row: Row) -> Path:
        return tuple(_hashable(row[name]) for name in self.names)


class Tops(Protocol):
    """Records at the top of each bucket: how `top_hits` and `top_metrics` are answered."""

    def __call__(self, aggregation: Aggregation, scope: Scope) -> Mapping[Path, Results]: ...

    def nothing(self, aggregation: Aggregation) -> Results:
        """Of a bucket without records."""


@dataclass(frozen=True, slots=True)
class Total:
    """Matching records of a level, and its metrics."""

    count: int
    metrics: Results


class Runner:
    """Runs the aggregations of one request."""

    def __init__(self, ask: Ask, tops: Tops, now_ns: int) -> None:
        self._ask = ask
        self._tops = tops
        self._now_ns = now_ns
        self._buckets = 0
        self._counts: dict[str, int] = {}
        """Matching records, as an aggregation at the root that has them all has counted them."""

    def run(self, aggregations: Sequence[Aggregation], search: Predicate) -> tuple[int, Results]:
        """Number of matching records, and the answer's `aggregations`."""
        root = Aggregation("", "", {}, tuple(aggregations))
        scope = Scope(search)
        if not root.of(METRICS) and any(self._has_all(child) for child in aggregations):
            found = self._below(root, scope, {(): {}})[()]
            return next(count for name, count in self._counts.items() if name in found), found
        total = self._totals(root, scope).get((), Total(0, self._no_metrics(root)))
        return total.count, self._below(root, scope, {(): total.metrics})[()]

    def _has_all(self, child: Aggregation) -> bool:
        """Its buckets add up to the number of matching records."""
        return child.kind == "date_histogram" and grouping_of(child, self._now_ns).has_all

    # ---- one level ----

    def _below(self, parent: Aggregation, scope: Scope, paths: Mapping[Path, Results]) -> dict[Path, Results]:
        """What stands below each bucket of `parent`, in the order it was asked for; `paths` come with their metrics."""
        made: dict[str, Mapping[Path, Results]] = {}
        for child in parent.of(GROUPINGS, FILTERS, TOPS):
            made[child.name] = self._bucketed(child, scope) if paths else {}
        answers: dict[Path, Results] = {}
        for path, own in paths.items():
            answer: Results = {}
            for child in parent.below:
                if child.name in own:
                    answer[child.name] = own[child.name]
                elif child.name in made:
                    found = made[child.name].get(path)
                    answer[child.name] = self._nothing(child) if found is None else found
                if child.meta is not None and child.name in answer:
                    answer[child.name] = {"meta": child.meta, **answer[child.name]}
            for child in parent.of(SIBLING_PIPELINES):
                answer[child.name] = over_buckets(child, answer)
            answers[path] = answer
        return answers

    def _bucketed(self, child: Aggregation, scope: Scope) -> Mapping[Path, Results]:
        if child.kind in TOPS:
            return self._tops(child, scope)
        if child.kind in FILTERS:
            return self._conditions(child, scope)
        if child.kind == "composite":
            return self._composite(child, scope)
        return self._groups(child, scope)

    def _totals(self, parent: Aggregation, scope: Scope) -> dict[Path, Total]:
        rows = self._rows(parent, scope, scope.keys)
        return {scope.path(row): Total(int(row[COUNT]), self._metrics(parent, row)) for row in rows}

    # ---- buckets ----

    def _groups(self, child: Aggregation, scope: Scope) -> dict[Path, Results]:
        grouping = grouping_of(child, self._now_ns)
        key = Column(grouping.expression, f"k{len(scope.keys)}")
        inner = Scope(both([scope.search, grouping.search]), (*scope.keys, key))
        columns = self._columns(child)
        others: dict[Path, int] | None = None
        if grouping.top_field is not None and not scope.keys and not columns:
            rows, others = self._top(grouping.top_field, inner, grouping.most or 0)
        else:
            pipes = grouping.pipes(key.name, scope.names, lambda by: column_of(child, by, columns))
            rows = [row for row in self._rows(child, inner, inner.keys, pipes) if row[key.name] is not None]
        rows, is_cut = first_rows(rows, grouping.most, scope)
        if not scope.keys and grouping.has_all:
            self._counts[child.name] = sum(int(row[COUNT]) for row in rows)
        restriction = None
        if is_cut and child.of(GROUPINGS, FILTERS, TOPS):
            restriction = grouping.restriction([row[key.name] for row in rows])
        if restriction is not None:
            inner = replace(inner, search=both([inner.search, restriction]))
        own = {inner.path(row): self._metrics(child, row) for row in rows}
        below = self._below(child, inner, own)
        if others is None:
            others = self._others(grouping, scope, key) if is_cut else {}
        by_parent: dict[Path, dict[Any, tuple[Row, Results]]] = {}
        for row in rows:
            path = inner.path(row)
            by_parent.setdefault(path[:-1], {})[path[-1]] = (row, below[path])
        parents = by_parent if scope.keys or by_parent else {(): {}}
        return {
            parent: self._told(grouping, child, found, key.name, others.get(parent, 0))
            for parent, found in parents.items()
        }

    def _top(self, field: str, inner: Scope, most: int) -> tuple[list[Row], dict[Path, int]]:
        """The most frequent values of a field, and how many records have it at all."""
        query = Query(inner.search, (Top((field,), most + 1),))
        found = rows_of(self._ask(query, MAX_BUCKETS + 1), query)
        rows: list[Row] = [{inner.names[-1]: row[field], COUNT: row[TOP_COUNT]} for row in found]
        total = round(found[0][TOP_COUNT] / found[0][TOP_SHARE]) if found else 0
        return rows, {(): total}

    def _told(
        self,
        grouping: Grouping,
        child: Aggregation,
        found: Mapping[Any, tuple[Row, Results]],
        name: str,
        total: int,
    ) -> Results:
        buckets = []
        for key in grouping.filled([row[name] for row, _ in found.values()]):
            row, below = found.get(_hashable(key), (None, None))
            count = 0 if row is None else int(row[COUNT])
            below = self._empty(child) if below is None else below
            buckets.append({**grouping.head(key), "doc_count": count, **below})
        self._counted(len(buckets))
        self._pipelines(child, buckets)
        return grouping.told(buckets, max(0, total - sum(bucket["doc_count"] for bucket in buckets)))

    def _others(self, grouping: Grouping, scope: Scope, key: Column) -> dict[Path, int]:
        """Records of all buckets, by parent, also of those that are not in the answer."""
        pipes = grouping.others(scope.keys, key)
        if pipes is None:
            return {}
        query = Query(both([scope.search, grouping.search]), pipes)
        counted = rows_of(self._ask(query, MAX_BUCKETS + 1), query)
        return {scope.path(row): int(row[COUNT] or 0) for row in counted}

    def _conditions(self, child: Aggregation, scope: Scope) -> dict[Path, Results]:
        conditions = conditions_of(child, self._now_ns)
        counted: list[dict[Path, Total]] = []
        answers: list[dict[Path, Results]] = []
        for bucket in conditions.buckets:
            inner = replace(scope, search=both([scope.search, bucket.search]))
            totals = self._totals(child, inner)
            counted.append(totals)
            answers.append(self._below(child, inner, {path: total.metrics for path, total in totals.items()}))
        parents = {path for totals in counted for path in totals} or (set() if scope.keys else {()})
        found: dict[Path, Results] = {}
        for path in parents:
            buckets = []
            for bucket, totals, below in zip(conditions.buckets, counted, answers, strict=True):
                count = totals[path].count if path in totals else 0
                inside = below[path] if path in below else self._empty(child)
                buckets.append((bucket.name, {**bucket.head, "doc_count": count, **inside}))
            self._counted(len(buckets))
            self._pipelines(child, [bucket for _, bucket in buckets])
            found[path] = conditions.told(buckets)
        return found

    def _composite(self, child: Aggregation, scope: Scope) -> dict[Path, Results]:
        if scope.keys:
            raise Fault("illegal_argument_exception", "[composite] aggregation cannot be used with a parentAggregation")
        composite = Composite(child, self._now_ns)
        inner = Scope(both([scope.search, composite.search]), composite.keys)
        rows = self._rows(child, inner, inner.keys, composite.pipes)
        below = self._below(child, inner, {inner.path(row): self._metrics(child, row) for row in rows})
        buckets = [{"key": composite.key(row), "doc_count": int(row[COUNT]), **below[inner.path(row)]} for row in rows]
        self._counted(len(buckets))
        self._pipelines(child, buckets)
        after = {"after_key": buckets[-1]["key"]} if buckets else {}
        return {(): {**after, "buckets": buckets}}

    # ---- statements ----

    def _columns(self, parent: Aggregation) -> dict[tuple[str, str], str]:
        """(metric, part) → its column in the parent's statement."""
        found: dict[tuple[str, str], str] = {}
        for metric in parent.of(METRICS):
            for part in metrics.columns_of(metric):
                found[(metric.name, part)] = f"m{len(found)}"
        return found

    def _rows(
        self, parent: Aggregation, scope: Scope, keys: tuple[Column, ...], pipes: tuple[Pipe, ...] = ()
    ) -> list[Row]:
        columns = [Column(Call("count"), COUNT)]
        names = self._columns(parent)
        for metric in parent.of(METRICS):
            parts = metrics.columns_of(metric)
            columns += [Column(expression, names[(metric.name, part)]) for part, expression in parts.items()]
        query = Query(scope.search, (Stats(tuple(columns), keys), *pipes))
        table = self._ask(query, MAX_BUCKETS + 1)
        if table.num_rows > MAX_BUCKETS:
            raise too_many_buckets()
        return rows_of(table, query)

    def _metrics(self, parent: Aggregation, row: Row) -> Results:
        names = self._columns(parent)
        found: Results = {}
        for metric in parent.of(METRICS):
            values = {part: row.get(column) for (name, part), column in names.items() if name == metric.name}
            found[metric.name] = metrics.told(metric, values)
        return found

    # ---- nothing there ----

    def _no_metrics(self, parent: Aggregation) -> Results:
        return {metric.name: metrics.told(metric, {}) for metric in parent.of(METRICS)}

    def _empty(self, parent: Aggregation) -> Results:
        """What stands below a bucket without records."""
        return {child.name: self._nothing(child) for child in parent.below if child.kind not in PARENT_PIPELINES}

    def _nothing(self, child: Aggregation) -> Results:
        if child.kind in METRICS:
            return metrics.told(child, {})
        if child.kind in TOPS:
            return self._tops.nothing(child)
        if child.kind in FILTERS:
            conditions = conditions_of(child, self._now_ns)
            return conditions.told(
                [(item.name, {**item.head, "doc_count": 0, **self._empty(child)}) for item in conditions.buckets]
            )
        if child.kind in SIBLING_PIPELINES:
            return {"value": None}
        if child.kind == "composite":
            return {"buckets": []}
        return self._told(grouping_of(child, self._now_ns), child, {}, "", 0)

    def _pipelines(self, child: Aggregation, buckets: list[Results]) -> None:
        for pipeline in child.of(PARENT_PIPELINES):
            extend_buckets(pipeline, buckets)

    def _counted(self, buckets: int) -> None:
        self._buckets += buckets
        if self._buckets > MAX_BUCKETS:
            raise too_many_buckets()


def first_rows(rows: list[Row], most: int | None, scope: Scope) -> tuple[list[Row], bool]:
    """The first rows of each parent, and whether there were more."""
    if most is None:
        return rows, False
    seen: Counter[Path] = Counter()
    kept = []
    for row in rows:
        path = scope.path(row)
        seen[path] += 1
        if seen[path] <= most:
            kept.append(row)
    return kept, len(kept) < len(rows)


def rows_of(table: pa.Table, query: Query) -> list[Row]:
    """Rows with values as JSON has them: times in milliseconds, senders' fields as what they say."""
    frame = pl.from_arrow(table)
    assert isinstance(frame, pl.DataFrame)  # noqa: S101  # a table gives no series
    kinds = dict(shape_of(query).answer())
    frame = frame.with_columns(
        pl.col(name).dt.epoch("ns") // 1_000_000
        for name, dtype in frame.schema.items()
        if isinstance(dtype, pl.Datetime)
    )
    spoken = [name for name in frame.columns if kinds.get(name) in (Type.ANY, Type.LIST)]
    rows = frame.to_dicts()
    for row in rows:
        for name in spoken:
            if row[name] is not None:
                row[name] = orjson.loads(row[name])
    return rows


def _hashable(value: Any) -> Any:
    return orjson.dumps(value).decode() if isinstance(value, list | dict) else value

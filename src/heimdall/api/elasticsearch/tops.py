"""`top_hits` and `top_metrics`: the first records of each bucket, by one statement for all buckets of a level."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from heimdall.api.elasticsearch.documents import Document, SourceFilter, documents_of, source_filter
from heimdall.api.elasticsearch.ordering import Order, SortKey, sort_keys
from heimdall.model.identity import record_id
from heimdall.query.ast import Call, Compare, Field, Operator, Query
from heimdall.query.fields import TIME_COLUMN
from heimdall.query.languages.esdsl.aggregations.grouping import COUNT
from heimdall.query.languages.esdsl.aggregations.reading import Aggregation
from heimdall.query.languages.esdsl.aggregations.running import Ask, Path, Results, Scope, rows_of
from heimdall.query.languages.esdsl.datemath import MS_NS
from heimdall.query.languages.esdsl.faults import MAX_BUCKETS, illegal, unsupported
from heimdall.query.languages.esdsl.names import either, name_of
from heimdall.query.languages.esdsl.values import text, whole
from heimdall.query.pipes.aggregation import Column
from heimdall.query.pipes.dedup import Dedup
from heimdall.query.pipes.extend import Extend
from heimdall.query.pipes.fields import Fields
from heimdall.query.pipes.head import Head
from heimdall.query.pipes.sort import Sort
from heimdall.query.pipes.stats import Stats

MAX_HITS = 100
"""Of one bucket, as in Elasticsearch."""
MAX_RECORDS = 10_000
"""Of all buckets together."""
_NOT_IN_WINDOWS = Sort(((Field(TIME_COLUMN), True),))
"""Each id says its own time: to look for them window by window would be to look in all of them."""
_AT_ONCE = 200
"""Records one statement looks up by their ids, each a condition of its own."""


class HitTops:
    def __init__(self, ask: Ask, shown: Callable[..., dict[str, Any]]) -> None:
        self._ask = ask
        self._shown = shown

    def __call__(self, aggregation: Aggregation, scope: Scope) -> Mapping[Path, Results]:
        return self._hits(aggregation, scope) if aggregation.kind == "top_hits" else self._metrics(aggregation, scope)

    def nothing(self, aggregation: Aggregation) -> Results:
        if aggregation.kind == "top_metrics":
            return {"top": []}
        return {"hits": {"total": {"value": 0, "relation": "eq"}, "max_score": None, "hits": []}}

    # ---- top_hits ----

    def _hits(self, aggregation: Aggregation, scope: Scope) -> dict[Path, Results]:
        body = aggregation.body
        size, skip = whole("size", body.get("size", 3)), whole("from", body.get("from", 0))
        if size + skip > MAX_HITS:
            raise illegal(
                f"Top hits result window is too large, the top hits aggregator [{aggregation.name}]'s from + size must"
                f" be less than or equal to: [{MAX_HITS}] but was [{size + skip}]."
            )
        keys = sort_keys(body.get("sort"))
        totals = self._totals(scope)
        source = source_filter(body.get("_source"), {})
        found: dict[Path, list[Document]] = {}
        if size:
            for path, document in self._records(scope, keys, size + skip, ()):
                found.setdefault(path, []).append(document)
        return {
            path: {
                "hits": {
                    "total": {"value": count, "relation": "eq"},
                    "max_score": None if keys else 1.0,
                    "hits": [self._hit(item, body, source, keys) for item in found.get(path, [])[skip:]],
                }
            }
            for path, count in totals.items()
        }

    def _hit(
        self, document: Document, body: Mapping[str, Any], source: SourceFilter, keys: tuple[SortKey, ...]
    ) -> dict[str, Any]:
        hit = self._shown(document, body, source, is_sorted=bool(keys))
        if keys:
            hit["sort"] = _values(keys, document)
        return hit

    def _totals(self, scope: Scope) -> dict[Path, int]:
        query = Query(scope.search, (Stats((Column(Call("count"), COUNT),), scope.keys),))
        return {scope.path(row): int(row[COUNT]) for row in rows_of(self._ask(query, MAX_BUCKETS), query)}

    # ---- top_metrics ----

    def _metrics(self, aggregation: Aggregation, scope: Scope) -> dict[Path, Results]:
        given = aggregation.body.get("metrics")
        metrics = given if isinstance(given, list) else [given]
        if not all(isinstance(metric, dict) and "field" in metric for metric in metrics):
            raise illegal(f"[metrics] of [{aggregation.name}] must name a [field]")
        keys = sort_keys(aggregation.body.get("sort"))
        if len(keys) != 1:
            raise illegal(f"[top_metrics] of [{aggregation.name}] needs one [sort]")
        names = [text("field", metric["field"]) for metric in metrics if metric]
        added = tuple((f"metric{place}", name_of(name).expression) for place, name in enumerate(names))
        found: dict[Path, list[dict[str, Any]]] = {}
        for path, document in self._records(
            scope, keys, whole("size", aggregation.body.get("size", 1), least=1, most=MAX_HITS), added
        ):
            values = {name: document.others.get(f"metric{place}") for place, name in enumerate(names)}
            found.setdefault(path, []).append({"sort": _values(keys, document), "metrics": values})
        return {path: {"top": top} for path, top in found.items()}

    # ---- records ----

    def _records(
        self, scope: Scope, keys: tuple[SortKey, ...], rows: int, added: tuple[tuple[str, Any], ...]
    ) -> list[tuple[Path, Document]]:
        """The first records of each bucket, with its keys beside them."""
        order = Order(keys)
        sorting = () if not keys or (order.is_newest_first and not added) else order.pipes
        pipes: list[Any] = []
        columns = (*((str(key.alias), key.expression) for key in scope.keys), *added)
        if columns:
            pipes.append(Extend(columns))
        pipes += sorting
        pipes.append(Dedup(scope.names, rows) if scope.keys else Head(rows))
        if added or scope.keys:
            names = [*scope.names, *(name for name, _ in added), *(f"sort{n}" for n in _sorted_places(keys, sorting))]
            pipes.append(Fields(tuple(names)))
        query = Query(scope.search, tuple(pipes))
        table = self._ask(query, MAX_RECORDS + 1)
        if table.num_rows > MAX_RECORDS:
            raise unsupported(f"[top_hits] of more than {MAX_RECORDS} records in all buckets together")
        spoken = rows_of(table.select([name for name in table.column_names if _is_added(name, scope, added)]), query)
        records = list(documents_of(table))
        if scope.keys and not added:
            records = self._whole(records)
        found = []
        for document, row in zip(records, spoken, strict=True):
            document = Document(document.index, document.id, document.source, document.time_ns, document.position, row)
            found.append((scope.path(row) if scope.keys else (), document))
        return found

    def _whole(self, places: list[Document]) -> list[Document]:
        """The documents of places: to sort a million of them by bucket, their places are enough."""
        found: dict[tuple[int, int], Document] = {}
        for start in range(0, len(places), _AT_ONCE):
            part = places[start : start + _AT_ONCE]
            ids = [Compare("id", Operator.EQ, str(record_id(place.time_ns, place.position))) for place in part]
            query = Query(either([*ids]), (_NOT_IN_WINDOWS,))
            rows = self._ask(query, len(part))
            found |= {(document.time_ns, document.position): document for document in documents_of(rows)}
        return [found[(place.time_ns, place.position)] for place in places]


def _is_added(name: str, scope: Scope, added: tuple[tuple[str, Any], ...]) -> bool:
    return name in scope.names or name.startswith("sort") or any(name == own for own, _ in added)


def _sorted_places(keys: tuple[SortKey, ...], sorting: tuple[Any, ...]) -> list[int]:
    return [place for place, key in enumerate(keys) if sorting and not key.is_place and key.text != "_score"]


def _values(keys: tuple[SortKey, ...], document: Document) -> list[Any]:
    found: list[Any] = []
    for place, key in enumerate(keys):
        if f"sort{place}" in document.others:
            found.append(key.shown(document.others[f"sort{place}"]))
        elif key.is_place:
            found.append(f"{document.time_ns}-{document.position}")
        else:
            found.append(1.0 if key.text == "_score" else key.shown(document.time_ns // MS_NS))
    return found

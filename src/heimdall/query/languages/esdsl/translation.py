"""The body of a search as HQL: its query, what it groups by, its order and the fields it wants.

Each clause that has no place in HQL is named, and the others are read all the same.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from heimdall.errors import InvalidInput, QuerySyntaxError
from heimdall.query.ast import Call, Duration, Expression, Field, Literal, MatchAll, Pipe, Predicate, Range
from heimdall.query.functions import function_named
from heimdall.query.languages.esdsl.aggregations.reading import Aggregation, read_aggregations
from heimdall.query.languages.esdsl.faults import Unsupported
from heimdall.query.languages.esdsl.names import both, name_of
from heimdall.query.languages.esdsl.queries import Reading
from heimdall.query.languages.logic import all_of
from heimdall.query.languages.translation import Gaps, Translation, check_size, translation
from heimdall.query.literals import parse_duration
from heimdall.query.pipes.aggregation import Column
from heimdall.query.pipes.fields import Fields
from heimdall.query.pipes.head import Head
from heimdall.query.pipes.sort import Sort
from heimdall.query.pipes.stats import Stats
from heimdall.query.pipes.where import Where
from heimdall.query.types import Type

_PRESENTATION = frozenset({
    "explain", "highlight", "indices_boost", "preference", "profile", "request_cache", "seq_no_primary_term", "stats",
    "stored_fields", "terminate_after", "timeout", "track_scores", "track_total_hits", "version",
})  # fmt: skip
"""Parts of a search that choose no records and no columns."""

_READ = frozenset({"query", "size", "from", "sort", "aggs", "aggregations", "_source", "fields", "docvalue_fields"})
_KNOWN = _PRESENTATION | _READ | frozenset({
    "collapse", "knn", "min_score", "pit", "post_filter", "rank", "rescore", "retriever", "runtime_mappings",
    "script_fields", "search_after", "slice", "suggest",
})  # fmt: skip

_NOW = re.compile(r"now(?:([+-]\d{1,9}[smhHdw]))?(/[a-zA-Z])?")
_NOW_INSIDE = re.compile(r"[\[{:<>=]\s*(now\b\S*)|\bTO\s+(now\b\S*)")
_BRACKETS = re.compile(r"\[([^\[\]]+)\]")
_NO_NOW = "a time that counts from [now] is not supported"

_CALENDAR = {"minute": "1m", "1m": "1m", "hour": "1h", "1h": "1h", "day": "1d", "1d": "1d"}
METRICS: Mapping[str, str] = {
    "avg": "avg",
    "cardinality": "count_distinct",
    "max": "max",
    "min": "min",
    "sum": "sum",
    "value_count": "count",
}
"""Metric aggregation → aggregate of HQL; `percentiles` and `stats` are several."""

_PERCENTS = (1, 5, 25, 50, 75, 95, 99)
_STATS = ("count", "min", "max", "avg", "sum")
_USUAL_TERMS = 10


def translate(text: str) -> Translation:
    """A search's body, or one clause, as JSON → tree.

    Raises:
        QuerySyntaxError: it is no JSON object, no search, or asks for something that cannot be.
    """
    check_size(text)
    try:
        body = orjson.loads(text)
    except orjson.JSONDecodeError as exc:
        raise QuerySyntaxError(f"no JSON: {exc.msg}", column=min(exc.pos + 1, max(1, len(text)))) from None
    if not isinstance(body, dict):
        raise QuerySyntaxError("a search is a JSON object", column=1, hint='{"query": {"match_all": {}}}')
    if body and _KNOWN.isdisjoint(body):
        body = {"query": body}
    reader = _Body(text)
    try:
        search = reader.search(body.get("query"))
        pipes = reader.pipes(body)
    except QuerySyntaxError:
        raise
    except InvalidInput as exc:
        raise QuerySyntaxError(str(exc), column=1, length=max(1, len(text))) from None
    return translation("esdsl", text, search, pipes, reader.gaps)


@dataclass(slots=True)
class _Clauses(Reading):
    """Keeps on after a clause that has no place in HQL."""

    body: _Body = field(kw_only=True)

    def clause(self, body: Any) -> Predicate:
        depth = self.depth
        try:
            return self._counting_from_now(body) or Reading.clause(self, body)
        except Unsupported as exc:
            self.depth = depth
            self.body.unsupported(exc)
            return MatchAll()

    def _counting_from_now(self, body: Any) -> Predicate | None:
        """A range of time whose ends count from now; HQL counts from the moment it is asked, too."""
        if not isinstance(body, dict) or len(body) != 1:
            return None
        ((kind, given),) = body.items()
        if not isinstance(given, dict):
            return None
        if kind == "query_string" and (found := _NOW_INSIDE.search(str(given.get("query")))) is not None:
            self.body.gap(found[1] or found[2], _NO_NOW, "timestamp>=-1h")
            return MatchAll()
        if kind != "range" or len(given) != 1:
            return None
        ((text, ends),) = given.items()
        if not isinstance(ends, dict):
            return None
        name = name_of(text)
        relative = {word: value for word, value in ends.items() if isinstance(value, str) and value.startswith("now")}
        if name.type is not Type.TIME or not relative:
            return None
        parts: list[Predicate] = []
        for word, value in relative.items():
            moment = _NOW.fullmatch(value)
            if word not in ("gt", "gte", "lt", "lte") or moment is None or moment[2]:
                self.body.gap(value, "times are not rounded here", "timestamp>=-1d")
                continue
            ago = (moment[1] or "now").lower()
            low = word.startswith("g")
            own = Range(name.fields[0], ago if low else None, None if low else ago, word == "gte", word == "lte")
            parts.append(own)
        rest = {word: value for word, value in ends.items() if word not in relative}
        if any(word in rest for word in ("gt", "gte", "lt", "lte", "from", "to")):
            parts.append(Reading.clause(self, {"range": {text: rest}}))
        return both(parts)


class _Body:
    def __init__(self, text: str) -> None:
        self._text = text
        self.gaps = Gaps(text)

    def gap(self, word: str, why: str, nearest: str | None = None) -> None:
        """Names a word where it stands first: as a whole text of the JSON, else anywhere."""
        for written in (f'"{word}"', word):
            start = self._text.find(written)
            if start >= 0:
                quoted = written != word
                self.gaps.add(start + quoted, start + quoted + len(word), why, nearest)
                return
        self.gaps.add(0, len(self._text), why, nearest)

    def unsupported(self, exc: Unsupported) -> None:
        why = str(exc).removesuffix(" by Heimdall")
        found = _BRACKETS.search(why)
        self.gap(found[1] if found else self._text, why)

    def search(self, query: Any) -> Predicate:
        return MatchAll() if query is None else _Clauses(0, body=self).clause(query)

    def pipes(self, body: Mapping[str, Any]) -> list[Pipe]:
        for word in body:
            if word not in _READ | _PRESENTATION:
                self.gap(word, "there is no such part of a search")
        size, skipped = body.get("size"), body.get("from")
        if skipped:
            self.gap("from", "answers are paged by their cursor", "the cursor of an answer")
        given = body.get("aggs", body.get("aggregations"))
        if given:
            return self._aggregated(given)
        if size == 0:
            return [Stats((Column(Call("count"), "count"),))]
        pipes = self._sorted(body.get("sort"))
        if size is not None:
            if not isinstance(size, int) or isinstance(size, bool) or size < 0:
                raise InvalidInput(f"[size] must be a whole number, not {str(size)[:40]}")
            pipes.append(Head(size))
        return pipes + self._chosen(body)

    def _sorted(self, given: Any) -> list[Pipe]:
        keys: list[tuple[Expression, bool]] = []
        for item in given if isinstance(given, list) else [] if given is None else [given]:
            pairs = item.items() if isinstance(item, dict) else [(item, None)]
            for text, order in pairs:
                if text in ("_score", "_doc", "_shard_doc"):
                    continue  # every score is 1
                if isinstance(order, dict):
                    order = order.get("order")
                keys.append((name_of(str(text)).expression, str(order).lower() == "desc"))
        if keys == [(Field("timestamp"), True)]:
            return []  # as records come
        return [Sort(tuple(keys))] if keys else []

    def _chosen(self, body: Mapping[str, Any]) -> list[Pipe]:
        source = body.get("_source")
        if isinstance(source, dict):
            if source.get("excludes"):
                self.gap("excludes", "fields that are left out beside others", "fields - a, b")
            source = source.get("includes")
        names: dict[str, None] = {}
        for listed in (source, body.get("fields"), body.get("docvalue_fields")):
            for item in listed if isinstance(listed, list) else [listed] if isinstance(listed, str) else []:
                text = str(item.get("field", "")) if isinstance(item, dict) else str(item)
                if "*" in text:
                    self.gap(text, "fields are named in full", "fields service, message")
                elif text:
                    names[name_of(text).fields[0]] = None
        return [Fields(tuple(names))] if names else []

    # ---- aggregations ----

    def _aggregated(self, given: Any) -> list[Pipe]:
        try:
            level = read_aggregations(given)
        except Unsupported as exc:
            self.unsupported(exc)
            return []
        keys: list[Column] = []
        columns: list[Column] = []
        there: list[Expression] = []
        last: Aggregation | None = None
        grouped = 0
        while level:
            inner = [each for each in level if each.kind in ("terms", "date_histogram", "histogram")]
            for each in level:
                if each.kind not in ("terms", "date_histogram", "histogram", "stats", "percentiles", *METRICS):
                    self.gap(each.kind, f"[{each.kind}] has no place in HQL")
                elif each in inner[1:]:
                    self.gap(each.name, "groups beside each other", "a question for each")
                elif each not in inner and inner:
                    self.gap(each.name, "a value of outer groups beside inner ones", "a question for each")
                elif each not in inner:
                    columns += self._measured(each)
            last = inner[0] if inner else last
            if inner and (key := self._key(inner[0])) is not None:
                keys.append(Column(key, inner[0].name))
                there += [Call("exists", (key,))] if isinstance(key, Field) else []
            grouped += bool(inner)
            level = inner[0].below if inner else ()
        count = "count" if all(column.name != "count" for column in (*keys, *columns)) else "doc_count"
        plain = Column(Call("count"), count)
        pipes: list[Pipe] = [Where(all_of(there))] if there else []  # a record without the field is in no bucket
        pipes.append(Stats((*([plain] if keys or not columns else []), *columns), tuple(keys)))
        if last is not None and grouped == 1 and last.kind == "terms":
            pipes += self._frequent(last, count)
        return pipes

    def _frequent(self, terms: Aggregation, count: str) -> list[Pipe]:
        """The order and number of buckets."""
        order = terms.body.get("order", {"_count": "desc"})
        keys: list[tuple[Expression, bool]] = []
        for item in order if isinstance(order, list) else [order]:
            for text, way in item.items() if isinstance(item, dict) else ():
                name = {"_count": count, "_key": terms.name, "_term": terms.name}.get(str(text), str(text))
                keys.append((Field(name), str(way).lower() == "desc"))
        size = terms.body.get("size", _USUAL_TERMS)
        if not isinstance(size, int) or isinstance(size, bool) or size <= 0:
            raise InvalidInput(f"[size] of [{terms.name}] must be a whole number above 0")
        return [*([Sort(tuple(keys))] if keys else []), Head(size)]

    def _key(self, grouping: Aggregation) -> Expression | None:
        value = grouping.field.expression
        body = grouping.body
        for word in ("include", "exclude", "offset", "script"):
            if body.get(word):
                self.gap(word, f"[{word}] of [{grouping.kind}] has no place in HQL")
        if body.get("time_zone") not in (None, "UTC", "Z", "+00:00"):
            self.gap("time_zone", "steps of time begin in UTC")
        if (missing := body.get("missing")) is not None:
            value = Call("coalesce", (value, Literal(missing)))
        if grouping.kind == "terms":
            return value
        if grouping.kind == "histogram":
            interval = body.get("interval")
            if not isinstance(interval, int | float) or isinstance(interval, bool) or interval <= 0:
                raise InvalidInput(f"[interval] of [{grouping.name}] must be a number above 0")
            return Call("bin", (value, Literal(interval)))
        calendar = body.get("calendar_interval")
        written = body.get("fixed_interval", body.get("interval")) if calendar is None else _CALENDAR.get(str(calendar))
        width = parse_duration(str(written))
        if not width:
            self.gap(str(calendar or written), "steps have one length", "bin(timestamp, 1h)")
            return None
        return Call("bin", (value, Duration(width)))

    def _measured(self, metric: Aggregation) -> list[Column]:
        value = metric.field.expression
        if metric.kind == "stats":
            return [Column(Call(name, (value,)), f"{metric.name}_{name}") for name in _STATS]
        if metric.kind == "percentiles":
            columns = []
            for percent in metric.body.get("percents", _PERCENTS):
                name = f"p{percent:g}" if isinstance(percent, int | float) else ""
                if function_named(name) is None:
                    self.gap(str(percent), "there is no such percentile", "p95(duration_ms)")
                else:
                    columns.append(Column(Call(name, (value,)), f"{metric.name}_{name}"))
            return columns
        return [Column(Call(METRICS[metric.kind], (value,)), metric.name)]

"""Buckets that are conditions: `filter`, `filters`, `range`, `date_range`, `missing`, `nested`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import tzinfo
from typing import Any

from heimdall.query.ast import MatchAll, Predicate
from heimdall.query.languages.esdsl import terms
from heimdall.query.languages.esdsl.aggregations.reading import Aggregation
from heimdall.query.languages.esdsl.datemath import format_ms, parse_ms, zone_of
from heimdall.query.languages.esdsl.faults import MAX_BUCKETS, illegal, parsing, too_many_buckets
from heimdall.query.languages.esdsl.names import either, negated, present
from heimdall.query.languages.esdsl.queries import read_query
from heimdall.query.languages.esdsl.terms import Bounds
from heimdall.query.languages.esdsl.values import number

MAX_CONDITIONS = 200
"""Buckets of one aggregation that are conditions: each is a statement."""


@dataclass(frozen=True, slots=True)
class Condition:
    name: str
    search: Predicate
    head: Mapping[str, Any]
    """What stands in its bucket before `doc_count`."""


@dataclass(frozen=True, slots=True)
class Conditions:
    buckets: tuple[Condition, ...]
    told: Callable[[list[tuple[str, dict[str, Any]]]], dict[str, Any]]
    """Buckets, each with its name → the whole."""


def conditions_of(aggregation: Aggregation, now_ns: int) -> Conditions:
    found = _READERS[aggregation.kind](aggregation, now_ns)
    if len(found.buckets) > MAX_CONDITIONS:
        if len(found.buckets) > MAX_BUCKETS:
            raise too_many_buckets()
        raise illegal(f"[{aggregation.name}] has more than [{MAX_CONDITIONS}] conditions")
    return found


def _single(search: Predicate) -> Conditions:
    return Conditions((Condition("", search, {}),), lambda buckets: buckets[0][1])


def _filter(aggregation: Aggregation, now_ns: int) -> Conditions:
    return _single(read_query(dict(aggregation.body), now_ns))


def _missing(aggregation: Aggregation, now_ns: int) -> Conditions:
    return _single(negated(present(aggregation.field)))


def _everything(aggregation: Aggregation, now_ns: int) -> Conditions:
    return _single(MatchAll())


def _filters(aggregation: Aggregation, now_ns: int) -> Conditions:
    given = aggregation.body.get("filters")
    if not isinstance(given, dict | list):
        raise parsing(f"[filters] of [{aggregation.name}] must be an object or a list")
    named = given.items() if isinstance(given, dict) else ((str(place), item) for place, item in enumerate(given))
    found = [Condition(str(name), read_query(body, now_ns), {}) for name, body in named]
    other = aggregation.body.get("other_bucket_key")
    if other is not None or aggregation.body.get("other_bucket"):
        rest = negated(either([item.search for item in found]))
        found.append(Condition(str(other or "_other_"), rest, {}))
    keyed = isinstance(given, dict) and aggregation.body.get("keyed", True)

    def told(buckets: list[tuple[str, dict[str, Any]]]) -> dict[str, Any]:
        if keyed:
            return {"buckets": dict(buckets)}
        return {"buckets": [bucket for _, bucket in buckets]}

    return Conditions(tuple(found), told)


def _range(aggregation: Aggregation, now_ns: int) -> Conditions:
    found = []
    for item in _ranges(aggregation):
        low, high = (None if item.get(end) is None else number(end, item[end]) for end in ("from", "to"))
        head: dict[str, Any] = {"key": str(item.get("key") or f"{_star(low)}-{_star(high)}")}
        head |= {} if low is None else {"from": low}
        head |= {} if high is None else {"to": high}
        bounds = Bounds(low=low, high=high, include_high=False)
        found.append(Condition(head["key"], terms.between(aggregation.field, bounds, now_ns), head))
    return _in_order(aggregation, found)


def _date_range(aggregation: Aggregation, now_ns: int) -> Conditions:
    found = []
    pattern, zone = aggregation.body.get("format"), zone_of(aggregation.body.get("time_zone"))
    for item in _ranges(aggregation):
        low, high = (_moment(item.get(end), now_ns, pattern, zone) for end in ("from", "to"))
        shown = [None if ms is None else format_ms(ms, pattern, zone) for ms in (low, high)]
        head: dict[str, Any] = {"key": str(item.get("key") or f"{shown[0] or '*'}-{shown[1] or '*'}")}
        head |= {} if low is None else {"from": float(low), "from_as_string": shown[0]}
        head |= {} if high is None else {"to": float(high), "to_as_string": shown[1]}
        bounds = Bounds(low=low, high=high, include_high=False)
        found.append(Condition(head["key"], terms.between(aggregation.field, bounds, now_ns), head))
    return _in_order(aggregation, found)


def _ranges(aggregation: Aggregation) -> list[dict[str, Any]]:
    given = aggregation.body.get("ranges")
    if not isinstance(given, list) or not given or not all(isinstance(item, dict) for item in given):
        raise illegal(f"No [ranges] specified for the [{aggregation.name}] aggregation")
    return given


def _moment(given: Any, now_ns: int, pattern: str | None, zone: tzinfo) -> int | None:
    return None if given is None else parse_ms(given, now_ns=now_ns, formats=pattern, zone=zone)


def _in_order(aggregation: Aggregation, found: list[Condition]) -> Conditions:
    infinity = float("inf")
    found.sort(key=lambda item: (item.head.get("from", -infinity), item.head.get("to", infinity)))

    def told(buckets: list[tuple[str, dict[str, Any]]]) -> dict[str, Any]:
        if aggregation.body.get("keyed"):
            return {"buckets": {name: {k: v for k, v in bucket.items() if k != "key"} for name, bucket in buckets}}
        return {"buckets": [bucket for _, bucket in buckets]}

    return Conditions(tuple(found), told)


def _star(amount: float | None) -> str:
    return "*" if amount is None else str(amount)


_READERS: Mapping[str, Callable[[Aggregation, int], Conditions]] = {
    "filter": _filter,
    "filters": _filters,
    "range": _range,
    "date_range": _date_range,
    "missing": _missing,
    "nested": _everything,
    "reverse_nested": _everything,
    "sampler": _everything,
}

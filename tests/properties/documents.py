"""Documents as Elasticsearch's clients write them, and a plain evaluation of searches over them.

Everything here is written from Elasticsearch's reference, one document at a time, and shares nothing with
`heimdall.query.languages.esdsl`: it is what the face's answers are compared with.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from functools import cmp_to_key, lru_cache
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

START_MS = 1_700_000_000_000
EXTENT_MS = 3 * 86_400_000
LEVELS = ("trace", "debug", "info", "warn", "error", "fatal")
SERVICES = ("cart", "payment", "pay-gateway", "web", "Web")
WORDS = ("card", "declined", "order", "placed", "timeout", "after", "retry", "Error", "GET", "index")
METHODS = ("GET", "POST", "put")
INDICES = ("logs-shop-default", "logs-web-default", "metrics-shop")

Document = dict[str, Any]
"""Dotted name → value; a missing field is not there. `_index` and `_place` stand beside the fields."""


def documents(chance: Random, count: int) -> list[Document]:
    return [_document(chance, place) for place in range(count)]


def _document(chance: Random, place: int) -> Document:
    words = [chance.choice(WORDS) for _ in range(chance.randint(1, 5))]
    found: Document = {
        "_place": place,
        "_index": chance.choice(INDICES),
        "@timestamp": START_MS + chance.randrange(0, EXTENT_MS, chance.choice([1, 1000, 60_000])),
        "message": chance.choice([" ", " ", ", ", "-"]).join(words) + chance.choice(["", "!", f" in {place % 50} ms"]),
    }
    may = {
        "log.level": chance.choice(LEVELS),
        "service.name": chance.choice(SERVICES),
        "user.id": f"u{chance.randrange(30)}",
        "duration_ms": chance.choice([float(chance.randrange(100)), chance.random() * 100]),
        "http.status": chance.choice([200, 200, 404, 500, 503]),
        "http.method": chance.choice(METHODS),
        "bytes": chance.choice([chance.randrange(5000), chance.random() * 5000]),
        "cached": chance.random() < 0.5,
    }
    return found | {name: value for name, value in may.items() if chance.random() < 0.8}


# ---- queries ------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=20_000)
def tokens(text: str) -> list[str]:
    return [token.lower() for token in re.findall(r"[0-9A-Za-z\x80-\U0010ffff]+", text)]


def matches(query: dict[str, Any], document: Document) -> bool:
    ((kind, body),) = query.items()
    return _QUERIES[kind](body, document)


def _value(document: Document, name: str) -> Any:
    return document.get(name.removesuffix(".keyword"))


def _is_text(name: str) -> bool:
    return name == "message"


def _same(value: Any, wanted: Any) -> bool:
    if isinstance(value, bool) or isinstance(wanted, bool):
        return value is wanted or str(value).lower() == str(wanted).lower()
    return value == wanted


def _term(body: Any, document: Document) -> bool:
    ((name, wanted),) = body.items()
    if isinstance(wanted, dict):
        wanted = wanted["value"]
    value = _value(document, name)
    if value is None:
        return False
    return wanted in tokens(value) if _is_text(name) else _same(value, wanted)


def _terms(body: Any, document: Document) -> bool:
    ((name, wanted),) = body.items()
    return any(_term({name: item}, document) for item in wanted)


def _match(body: Any, document: Document) -> bool:
    ((name, given),) = body.items()
    given = given if isinstance(given, dict) else {"query": given}
    value = _value(document, name)
    if value is None:
        return False
    if not _is_text(name):
        return _same(value, given["query"])
    wanted = list(dict.fromkeys(tokens(given["query"])))
    hits = sum(word in tokens(value) for word in wanted)
    if not wanted:
        return False
    if given.get("operator") == "and":
        return hits == len(wanted)
    return hits >= given.get("minimum_should_match", 1)


def _row(value: str, wanted: list[str], *, last_is_prefix: bool = False) -> bool:
    found = tokens(value)
    for start in range(len(found) - len(wanted) + 1):
        part = found[start : start + len(wanted)]
        if part[:-1] == wanted[:-1] and (part[-1].startswith(wanted[-1]) if last_is_prefix else part[-1] == wanted[-1]):
            return True
    return False


def _match_phrase(body: Any, document: Document) -> bool:
    ((name, text),) = body.items()
    return bool(tokens(text)) and _row(document[name], tokens(text))


def _match_phrase_prefix(body: Any, document: Document) -> bool:
    ((name, text),) = body.items()
    return bool(tokens(text)) and _row(document[name], tokens(text), last_is_prefix=True)


def _multi_match(body: Any, document: Document) -> bool:
    return any(_match({name: body["query"]}, document) for name in body["fields"])


def moment(text: Any) -> int:
    """Milliseconds of what the generator writes."""
    if isinstance(text, int):
        return text
    return round(datetime.fromisoformat(str(text)).timestamp() * 1000)


def _range(body: Any, document: Document) -> bool:
    ((name, ends),) = body.items()
    value = _value(document, name)
    if value is None:
        return False
    if name == "log.level":
        value, ends = LEVELS.index(value), {word: LEVELS.index(end) for word, end in ends.items()}
    if name == "@timestamp":
        ends = {word: moment(end) for word, end in ends.items()}
    tests: dict[str, Callable[[Any, Any], bool]] = {
        "gte": lambda a, b: a >= b,
        "gt": lambda a, b: a > b,
        "lte": lambda a, b: a <= b,
        "lt": lambda a, b: a < b,
    }
    return all(tests[word](value, end) for word, end in ends.items())


def _exists(body: Any, document: Document) -> bool:
    return _value(document, body["field"]) is not None


def _whole(name: str, document: Document, test: Callable[[str], bool]) -> bool:
    """Of text, one word has to fit; of a keyword, the value."""
    value = _value(document, name)
    if value is None:
        return False
    return any(map(test, tokens(value))) if _is_text(name) else test(str(value))


def _prefix(body: Any, document: Document) -> bool:
    ((name, text),) = body.items()
    return _whole(name, document, lambda value: value.startswith(text))


def _wildcard(body: Any, document: Document) -> bool:
    ((name, given),) = body.items()
    return _whole(name, document, lambda value: fnmatchcase(value, given["value"]))


def _regexp(body: Any, document: Document) -> bool:
    ((name, pattern),) = body.items()
    return _whole(name, document, lambda value: re.fullmatch(pattern, value) is not None)


def _bool(body: Any, document: Document) -> bool:
    def hits(word: str) -> list[bool]:
        return [matches(query, document) for query in body.get(word, [])]

    required = hits("must") + hits("filter")
    optional = hits("should")
    least = body.get("minimum_should_match", 0 if required or not optional else 1)
    return all(required) and not any(hits("must_not")) and sum(optional) >= least


_QUERIES: dict[str, Callable[[Any, Document], bool]] = {
    "match_all": lambda _, __: True,
    "match_none": lambda _, __: False,
    "bool": _bool,
    "constant_score": lambda body, document: matches(body["filter"], document),
    "term": _term,
    "terms": _terms,
    "match": _match,
    "match_phrase": _match_phrase,
    "match_phrase_prefix": _match_phrase_prefix,
    "multi_match": _multi_match,
    "range": _range,
    "exists": _exists,
    "prefix": _prefix,
    "wildcard": _wildcard,
    "regexp": _regexp,
}


def in_order(body: dict[str, Any], found: list[Document]) -> list[Document]:
    """By the keys of `sort`, missing ones last; what is equal and what has no order comes newest first."""
    newest = sorted(found, key=lambda item: (-item["@timestamp"], -item["_place"]))
    keys = [(name, given["order"]) for key in body.get("sort", []) for name, given in key.items()]

    def compare(a: Document, b: Document) -> int:
        for name, way in keys:
            left, right = a.get(name), b.get(name)
            if left == right:
                continue
            if left is None or right is None:
                return 1 if left is None else -1
            if name == "log.level":
                left, right = LEVELS.index(left), LEVELS.index(right)
            return (1 if left > right else -1) * (-1 if way == "desc" else 1)
        return 0

    return sorted(newest, key=cmp_to_key(compare))


# ---- aggregations -------------------------------------------------------------------------------------------------


def aggregate(aggregations: dict[str, Any], found: list[Document]) -> dict[str, Any]:
    return {name: _aggregation(body, found) for name, body in aggregations.items()}


def _aggregation(given: dict[str, Any], found: list[Document]) -> dict[str, Any]:
    below = given.get("aggs", {})
    ((kind, body),) = ((word, body) for word, body in given.items() if word != "aggs")
    if kind in _METRICS:
        values = [float(value) for item in found if (value := _value(item, body["field"])) is not None]
        return _METRICS[kind](values, body)
    return _BUCKETS[kind](body, found, below)


def _bucket(head: dict[str, Any], found: list[Document], below: dict[str, Any]) -> dict[str, Any]:
    return {**head, "doc_count": len(found), **aggregate(below, found)}


def percentile(values: list[float], percent: float) -> float | None:
    if not values:
        return None
    ordered = sorted(values)
    place = (len(ordered) - 1) * percent / 100
    low, high = math.floor(place), math.ceil(place)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def _stats(values: list[float], body: Any) -> dict[str, Any]:
    count, total = len(values), math.fsum(values)
    ends = {"min": min(values, default=None), "max": max(values, default=None)}
    return {"count": count, **ends, "avg": total / count if count else None, "sum": total}


_METRICS: dict[str, Callable[[list[float], Any], dict[str, Any]]] = {
    "avg": lambda values, _: {"value": math.fsum(values) / len(values) if values else None},
    "sum": lambda values, _: {"value": math.fsum(values)},
    "min": lambda values, _: {"value": min(values, default=None)},
    "max": lambda values, _: {"value": max(values, default=None)},
    "stats": _stats,
    "percentiles": lambda values, body: {
        "values": {str(float(percent)): percentile(values, percent) for percent in body["percents"]}
    },
}


def _terms_buckets(body: Any, found: list[Document], below: dict[str, Any]) -> dict[str, Any]:
    groups: dict[Any, list[Document]] = {}
    for item in found:
        value = _value(item, body["field"])
        value = body.get("missing") if value is None else value
        if value is not None:
            groups.setdefault(value, []).append(item)
    buckets = [
        _bucket(_key(value), items, below)
        for value, items in groups.items()
        if len(items) >= body.get("min_doc_count", 1)
    ]
    ((by, way),) = body.get("order", {"_count": "desc"}).items()
    rank = _ranked(body["field"])
    buckets.sort(key=lambda bucket: rank(bucket["key"]))
    if by == "_key":
        buckets = buckets[::-1] if way == "desc" else buckets
    elif by == "_count":
        buckets.sort(key=lambda bucket: bucket["doc_count"], reverse=way == "desc")
    else:
        there = [bucket for bucket in buckets if bucket[by]["value"] is not None]
        there.sort(key=lambda bucket: bucket[by]["value"], reverse=way == "desc")
        buckets = [*there, *(bucket for bucket in buckets if bucket[by]["value"] is None)]
    kept = buckets[: body.get("size", 10)]
    others = sum(bucket["doc_count"] for bucket in buckets) - sum(bucket["doc_count"] for bucket in kept)
    return {"doc_count_error_upper_bound": 0, "sum_other_doc_count": others, "buckets": kept}


def _ranked(name: str) -> Callable[[Any], Any]:
    return LEVELS.index if name == "log.level" else lambda key: key


def _key(value: Any) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"key": int(value), "key_as_string": str(value).lower()}
    return {"key": value}


def shown_ms(ms: int, zone: Any = UTC) -> str:
    local = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms)
    text = local.astimezone(zone).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


_FIXED = {"10m": 600_000, "1h": 3_600_000, "90m": 5_400_000, "1d": 86_400_000, "7d": 604_800_000}


def _date_histogram(body: Any, found: list[Document], below: dict[str, Any]) -> dict[str, Any]:
    zone = ZoneInfo(body["time_zone"]) if "time_zone" in body else UTC

    def start(ms: int) -> int:
        if "fixed_interval" in body:
            offset = int(body.get("offset", "0m")[:-1]) * 60_000
            return (ms - offset) // _FIXED[body["fixed_interval"]] * _FIXED[body["fixed_interval"]] + offset
        local = datetime.fromtimestamp(ms / 1000, zone).replace(hour=0, minute=0, second=0, microsecond=0)
        if body["calendar_interval"] == "week":
            local -= timedelta(days=local.weekday())
        if body["calendar_interval"] == "month":
            local = local.replace(day=1)
        return round(local.timestamp() * 1000)

    def after(ms: int) -> int:
        if "fixed_interval" in body:
            return ms + _FIXED[body["fixed_interval"]]
        days = {"day": 1, "week": 7, "month": 32}[body["calendar_interval"]]
        return start(round((datetime.fromtimestamp(ms / 1000, zone) + timedelta(days=days)).timestamp() * 1000))

    groups: dict[int, list[Document]] = {}
    for item in found:
        groups.setdefault(start(item["@timestamp"]), []).append(item)
    bounds = body.get("extended_bounds", {})
    ends = [*groups, *(start(bounds[end]) for end in ("min", "max") if end in bounds)]
    keys: Iterable[int] = sorted(groups)
    if body.get("min_doc_count", 0) == 0 and ends:
        keys, key = [], min(ends)
        while key <= max(ends):
            keys.append(key)
            key = after(key)
    buckets = [
        _bucket({"key_as_string": shown_ms(key, zone), "key": key}, groups.get(key, []), below)
        for key in keys
        if len(groups.get(key, [])) >= body.get("min_doc_count", 0)
    ]
    return {"buckets": buckets}


def _histogram(body: Any, found: list[Document], below: dict[str, Any]) -> dict[str, Any]:
    groups: dict[int, list[Document]] = {}
    for item in found:
        if (value := _value(item, body["field"])) is not None:
            groups.setdefault(math.floor(value / body["interval"]), []).append(item)
    steps = range(min(groups), max(groups) + 1) if groups else range(0)
    least = body.get("min_doc_count", 0)
    return {
        "buckets": [
            _bucket({"key": float(step * body["interval"])}, groups.get(step, []), below)
            for step in steps
            if len(groups.get(step, [])) >= least
        ]
    }


def _filters(body: Any, found: list[Document], below: dict[str, Any]) -> dict[str, Any]:
    chosen = {
        name: _bucket({}, [item for item in found if matches(query, item)], below)
        for name, query in body["filters"].items()
    }
    return {"buckets": chosen}


def _range_buckets(body: Any, found: list[Document], below: dict[str, Any]) -> dict[str, Any]:
    buckets = []
    for ends in body["ranges"]:
        low, high = ends.get("from", -math.inf), ends.get("to", math.inf)
        inside = [item for item in found if (v := _value(item, body["field"])) is not None and low <= v < high]
        shown = [str(float(ends[end])) if end in ends else "*" for end in ("from", "to")]
        head = {"key": "-".join(shown), **{end: float(ends[end]) for end in ("from", "to") if end in ends}}
        buckets.append(_bucket(head, inside, below))
    return {"buckets": buckets}


def _composite(body: Any, found: list[Document], below: dict[str, Any]) -> dict[str, Any]:
    sources = [next(iter(source.items())) for source in body["sources"]]
    fields = [(name, inner["terms"]["field"], inner["terms"].get("order", "asc")) for name, inner in sources]
    groups: dict[tuple[Any, ...], list[Document]] = {}
    for item in found:
        key = tuple(_value(item, field) for _, field, _ in fields)
        if None not in key:
            groups.setdefault(key, []).append(item)
    keys = list(groups)
    for place, (_, field, way) in reversed(list(enumerate(fields))):
        rank = _ranked(field)
        keys.sort(key=lambda key, place=place, rank=rank: rank(key[place]), reverse=way == "desc")
    if "after" in body:
        last = tuple(body["after"][name] for name, _, _ in fields)
        keys = keys[keys.index(last) + 1 :]
    keys = keys[: body["size"]]
    names = [name for name, _, _ in fields]
    buckets = [_bucket({"key": dict(zip(names, key, strict=True))}, groups[key], below) for key in keys]
    return {**({"after_key": buckets[-1]["key"]} if buckets else {}), "buckets": buckets}


_BUCKETS: dict[str, Callable[[Any, list[Document], dict[str, Any]], dict[str, Any]]] = {
    "terms": _terms_buckets,
    "date_histogram": _date_histogram,
    "histogram": _histogram,
    "filter": lambda body, found, below: _bucket({}, [item for item in found if matches(body, item)], below),
    "filters": _filters,
    "range": _range_buckets,
    "missing": lambda body, found, below: _bucket(
        {}, [item for item in found if _value(item, body["field"]) is None], below
    ),
    "composite": _composite,
    "top_hits": lambda body, found, _: {
        "total": len(found),
        "places": [item["_place"] for item in in_order(body, found)][: body["size"]],
    },
    "cardinality": lambda body, found, _: {
        "value": len({v for item in found if (v := _value(item, body["field"])) is not None})
    },
    "value_count": lambda body, found, _: {"value": sum(_value(item, body["field"]) is not None for item in found)},
}

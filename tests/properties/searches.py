"""Random searches that make sense over the documents of `documents`."""

from __future__ import annotations

from random import Random
from typing import Any

from properties.documents import EXTENT_MS, LEVELS, METHODS, SERVICES, START_MS, WORDS, shown_ms

KEYWORDS: dict[str, tuple[Any, ...]] = {
    "log.level": LEVELS,
    "service.name": SERVICES,
    "user.id": tuple(f"u{n}" for n in range(31)),
    "http.method": METHODS,
    "http.status": (200, 404, 500, 503, 999),
    "cached": (True, False),
}
NUMBERS = {"duration_ms": 100, "bytes": 5000, "http.status": 600}
FIELDS = (*KEYWORDS, "duration_ms", "bytes", "message", "@timestamp", "nobody.has.it")


def search(chance: Random) -> dict[str, Any]:
    body: dict[str, Any] = {"track_total_hits": True, "size": chance.choice([0, 0, 1, 20])}
    if chance.random() < 0.85:
        body["query"] = query(chance, 3)
    if body["size"] and chance.random() < 0.8:
        body["sort"] = sort(chance)
        body["from"] = chance.choice([0, 0, 3])
    if chance.random() < 0.6:
        body["aggs"] = {f"a{n}": aggregation(chance, 3) for n in range(chance.randint(1, 2))}
    return body


def sort(chance: Random) -> list[dict[str, Any]]:
    fields = chance.sample(["@timestamp", "service.name", "http.status", "duration_ms", "bytes", "log.level"], 2)
    return [{name: {"order": chance.choice(["asc", "desc"])}} for name in fields[: chance.randint(1, 2)]]


def query(chance: Random, depth: int) -> dict[str, Any]:
    if depth and chance.random() < 0.35:
        return {"bool": _bool(chance, depth)}
    return chance.choice(_LEAVES)(chance)


def _bool(chance: Random, depth: int) -> dict[str, Any]:
    body: dict[str, Any] = {}
    for word in ("must", "filter", "should", "must_not"):
        if chance.random() < 0.45:
            body[word] = [query(chance, depth - 1) for _ in range(chance.randint(1, 3))]
    if body.get("should") and chance.random() < 0.3:
        body["minimum_should_match"] = chance.randint(0, len(body["should"]) + 1)
    return body


def _text(chance: Random, most: int = 3) -> str:
    return " ".join(chance.choice(WORDS) for _ in range(chance.randint(1, most)))


def _keyword(chance: Random) -> tuple[str, Any]:
    name = chance.choice(list(KEYWORDS))
    return name, chance.choice(KEYWORDS[name])


def _term(chance: Random) -> dict[str, Any]:
    if chance.random() < 0.2:
        return {"term": {"message": chance.choice([word.lower() for word in WORDS] + ["Error", "order placed"])}}
    name, value = _keyword(chance)
    name += chance.choice(["", ".keyword"]) if isinstance(value, str) else ""
    return {"term": {name: chance.choice([value, {"value": value}])}}


def _terms(chance: Random) -> dict[str, Any]:
    name = chance.choice(list(KEYWORDS))
    return {"terms": {name: [chance.choice(KEYWORDS[name]) for _ in range(chance.randint(0, 4))]}}


def _match(chance: Random) -> dict[str, Any]:
    if chance.random() < 0.25:
        name, value = _keyword(chance)
        return {"match": {name: value}}
    text = _text(chance)
    extra = chance.choice([{}, {"operator": "and"}, {"minimum_should_match": 2}])
    if "minimum_should_match" in extra and len(set(text.lower().split())) < 2:
        extra = {}
    return {"match": {"message": {"query": text, **extra} if extra else text}}


def _range(chance: Random) -> dict[str, Any]:
    kind = chance.random()
    words = [chance.choice(["gte", "gt"]), chance.choice(["lte", "lt"])]
    if kind < 0.4:
        values: list[Any] = sorted(START_MS + chance.randrange(EXTENT_MS) for _ in range(2))
        values = [chance.choice([value, shown_ms(value)]) for value in values]
        name = "@timestamp"
    elif kind < 0.5:
        name, values = "log.level", sorted(chance.sample(LEVELS, 2), key=LEVELS.index)
    else:
        name = chance.choice(list(NUMBERS))
        values = sorted(chance.randrange(NUMBERS[name]) for _ in range(2))
    ends = dict(zip(words, values, strict=True))
    if chance.random() < 0.3:
        ends.pop(chance.choice(words))
    return {"range": {name: ends}}


def _pattern(chance: Random) -> dict[str, Any]:
    name = chance.choice(["service.name", "user.id", "http.method", "message", "message.keyword"])
    word = {"message": "order", "message.keyword": "order"}.get(name) or chance.choice(
        [value for value in KEYWORDS[name] if isinstance(value, str)]
    )
    kind = chance.choice(["prefix", "wildcard", "regexp"])
    cut = chance.randint(0, len(word))
    if kind == "prefix":
        return {"prefix": {name: word[: cut or 1]}}
    if kind == "wildcard":
        return {"wildcard": {name: {"value": word[:cut] + chance.choice(["*", "?", "?*"]) + word[cut + 1 :]}}}
    tail = chance.choice([".*", "[a-z0-9]+", "(x|y)?", ".?", "[^x]*"])
    return {"regexp": {name: word[: max(cut, name == "message")] + tail}}  # an empty word is refused


_LEAVES = (
    lambda chance: {"match_all": {}},
    lambda chance: {"match_none": {}},
    _term,
    _term,
    _terms,
    _match,
    _match,
    lambda chance: {"match_phrase": {"message": _text(chance)}},
    lambda chance: {"match_phrase_prefix": {"message": _text(chance)[: chance.randint(2, 12)]}},
    lambda chance: {
        "multi_match": {"query": chance.choice([*WORDS, *SERVICES]), "fields": ["message", "service.name"]}
    },
    _range,
    _range,
    lambda chance: {"exists": {"field": chance.choice(FIELDS)}},
    _pattern,
    lambda chance: {"constant_score": {"filter": query(chance, 0)}},
)


# ---- aggregations -------------------------------------------------------------------------------------------------


def aggregation(chance: Random, depth: int) -> dict[str, Any]:
    if depth <= 1 or chance.random() < 0.3:
        return metric(chance)
    kind = chance.choice(list(_BUCKETS))
    below = {f"b{n}": aggregation(chance, depth - 1) for n in range(chance.randint(0, 2))}
    return {kind: _BUCKETS[kind](chance, below), **({"aggs": below} if below else {})}


def metric(chance: Random) -> dict[str, Any]:
    kinds = ["avg", "sum", "min", "max", "stats", "percentiles", "value_count", "cardinality", "top_hits"]
    kind = chance.choice(kinds)
    if kind == "top_hits":
        order = {"sort": sort(chance)} if chance.random() < 0.6 else {}
        return {kind: {"size": chance.randint(0, 3), "_source": ["place"], **order}}
    if kind in ("value_count", "cardinality"):
        return {kind: {"field": chance.choice([*KEYWORDS, "duration_ms", "nobody.has.it"])}}
    body: dict[str, Any] = {"field": chance.choice(list(NUMBERS))}
    return {kind: {**body, **({"percents": [5, 50, 99.5]} if kind == "percentiles" else {})}}


def _terms_of(chance: Random, below: dict[str, Any]) -> dict[str, Any]:
    name = chance.choice(list(KEYWORDS))
    body: dict[str, Any] = {"field": name, "size": chance.choice([1, 2, 5, 50])}
    if name in ("service.name", "http.method") and chance.random() < 0.2:
        body["missing"] = "nobody"
    if chance.random() < 0.2:
        body["min_doc_count"] = chance.randint(2, 30)
    by = ["_count", "_key", *(n for n, given in below.items() if set(given) & {"avg", "min", "max", "sum"})]
    if chance.random() < 0.5:
        body["order"] = {chance.choice(by): chance.choice(["asc", "desc"])}
    return body


def _date_histogram_of(chance: Random, below: dict[str, Any]) -> dict[str, Any]:
    body: dict[str, Any] = {"field": "@timestamp"}
    if chance.random() < 0.6:
        body["fixed_interval"] = chance.choice(["1h", "90m", "1d", "7d"])
        if chance.random() < 0.3:
            body["offset"] = chance.choice(["+15m", "-40m"])
    else:
        body["calendar_interval"] = chance.choice(["day", "week", "month"])
        if chance.random() < 0.6:
            body["time_zone"] = chance.choice(["Europe/Berlin", "America/New_York", "Asia/Kathmandu"])
    if chance.random() < 0.4:
        body["min_doc_count"] = chance.choice([0, 1, 3])
    if chance.random() < 0.3 and body.get("min_doc_count", 0) == 0:
        body["extended_bounds"] = {"min": START_MS - 7_200_000, "max": START_MS + EXTENT_MS + 7_200_000}
    return body


def _composite_of(chance: Random, below: dict[str, Any]) -> dict[str, Any]:
    fields = chance.sample(["service.name", "log.level", "http.method", "http.status"], 2)
    sources = [{name: {"terms": {"field": name, "order": chance.choice(["asc", "desc"])}}} for name in fields]
    return {"size": chance.choice([3, 10]), "sources": sources}


_BUCKETS: dict[str, Any] = {
    "terms": _terms_of,
    "date_histogram": _date_histogram_of,
    "histogram": lambda chance, _: {
        "field": chance.choice(["duration_ms", "bytes"]),
        "interval": chance.choice([25, 1000]),
    },
    "filter": lambda chance, _: query(chance, 1),
    "filters": lambda chance, _: {"filters": {f"f{n}": query(chance, 1) for n in range(2)}},
    "range": lambda chance, _: {
        "field": chance.choice(["duration_ms", "bytes"]),
        "ranges": [{"to": 10}, {"from": 10, "to": 50}, {"from": 50}],
    },
    "missing": lambda chance, _: {"field": chance.choice(FIELDS)},
}
COMPOSITE = _composite_of

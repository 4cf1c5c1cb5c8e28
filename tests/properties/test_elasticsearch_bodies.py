"""No body makes the face of Elasticsearch fail in a way it has no word for."""

from __future__ import annotations

import copy
from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heimdall.api.elasticsearch.wire import error_of, filtered
from heimdall.clock import ManualClock
from heimdall.errors import HeimdallError
from heimdall.query.languages.esdsl.queries import read_query
from heimdall.storage import open_engine
from properties.documents import documents
from properties.searches import search
from properties.test_elasticsearch_answers import NOW_NS, World

JUNK: tuple[Any, ...] = (
    None, True, False, 0, -1, 1.5, 10**30, 1e308, "", "*", "now-1d/d", "2026-11-22||+1M/d", "now/", "[", "a:b", "\x00",
    "é", "x" * 5_000, [], [[]], [None], {}, {"": ""}, {"field": 5}, {"field": "message"}, {"value": {}}, {"query": []},
    {"gte": "now", "lte": []}, {"order": "up"}, "_score", "_doc", "-1-1", "log.level", "trace.id", "id", "_id",
    ["_doc"],
)  # fmt: skip
FULL: tuple[dict[str, Any], ...] = (
    {
        "query": {
            "bool": {
                "must": [
                    {
                        "query_string": {
                            "query": 'a AND (b OR c:d*) -e:[1 TO 2] /x.y/ "p q"',
                            "default_field": "message",
                        }
                    },
                    {"simple_query_string": {"query": '"a b" + (c* | d) -e', "fields": ["message", "service.name"]}},
                    {"multi_match": {"query": "a b", "type": "phrase_prefix", "fields": ["mess*", "user.id^2"]}},
                    {"match_bool_prefix": {"message": {"query": "a b", "operator": "and"}}},
                    {"ids": {"values": ["1", "01a202e0-8bbf-7000-8000-000000000bb8"]}},
                ],
                "minimum_should_match": "2<75%",
                "should": [
                    {"range": {"@timestamp": {"gte": "now-1d/d", "time_zone": "+01:00", "format": "yyyy-MM-dd"}}}
                ],
            }
        },
        "sort": [{"@timestamp": {"order": "desc", "format": "epoch_millis"}}, "_doc"],
        "search_after": [1700000000000, "1700000000000000000-5"],
        "highlight": {"pre_tags": ["<"], "fields": {"*": {}}},
        "fields": [{"field": "@timestamp", "format": "yyyy-MM-dd"}, "http.*"],
        "_source": {"includes": ["http.*"], "excludes": ["http.status"]},
        "collapse": {"field": "service.name"},
        "size": 5,
    },
    {
        "size": 0,
        "aggs": {
            "t": {
                "terms": {"field": "service.name", "order": [{"m.max": "desc"}], "include": "c.*", "exclude": ["web"]},
                "aggs": {
                    "m": {"stats": {"field": "bytes"}},
                    "h": {"top_hits": {"size": 2, "from": 1, "sort": [{"bytes": "asc"}], "_source": ["http"]}},
                    "w": {"top_metrics": {"metrics": [{"field": "bytes"}], "sort": {"@timestamp": "desc"}}},
                    "d": {
                        "date_histogram": {
                            "field": "@timestamp",
                            "calendar_interval": "1M",
                            "time_zone": "Europe/Berlin",
                            "format": "yyyy-MM",
                            "extended_bounds": {"min": "2023-01", "max": "2023-12"},
                        },
                        "aggs": {"c": {"cumulative_sum": {"buckets_path": "_count"}}},
                    },
                },
            },
            "r": {
                "date_range": {"field": "@timestamp", "ranges": [{"to": "now-1d"}, {"from": "now-1d", "key": "late"}]}
            },
            "p": {"percentile_ranks": {"field": "bytes", "values": [10, 20], "keyed": False}},
            "x": {"max_bucket": {"buckets_path": "t>m.max"}},
            "f": {"filters": {"filters": [{"match_all": {}}], "other_bucket_key": "rest"}},
            "k": {
                "composite": {"sources": [{"a": {"date_histogram": {"field": "@timestamp", "fixed_interval": "1h"}}}]}
            },
        },
    },
)


@pytest.fixture(scope="module")
def world() -> World:
    """In memory: what is looked for is what the reader of bodies does."""
    return World(open_engine("memory://", ManualClock(NOW_NS)), documents(Random(1), 20))


@given(seed=st.integers(0, 2**32), times=st.integers(1, 4))
def test_a_spoilt_search_is_answered_or_refused(world: World, seed: int, times: int) -> None:
    chance = Random(seed)
    body = copy.deepcopy(chance.choice(FULL)) if chance.random() < 0.7 else search(chance)
    for _ in range(times):
        _spoil(body, chance)
    refusal = _refusal(lambda: world.ask(body))
    if refusal is not None:
        told, status = error_of(refusal)
        assert 400 <= status < 500, (body, refusal)
        assert told["error"]["root_cause"][0]["type"]


def _refusal(ask: Callable[[], object]) -> HeimdallError | None:
    try:
        ask()
    except HeimdallError as exc:
        return exc
    return None


def _spoil(body: dict[str, Any], chance: Random) -> None:
    """Put junk in the place of something."""
    place: Any = body
    while True:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        if not keys:
            return
        key = chance.choice(keys)
        if isinstance(place[key], dict | list) and place[key] and chance.random() < 0.8:
            place = place[key]
            continue
        if isinstance(place, dict) and chance.random() < 0.2:
            place[chance.choice(["", "field", "zone", "terms", "size", "_name", "x>y"])] = place.pop(key)
        else:
            place[key] = copy.deepcopy(chance.choice(JUNK))
        return


TEXTS = st.text(alphabet='ab01 :*?()[]{}"/\\+-!&|~^<>=.NOTADR_@#\n\x00é', max_size=40)


@given(text=TEXTS, kind=st.sampled_from(["query_string", "simple_query_string"]))
def test_any_text_is_a_query_or_refused(text: str, kind: str) -> None:
    refusal = _refusal(lambda: read_query({kind: {"query": text}}, 0))
    assert refusal is None or kind == "query_string", refusal


@given(
    told=st.recursive(st.integers(), lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from("abc"), inner)),
    path=st.lists(st.sampled_from(["a", "b", "*", "**", "", "a*"]), min_size=1).map(".".join),
)
def test_any_path_filters_any_answer(told: Any, path: str) -> None:
    filtered(told, [path])
    filtered(told, [f"-{path}"])

"""Searches in Elasticsearch's language answer what a plain evaluation of the same documents answers.

The small default is for every day. At release size, on 5,000 documents:

    HEIMDALL_SEARCHES=10000 pytest tests/properties/test_elasticsearch_answers.py --timeout 7200
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pytest

from heimdall.api.elasticsearch.searching import Searches
from heimdall.clock import ManualClock
from heimdall.model.batch import DEFAULT_TENANT, LOG_SCHEMA, POSITION_FIELD, TEMPLATE_FIELD, LogBatch, Origin
from heimdall.model.severity import SEVERITY_BY_NAME
from heimdall.model.template import CATALOGUE_SCHEMA
from heimdall.query.service import QueryConfig, QueryService
from heimdall.query.templates import TableCatalogue
from heimdall.storage import Engine, open_engine
from heimdall.storage.tiers import Tiers
from properties.documents import Document, aggregate, documents, in_order, matches
from properties.searches import COMPOSITE, aggregation, query, search

SEARCHES = int(os.environ.get("HEIMDALL_SEARCHES", "150"))
DOCUMENTS = 5_000 if SEARCHES > 1_000 else 700
NOW_NS = 1_700_500_000_000_000_000
SCHEMA = pa.schema([*LOG_SCHEMA, POSITION_FIELD, TEMPLATE_FIELD])
COLUMNS = {"service.name": "service", "user.id": "user_id", "duration_ms": "duration_ms", "message": "message"}


class World:
    def __init__(self, engine: Engine, given: list[Document]) -> None:
        self.documents = given
        rows = [_row(document) for document in given]
        engine.append(LogBatch(DEFAULT_TENANT, pa.Table.from_pylist(rows, schema=SCHEMA), Origin(1, len(rows))))
        clock = ManualClock(NOW_NS)
        catalogue = CATALOGUE_SCHEMA.empty_table()
        service = QueryService(Tiers({"hot": engine}), clock, QueryConfig(), TableCatalogue(lambda: catalogue))
        self._searches = Searches(service, clock)

    def ask(self, body: dict[str, Any], index: str | None = None) -> dict[str, Any]:
        return self._searches.answer(self._searches.read(index, body, {}))

    def expected(self, body: dict[str, Any]) -> list[Document]:
        return [item for item in self.documents if matches(body.get("query", {"match_all": {}}), item)]


def _row(document: Document) -> dict[str, Any]:
    own: dict[str, Any] = {"_index": document["_index"], "place": document["_place"]}
    row: dict[str, Any] = {
        "timestamp": document["@timestamp"] * 1_000_000,
        "observed_timestamp": NOW_NS,
        "severity_number": SEVERITY_BY_NAME[document["log.level"]] if "log.level" in document else 0,
        "position": document["_place"] + 1,
        "template_id": 1,
    }
    for name, value in document.items():
        if name in COLUMNS:
            row[COLUMNS[name]] = value
        elif name.startswith("http."):
            own.setdefault("http", {})[name.removeprefix("http.")] = value
        elif name in ("bytes", "cached"):
            own[name] = value
    return {**row, "attributes": json.dumps(own)}


@pytest.fixture(scope="module", params=["clickhouse", "memory"])
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    is_memory = request.param == "memory"
    folder: Path = tmp_path_factory.mktemp("answers")
    url = "memory://" if is_memory else f"clickhouse+embedded://{folder}/tier"
    engine = open_engine(url, ManualClock(NOW_NS))
    yield World(engine, documents(Random(7), 300 if is_memory else DOCUMENTS))
    engine.close()


def searches_for(world: World) -> int:
    return SEARCHES if len(world.documents) > 300 else min(SEARCHES, 1_000) // 3


def test_searches_answer_what_a_plain_evaluation_does(world: World) -> None:
    chance = Random(20261125)
    for number in range(searches_for(world)):
        body = search(chance)
        found = world.ask(body)
        expected = world.expected(body)
        where = f"search {number}: {json.dumps(body)}"
        assert found["hits"]["total"] == {"value": len(expected), "relation": "eq"}, where
        if body["size"]:
            places = [hit["_source"]["place"] for hit in found["hits"]["hits"]]
            first = body.get("from", 0)
            assert places == [item["_place"] for item in in_order(body, expected)][first : first + body["size"]], where
        if "aggs" in body:
            assert difference(simplified(found["aggregations"]), aggregate(body["aggs"], expected)) is None, (
                f"{where}\n{difference(simplified(found['aggregations']), aggregate(body['aggs'], expected))}"
            )


def test_composite_pages_are_all_combinations(world: World) -> None:
    chance = Random(3)
    for _ in range(max(3, searches_for(world) // 30)):
        body: dict[str, Any] = {"size": 0, "query": query(chance, 2)}
        composite = COMPOSITE(chance, {})
        below = {"b": aggregation(chance, 1)}
        for _ in range(100):
            body["aggs"] = {"all": {"composite": composite, "aggs": below}}
            found = simplified(world.ask(body)["aggregations"])
            assert difference(found, aggregate(body["aggs"], world.expected(body))) is None, json.dumps(body)
            if "after_key" not in found["all"]:
                break
            composite = {**composite, "after": found["all"]["after_key"]}


def test_search_after_walks_through_everything_once(world: World) -> None:
    chance = Random(5)
    for _ in range(4):
        body: dict[str, Any] = {**search(chance), "size": 97, "from": 0}
        body.pop("aggs", None)
        body["sort"] = [*body.get("sort", [{"@timestamp": "desc"}]), {"_doc": chance.choice(["asc", "desc"])}]
        if body["sort"][0] == {"@timestamp": "desc"}:
            body["sort"][1] = "_doc"
        places: list[int] = []
        while hits := world.ask(body)["hits"]["hits"]:
            places += [hit["_source"]["place"] for hit in hits]
            body["search_after"] = hits[-1]["sort"]
        expected = world.expected(body)
        assert len(places) == len(set(places)), json.dumps(body)
        assert set(places) == {item["_place"] for item in expected}, json.dumps(body)


@pytest.mark.parametrize(
    ("expression", "kept"),
    [
        ("logs-*", {"logs-shop-default", "logs-web-default"}),
        ("logs-*,-logs-web*", {"logs-shop-default"}),
        ("metrics-shop,logs-web-default", {"metrics-shop", "logs-web-default"}),
        ("_all", {"logs-shop-default", "logs-web-default", "metrics-shop"}),
    ],
)
def test_an_index_is_found_by_name_and_pattern(world: World, expression: str, kept: set[str]) -> None:
    body = {"size": 0, "track_total_hits": True, "aggs": {"i": {"terms": {"field": "_index"}}}}
    found = world.ask(body, expression)
    assert {bucket["key"] for bucket in found["aggregations"]["i"]["buckets"]} == kept
    assert found["hits"]["total"]["value"] == sum(item["_index"] in kept for item in world.documents)


def simplified(found: Any) -> Any:
    """Hits of buckets as the places of their records."""
    if isinstance(found, dict) and isinstance(found.get("hits"), dict):
        hits = found["hits"]
        return {"total": hits["total"]["value"], "places": [hit["_source"]["place"] for hit in hits["hits"]]}
    if isinstance(found, dict):
        return {name: simplified(value) for name, value in found.items()}
    return [simplified(item) for item in found] if isinstance(found, list) else found


def difference(found: Any, expected: Any, path: str = "") -> str | None:
    """The first place where two answers differ; floats may by their last digits."""
    if isinstance(expected, dict) and isinstance(found, dict):
        if found.keys() != expected.keys():
            return f"{path}: {sorted(found)} instead of {sorted(expected)}"
        inner = (difference(found[key], expected[key], f"{path}.{key}") for key in expected)
        return next((item for item in inner if item is not None), None)
    if isinstance(expected, list) and isinstance(found, list):
        if len(found) != len(expected):
            return f"{path}: {len(found)} items instead of {len(expected)}: {found[:3]} {expected[:3]}"
        inner = (difference(a, b, f"{path}[{n}]") for n, (a, b) in enumerate(zip(found, expected, strict=True)))
        return next((item for item in inner if item is not None), None)
    if isinstance(expected, float) and isinstance(found, int | float):
        same = math.isclose(found, expected, rel_tol=1e-9, abs_tol=1e-6)
    else:
        same = found == expected
    return None if same else f"{path}: {found!r} instead of {expected!r}"

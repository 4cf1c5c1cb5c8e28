"""The face of Elasticsearch over HTTP, on records in memory."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from typing import Any

import httpx
import orjson
import pyarrow as pa
import pytest
from fastapi import FastAPI

from heimdall.api.elasticsearch.routes import elasticsearch_routes
from heimdall.api.elasticsearch.wire import filtered, fits
from heimdall.clock import ManualClock
from heimdall.model.batch import DEFAULT_TENANT, LOG_SCHEMA, POSITION_FIELD, TEMPLATE_FIELD, LogBatch, Origin
from heimdall.model.template import CATALOGUE_SCHEMA
from heimdall.query.service import QueryConfig, QueryService
from heimdall.query.templates import TableCatalogue
from heimdall.storage import Engine, open_engine
from heimdall.storage.tiers import Tiers

START_NS = 1_763_805_600_000_000_000
SCHEMA = pa.schema([*LOG_SCHEMA, POSITION_FIELD, TEMPLATE_FIELD])


def record(place: int, **given: Any) -> dict[str, Any]:
    own = {"_index": "shop", "n": place, "http": {"status": 200 + place}, **given.pop("own", {})}
    return {
        "timestamp": START_NS + place * 1_500_000,
        "observed_timestamp": START_NS,
        "severity_number": 17,
        "service": "cart",
        "message": f"order {place} refused",
        "position": place + 1,
        "template_id": 1,
        "attributes": orjson.dumps(own).decode(),
        **given,
    }


def keep(engine: Engine, rows: list[dict[str, Any]]) -> None:
    origin = Origin(rows[0]["position"], rows[-1]["position"])
    engine.append(LogBatch(DEFAULT_TENANT, pa.Table.from_pylist(rows, schema=SCHEMA), origin))


class Face:
    def __init__(self, rows: list[dict[str, Any]]) -> None:
        self.clock = ManualClock(START_NS + 10**9)
        self.engine = open_engine("memory://", self.clock)
        keep(self.engine, rows)
        catalogue = CATALOGUE_SCHEMA.empty_table()
        service = QueryService(
            Tiers({"hot": self.engine}), self.clock, QueryConfig(), TableCatalogue(lambda: catalogue)
        )
        app = FastAPI()
        app.include_router(elasticsearch_routes(service, self.clock))
        self.http = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://node:9200")

    async def search(self, path: str = "/_search", **body: Any) -> Any:
        answer = await self.http.post(path, json=body)
        return answer.json()


@pytest.fixture
def face() -> Iterator[Face]:
    face = Face([record(place) for place in range(7)])
    yield face
    face.engine.close()


async def test_a_document_has_the_names_of_the_common_schema(face: Face) -> None:
    (hit,) = (await face.search(size=1))["hits"]["hits"]
    assert (hit["_index"], hit["_score"]) == ("shop", 1.0)
    assert hit["_source"] == {
        "@timestamp": "2025-11-22T10:00:00.009Z",
        "event": {"ingested": "2025-11-22T10:00:00.000Z"},
        "log": {"level": "error"},
        "severity_number": 17,
        "service": {"name": "cart"},
        "message": "order 6 refused",
        "template_id": 1,
        "n": 6,
        "http": {"status": 206},
    }


async def test_nanoseconds_are_shown_where_there_are_any(face: Face) -> None:
    found = await face.search(query={"term": {"n": 1}})
    assert found["hits"]["hits"][0]["_source"]["@timestamp"] == "2025-11-22T10:00:00.001500000Z"


async def test_a_field_in_the_way_of_an_object_stands_beside_it() -> None:
    face = Face([record(0, own={"log": "a text", "service": {"version": 3}})])
    (hit,) = (await face.search())["hits"]["hits"]
    assert hit["_source"]["log"] == "a text"
    assert hit["_source"]["log.level"] == "error"
    assert hit["_source"]["service"] == {"version": 3, "name": "cart"}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (False, None),
        (["n"], {"n": 6}),
        ("http.*", {"http": {"status": 206}}),
        ({"includes": ["http", "n"], "excludes": ["http.status"]}, {"n": 6}),
        (["service"], {"service": {"name": "cart"}}),
    ],
)
async def test_source_is_filtered(face: Face, given: Any, expected: Any) -> None:
    (hit,) = (await face.search(size=1, _source=given))["hits"]["hits"]
    assert hit.get("_source") == expected


async def test_fields_have_their_formats(face: Face) -> None:
    wanted = [{"field": "@timestamp", "format": "epoch_millis"}, "http.*", "message.keyword"]
    (hit,) = (await face.search(size=1, fields=wanted, _source=False))["hits"]["hits"]
    assert hit["fields"] == {
        "@timestamp": ["1763805600009"],
        "http.status": [206],
        "message.keyword": ["order 6 refused"],
    }


async def test_hits_are_counted_as_far_as_asked(face: Face) -> None:
    async def total(**body: Any) -> Any:
        return (await face.search(size=0, **body))["hits"].get("total")

    assert await total() == {"value": 7, "relation": "eq"}
    assert await total(track_total_hits=5) == {"value": 5, "relation": "gte"}
    assert await total(track_total_hits=False) is None
    answer = (await face.http.get("/_search?rest_total_hits_as_int=true&q=n:3")).json()
    assert answer["hits"]["total"] == 1


async def test_a_point_in_time_leaves_out_what_comes_later(face: Face) -> None:
    pit = (await face.http.post("/shop/_pit?keep_alive=1m")).json()["id"]
    face.clock.sleep(5)
    keep(face.engine, [record(7, observed_timestamp=START_NS + 4 * 10**9)])
    assert (await face.search(size=0))["hits"]["total"]["value"] == 8
    found = await face.search(size=3, pit={"id": pit}, sort=[{"@timestamp": "desc"}])
    assert found["pit_id"] == pit
    assert [hit["_source"]["n"] for hit in found["hits"]["hits"]] == [6, 5, 4]
    after = found["hits"]["hits"][-1]["sort"]
    found = await face.search(size=9, pit={"id": pit}, sort=[{"@timestamp": "desc"}], search_after=after)
    assert [hit["_source"]["n"] for hit in found["hits"]["hits"]] == [3, 2, 1, 0]


async def test_a_page_behind_a_moment_alone_skips_its_millisecond(face: Face) -> None:
    found = await face.search(sort=[{"@timestamp": "desc"}], search_after=[1_763_805_600_004])
    assert [hit["_source"]["n"] for hit in found["hits"]["hits"]] == [2, 1, 0]


async def test_scrolls_end(face: Face) -> None:
    page = (await face.http.post("/shop/_search?scroll=1m", json={"size": 4})).json()
    seen = [hit["_source"]["n"] for hit in page["hits"]["hits"]]
    for _ in range(2):
        body = {"scroll": "1m", "scroll_id": page["_scroll_id"]}
        page = (await face.http.post("/_search/scroll", json=body)).json()
        assert page["hits"]["total"] == {"value": 7, "relation": "eq"}
        seen += [hit["_source"]["n"] for hit in page["hits"]["hits"]]
    assert seen == [6, 5, 4, 3, 2, 1, 0]
    assert page["hits"]["hits"] == []


@pytest.mark.parametrize("path", ["/_search/scroll", "/_search"])
async def test_a_token_nobody_gave_is_refused(face: Face, path: str) -> None:
    body = {"scroll_id": "bm9uZQ"} if path.endswith("scroll") else {"pit": {"id": "bm9uZQ"}}
    answer = await face.http.post(path, json=body)
    assert answer.status_code == 400
    assert "Cannot parse" in answer.json()["error"]["reason"]


async def test_collapse_and_post_filter(face: Face) -> None:
    found = await face.search(collapse={"field": "service.name"}, post_filter={"range": {"n": {"lt": 5}}})
    assert [hit["_source"]["n"] for hit in found["hits"]["hits"]] == [4]
    assert found["hits"]["total"]["value"] == 5


async def test_buckets_have_a_bound(face: Face) -> None:
    histogram = {
        "field": "@timestamp",
        "fixed_interval": "1ms",
        "extended_bounds": {"min": 0, "max": 1_763_805_600_000},
    }
    answer = await face.http.post("/_search", json={"size": 0, "aggs": {"a": {"date_histogram": histogram}}})
    error = answer.json()["error"]
    assert answer.status_code == 400
    assert error["type"] == "search_phase_execution_exception"
    assert error["caused_by"]["type"] == "too_many_buckets_exception"
    assert error["caused_by"]["max_buckets"] == 65_536


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ({"from": 9_999, "size": 2}, "search_phase_execution_exception"),
        ({"size": -1}, "illegal_argument_exception"),
        ({"sort": ["message"]}, "illegal_argument_exception"),
        ({"script_fields": {"a": {"script": "1"}}}, "illegal_argument_exception"),
        ({"no_such_key": 1}, "parsing_exception"),
        ({"slice": {"id": 1, "max": 2}}, "illegal_argument_exception"),
        ({"collapse": {"field": "n", "inner_hits": {"name": "a"}}}, "illegal_argument_exception"),
        (
            {"aggs": {"a": {"histogram": {"field": "n", "interval": 1, "hard_bounds": {}}}}},
            "illegal_argument_exception",
        ),
        ({"aggs": {"a": {"no_such": {}}}}, "parsing_exception"),
        (
            {"aggs": {"a": {"avg": {"field": "n"}, "aggs": {"b": {"avg": {"field": "n"}}}}}},
            "aggregation_initialization_exception",
        ),
        ({"aggs": {"a": {"terms": {"field": "message"}}}}, "illegal_argument_exception"),
        ({"sort": ["n"], "search_after": [1, 2]}, "illegal_argument_exception"),
    ],
)
async def test_what_is_wrong_has_elasticsearch_s_shape(face: Face, body: Any, kind: str) -> None:
    answer = await face.http.post("/_search", json=body)
    told = answer.json()
    assert answer.status_code == told["status"] == 400
    assert told["error"]["type"] == kind
    assert told["error"]["root_cause"][0]["reason"]


async def test_an_index_nobody_wrote_is_not_found(face: Face) -> None:
    answer = await face.http.post("/shop,nobody/_search", json={"query": {"match_none": {}}})
    assert answer.status_code == 404
    assert answer.json()["error"]["index"] == "nobody"
    assert (await face.http.post("/nobody*/_search", json={})).status_code == 200
    assert (await face.http.post("/nobody/_search?ignore_unavailable=true", json={})).status_code == 200


async def test_bodies_may_be_compressed_and_are_bounded(face: Face) -> None:
    body = gzip.compress(orjson.dumps({"query": {"term": {"n": 1}}}))
    answer = await face.http.post("/_count", content=body, headers={"Content-Encoding": "gzip"})
    assert answer.json()["count"] == 1
    bomb = gzip.compress(b" " * (5 << 20))
    answer = await face.http.post("/_search", content=bomb, headers={"Content-Encoding": "gzip"})
    assert (answer.status_code, answer.json()["error"]["type"]) == (413, "content_too_long_exception")
    answer = await face.http.post("/_search", content=b" " * (2 << 20))
    assert (answer.status_code, answer.json()["error"]["type"]) == (413, "content_too_long_exception")
    answer = await face.http.post("/_search", content=b"{", headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["error"]["type"]) == (400, "json_parse_exception")


async def test_the_media_type_of_the_client_comes_back(face: Face) -> None:
    kind = "application/vnd.elasticsearch+json; compatible-with=9"
    answer = await face.http.post("/_search", content=b"{}", headers={"Accept": kind, "Content-Type": kind})
    assert answer.headers["content-type"] == "application/vnd.elasticsearch+json;compatible-with=9"
    assert answer.headers["x-elastic-product"] == "Elasticsearch"


async def test_one_document_by_its_id(face: Face) -> None:
    (hit,) = (await face.search(query={"term": {"n": 4}}))["hits"]["hits"]
    got = (await face.http.get(f"/shop/_doc/{hit['_id']}")).json()
    assert (got["found"], got["_source"]["n"]) == (True, 4)
    answer = await face.http.get("/shop/_doc/none")
    assert (answer.status_code, answer.json()["found"]) == (404, False)
    docs = (await face.http.post("/shop/_mget", json={"ids": [hit["_id"], "none"]})).json()["docs"]
    assert [item["found"] for item in docs] == [True, False]


async def test_tables_for_people_and_programs(face: Face) -> None:
    text = (await face.http.get("/_cat/indices?v=true&h=index,docs.count")).text
    assert text == "index docs.count\nshop  7\n"
    assert (await face.http.get("/_cat/count?format=json&h=count")).json() == [{"count": "7"}]
    assert (await face.http.get("/_cat/health?h=status")).text == "green\n"
    assert (await face.http.get("/_resolve/index/s*")).json()["indices"][0]["name"] == "shop"


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("took", {"took": 1}),
        ("hits.hits._id", {"hits": {"hits": [{"_id": "a"}, {"_id": "b"}]}}),
        ("**._id", {"hits": {"hits": [{"_id": "a"}, {"_id": "b"}]}}),
        ("hits.t*", {"hits": {"total": 2}}),
        ("-hits", {"took": 1}),
        ("nothing", {}),
    ],
)
def test_an_answer_is_filtered_by_paths(path: str, expected: Any) -> None:
    told = {"took": 1, "hits": {"total": 2, "hits": [{"_id": "a", "_score": 1}, {"_id": "b", "_score": 1}]}}
    assert filtered(told, [path]) == expected


def test_patterns_of_names() -> None:
    assert fits("logs-*-a", "logs-shop-a")
    assert not fits("a*a", "a")
    assert fits("*b*", "abc")
    assert not fits("x*", "abc")

from concurrent.futures import Future
from typing import Any

import pytest

from doors import NOW_NS, Doors
from heimdall.bus.port import ProducerKey
from heimdall.errors import BusUnavailable, Overloaded
from heimdall.model.batch import LogBatch

NDJSON = {"content-type": "application/x-ndjson"}
TWO = b'{"create":{}}\n{"message":"one","level":"warn"}\n{"index":{"_index":"b","_id":"i"}}\n{"message":"two"}\n'


async def test_items_are_told_in_order_and_in_the_form_fluent_bit_looks_for(door: Doors) -> None:
    answer = await door.post(TWO, "/a/_bulk", **NDJSON)
    assert answer.status_code == 200
    assert answer.text == (
        '{"took":0,"errors":false,"items":['
        f'{{"create":{{"_index":"a","_id":"{NOW_NS:x}-0","_version":1,"result":"created","status":201}}}},'
        '{"index":{"_index":"b","_id":"i","_version":1,"result":"created","status":201}}]}'
    )
    assert [(row["message"], row["attributes"]) for row in door.rows] == [
        ("one", {"_index": "a"}),
        ("two", {"_index": "b", "_id": "i"}),
    ]


async def test_a_failed_item_stands_between_its_neighbours(door: Doors) -> None:
    head = b'{"index":{}}\n'
    body = head + b'{"message":"x"}\n' + head + b'{"message"\n{"delete":{"_id":"1"}}\n' + head + b'{"message":"y"}'
    told = (await door.post(body, "/a/_bulk", **NDJSON)).json()
    assert told["errors"] is True
    items = [(kind, item["status"]) for each in told["items"] for kind, item in each.items()]
    assert items == [("index", 201), ("index", 400), ("delete", 400), ("index", 201)]
    assert told["items"][1]["index"]["error"]["type"] == "document_parsing_exception"
    assert door.messages == ["x", "y"]


@pytest.mark.parametrize("path", ["/_bulk", "/elasticsearch/_bulk", "/a/_bulk", "/elasticsearch/a/_bulk"])
@pytest.mark.parametrize("method", ["POST", "PUT"])
async def test_bulk_is_taken_on_every_port(door: Doors, path: str, method: str) -> None:
    body = b'{"index":{"_index":"given"}}\n{"message":"x"}\n'
    answer = await door.http.request(method, path, content=body, headers=NDJSON)
    assert (answer.status_code, answer.headers["x-elastic-product"]) == (200, "Elasticsearch")
    assert [row["attributes"]["_index"] for row in door.rows] == ["given"]


@pytest.mark.parametrize(
    ("path", "body", "status", "kind", "words"),
    [
        ("/_bulk", b"", 400, "illegal_argument_exception", "body is required"),
        ("/_bulk", b'{"index":{}}\n{}\n', 400, "illegal_argument_exception", "index is missing"),
        ("/a/_bulk", b"x\ny\n", 400, "illegal_argument_exception", "line [1]"),
        ("/a/_bulk", b'{"index":{}}\n{"m":"%s"}\n' % (b"x" * 2000), 413, "content_too_long_exception", "1000 bytes"),
        ("/a/_doc", b"[1]", 400, "illegal_argument_exception", "JSON object"),
    ],
)
async def test_errors_are_told_in_elasticsearch_s_words(
    path: str, body: bytes, status: int, kind: str, words: str
) -> None:
    door = Doors(max_body_bytes=1000)
    answer = await door.post(body, path, **NDJSON)
    told = answer.json()
    assert (answer.status_code, told["status"], told["error"]["type"]) == (status, status, kind)
    assert words in told["error"]["reason"]
    assert told["error"]["root_cause"] == [{"type": kind, "reason": told["error"]["reason"]}]
    assert answer.headers["x-elastic-product"] == "Elasticsearch"


class FailingBus:
    def __init__(self, error: Exception) -> None:
        self._error = error

    def append(self, batch: LogBatch, *, producer: ProducerKey | None = None) -> Future[int]:
        raise self._error


@pytest.mark.parametrize(
    ("error", "status", "kind"),
    [
        (Overloaded("slow down", retry_after_s=7), 429, "es_rejected_execution_exception"),
        (BusUnavailable("sealed"), 503, "unavailable_shards_exception"),
    ],
)
async def test_what_may_work_later_says_when(error: Exception, status: int, kind: str) -> None:
    answer = await Doors(FailingBus(error)).post(TWO, "/a/_bulk", **NDJSON)
    assert (answer.status_code, answer.json()["error"]["type"]) == (status, kind)
    assert int(answer.headers["retry-after"]) >= 1


async def test_a_single_document_is_a_record(door: Doors) -> None:
    answer = await door.post(b'{\n "message": "x"\n}', "/a/_doc/i7", content_type="application/json")
    assert (answer.status_code, answer.json()["result"], answer.json()["_id"]) == (201, "created", "i7")
    assert [(row["message"], row["attributes"]) for row in door.rows] == [("x", {"_index": "a", "_id": "i7"})]


@pytest.mark.parametrize("form", ["application/vnd.elasticsearch+json; compatible-with=9", "application/json"])
async def test_the_answer_has_the_media_type_that_was_asked_for(door: Doors, form: str) -> None:
    answer = await door.post(TWO, "/a/_bulk", content_type="application/vnd.elasticsearch+x-ndjson", accept=form)
    assert answer.headers["content-type"].replace(";c", "; c") == form


BEATS = "Elastic-filebeat/8.11.3 (linux; amd64; 0; 2023-12-08 00:00:00 +0000 UTC)"


@pytest.mark.parametrize(
    ("agent", "number"),
    [
        (BEATS, "8.11.3"),
        ("elasticsearch-py/9.5.1 (Python/3.11.2; elastic-transport/9.4.2)", "9.5.1"),
        ("logstash/8.17.0 (OS=Linux-6.1) logstash-output-elasticsearch/11.22.10", "8.17.0"),
        ("curl/7.88.1", "8.19.0"),
        ("", "8.19.0"),
    ],
)
async def test_the_banner_is_as_old_as_who_asks(agent: str, number: str) -> None:
    door = Doors(port=9200)
    answer = await door.http.get("/", headers={"user-agent": agent})
    told = answer.json()
    assert told["version"]["number"] == number
    assert told["version"]["build_flavor"] == "default"
    assert told["tagline"] == "You Know, for Search"
    assert answer.headers["x-elastic-product"] == "Elasticsearch"
    assert (await door.http.head("/")).status_code == 200


async def test_the_main_port_keeps_its_root(door: Doors) -> None:
    assert (await door.http.get("/")).status_code == 404
    assert (await door.http.get("/elasticsearch/")).json()["tagline"] == "You Know, for Search"


@pytest.mark.parametrize(
    ("method", "path", "key"),
    [
        ("GET", "/_license", "license"),
        ("GET", "/_xpack", "features"),
        ("GET", "/_cluster/health?wait_for_status=yellow", "status"),
        ("GET", "/_nodes/http", "nodes"),
        ("HEAD", "/_index_template/logs", None),
        ("GET", "/_index_template/logs", "index_templates"),
        ("PUT", "/_index_template/logs", "acknowledged"),
        ("GET", "/_ilm/policy/p", "p"),
        ("PUT", "/_ilm/policy/p", "acknowledged"),
        ("PUT", "/_template/t", "acknowledged"),
        ("PUT", "/_component_template/t", "acknowledged"),
        ("GET", "/_ingest/pipeline/p", "p"),
        ("PUT", "/_ingest/pipeline/p", "acknowledged"),
        ("GET", "/_data_stream/d", "data_streams"),
        ("GET", "/_alias/a", "a-000001"),
        ("PUT", "/i/_alias/a", "acknowledged"),
        ("POST", "/_aliases", "acknowledged"),
        ("POST", "/a/_refresh", "_shards"),
        ("PUT", "/an-index", "acknowledged"),
        ("HEAD", "/an-index", None),
    ],
)
async def test_set_up_calls_find_everything_set_up(method: str, path: str, key: str | None) -> None:
    answer = await Doors(port=9200).http.request(method, path, content=b'{"a":1}' if method == "PUT" else None)
    assert (answer.status_code, answer.headers["x-elastic-product"]) == (200, "Elasticsearch")
    if key is not None:
        assert key in answer.json()


async def test_sniffing_leads_back_to_the_same_address() -> None:
    told: Any = (await Doors(port=9200).http.get("/_nodes/http")).json()
    (node,) = told["nodes"].values()
    assert node["http"]["publish_address"] == "node:9200"


async def test_what_is_not_there_is_told_in_elasticsearch_s_words() -> None:
    answer = await Doors(port=9200).http.post("/_reindex/now", content=b"{}")
    assert (answer.status_code, answer.json()["status"]) == (400, 400)
    assert "no handler found for uri [/_reindex/now] and method [POST]" in answer.text

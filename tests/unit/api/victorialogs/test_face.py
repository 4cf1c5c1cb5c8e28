"""The face of VictoriaLogs over HTTP, on records in memory. The shapes are those of its documentation."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import orjson
import pyarrow as pa
import pytest
from starlette.applications import Starlette

from heimdall.api.victorialogs import victorialogs_routes
from heimdall.clock import ManualClock
from heimdall.model.batch import DEFAULT_TENANT, LOG_SCHEMA, POSITION_FIELD, TEMPLATE_FIELD, LogBatch, Origin
from heimdall.model.template import CATALOGUE_SCHEMA
from heimdall.query.live import LiveTail
from heimdall.query.service import QueryConfig, QueryService
from heimdall.query.templates import TableCatalogue
from heimdall.storage import open_engine
from heimdall.storage.tiers import Tiers

START_NS = 1_795_341_600_000_000_000
"""2026-11-22T10:00:00Z."""

SCHEMA = pa.schema([*LOG_SCHEMA, POSITION_FIELD, TEMPLATE_FIELD])
MINUTE_NS = 60 * 10**9
CART = '{region="eu",service="cart"}'
PUSHED = '{pod="c-1"}'


def record(place: int) -> dict[str, Any]:
    """One a minute, each third pushed with a stream of its own."""
    own: dict[str, Any] = {"status": 200 + place}
    if place % 3 == 2:
        own |= {"pod": "c-1", "heimdall.labels": "pod;*"}
    return {
        "timestamp": START_NS + place * MINUTE_NS,
        "observed_timestamp": START_NS,
        "severity_number": 17 if place % 2 else 9,
        "service": "cart",
        "region": "eu",
        "message": f"order {place} refused",
        "position": place + 1,
        "template_id": 1,
        "attributes": orjson.dumps(own).decode(),
    }


class Face:
    def __init__(self, rows: list[dict[str, Any]]) -> None:
        self.clock = ManualClock(START_NS + 10 * MINUTE_NS)
        self.engine = open_engine("memory://", self.clock)
        origin = Origin(rows[0]["position"], rows[-1]["position"])
        self.engine.append(LogBatch(DEFAULT_TENANT, pa.Table.from_pylist(rows, schema=SCHEMA), origin))
        catalogue = CATALOGUE_SCHEMA.empty_table()
        service = QueryService(
            Tiers({"hot": self.engine}), self.clock, QueryConfig(), TableCatalogue(lambda: catalogue)
        )
        app = Starlette(routes=victorialogs_routes(service, LiveTail(), self.clock))
        self.http = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://node:9428")

    async def ask(self, path: str, query: str = "*", **parameters: Any) -> httpx.Response:
        return await self.http.post(f"/select/logsql/{path}", data={"query": query, **parameters})

    async def told(self, path: str, query: str = "*", **parameters: Any) -> Any:
        answer = await self.ask(path, query, **parameters)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def logs(self, query: str, **parameters: Any) -> list[dict[str, str]]:
        answer = await self.ask("query", query, **parameters)
        assert answer.status_code == 200, answer.text
        return [orjson.loads(line) for line in answer.text.splitlines()]


@pytest.fixture
def face() -> Iterator[Face]:
    face = Face([record(place) for place in range(6)])
    yield face
    face.engine.close()


async def test_a_log_has_its_time_message_and_stream(face: Face) -> None:
    (log,) = await face.logs("*", start="2026-11-22T10:03:00Z", end="2026-11-22T10:04:00Z")
    assert log.pop("_stream_id") == (await face.told("stream_ids", '{region="eu"} status:203'))["values"][0]["value"]
    assert log == {
        "_msg": "order 3 refused",
        "_stream": CART,
        "_time": "2026-11-22T10:03:00.000000000Z",
        "level": "error",
        "region": "eu",
        "service": "cart",
        "status": "203",
    }
    answer = await face.http.get("/select/logsql/query?query=*&limit=1", headers={"AccountID": "12", "ProjectID": "x"})
    assert answer.headers["content-type"] == "application/stream+json"
    assert (answer.headers["AccountID"], answer.headers["ProjectID"]) == ("12", "0")
    assert float(answer.headers["VL-Request-Duration-Seconds"]) >= 0
    assert list(orjson.loads(answer.text)) == sorted(orjson.loads(answer.text))


async def test_pages_are_the_newest_logs_behind_an_offset(face: Face) -> None:
    found = await face.logs("refused | fields _msg", limit=2, offset=1)
    assert found == [{"_msg": "order 4 refused"}, {"_msg": "order 3 refused"}]
    assert len(await face.logs("*")) == 6
    assert await face.logs("*", limit=2, offset=9) == []


async def test_a_stream_finds_its_logs_again(face: Face) -> None:
    for stream, count in ((CART, 6), (PUSHED, 2)):
        assert len(await face.logs(f"_stream:{stream}")) == count
    assert {log["_stream"] for log in await face.logs(PUSHED)} == {PUSHED}


async def test_fields_keep_their_order_and_may_be_streams(face: Face) -> None:
    (log,) = await face.logs("status:202 | fields status, _stream, _time")
    assert list(log.items()) == [
        ("status", "202"), ("_stream", PUSHED), ("_time", "2026-11-22T10:02:00.000000000Z"),
    ]  # fmt: skip
    (log,) = await face.logs("status:202 | delete _stream, _stream_id, _msg, status")
    assert sorted(log) == ["_time", "level", "pod", "region", "service"]


async def test_groups_are_rows_of_texts(face: Face) -> None:
    assert await face.logs("* | stats by (_time:5m, level) count(*) as n, max(status) | limit 1") == [
        {"_time": "2026-11-22T10:00:00.000000000Z", "level": "info", "n": "3", "max(status)": "204"}
    ]
    assert await face.logs("* | top 1 by (pod)") == [{"hits": "4"}]  # those without one; empty values are left out


async def test_hits(face: Face) -> None:
    assert await face.told("hits", "*", step="2m", start="2026-11-22T10:01:00Z", end="2026-11-22T10:05Z") == {
        "hits": [
            {
                "fields": {},
                "timestamps": [f"2026-11-22T10:0{minute}:00.000000000Z" for minute in (0, 2, 4)],
                "values": [1, 2, 1],
                "total": 4,
            }
        ]
    }
    moved = await face.told("hits", "* | sort by (_time)", step="2m", offset="1m", field="level")
    assert [group["fields"] for group in moved["hits"]] == [{"level": "error"}, {"level": "info"}]
    assert moved["hits"][0]["timestamps"] == [f"2026-11-22T10:0{minute}:00.000000000Z" for minute in (1, 3, 5)]
    assert moved["hits"][1]["timestamps"][0] == "2026-11-22T09:59:00.000000000Z"
    limited = await face.told("hits", "*", field=["status"], fields_limit=4)
    assert [(group["fields"].get("status"), group["total"]) for group in limited["hits"]] == [
        ("200", 1), ("201", 1), ("202", 1), ("203", 1), (None, 2),
    ]  # fmt: skip
    assert await face.told("hits", "nothing") == {"hits": []}


async def test_facets(face: Face) -> None:
    found = {each["field_name"]: each["values"] for each in (await face.told("facets", "*", limit=2))["facets"]}
    assert found["level"] == [{"field_value": "error", "hits": 3}, {"field_value": "info", "hits": 3}]
    assert found["pod"] == [{"field_value": "c-1", "hits": 2}]
    assert len(found["status"]) == 2
    assert "service" not in found  # the same in all of them
    assert "service" in str(await face.told("facets", "*", keep_const_fields=1))
    few = await face.told("facets", "* | count()", ignore_pipes=1, max_values_per_field=2, max_value_len=4)
    assert [each["field_name"] for each in few["facets"]] == ["pod"]


async def test_stats_are_a_vector(face: Face) -> None:
    told = await face.told("stats_query", "* | stats by (level) count(*) hits", time="2026-11-22T10:05:00Z")
    assert told == {
        "status": "success",
        "data": {
            "resultType": "vector",
            "result": [
                {"metric": {"__name__": "hits", "level": level}, "value": [START_NS // 10**9 + 300, "3"]}
                for level in ("info", "error")
            ],
        },
    }


async def test_times_of_stats_count_from_the_moment_asked_for(face: Face) -> None:
    for moment, count in (("2026-11-22T10:05:00Z", "3"), ("2026-11-22T10:01:00Z", "2")):
        told = await face.told("stats_query", "_time:2m | count()", time=moment, end=moment[:-2] + "1Z")
        assert told["data"]["result"][0]["value"][1] == count


async def test_stats_over_steps_are_a_matrix(face: Face) -> None:
    told = await face.told("stats_query_range", "* | stats by (level) sum(status) s | math s * 2 as d", step="4m")
    at_s = START_NS // 10**9
    assert told["data"]["resultType"] == "matrix"
    assert {
        (each["metric"]["__name__"], each["metric"]["level"]): each["values"] for each in told["data"]["result"]
    } == {
        ("s", "info"): [[at_s, "402"], [at_s + 240, "204"]],
        ("s", "error"): [[at_s, "404"], [at_s + 240, "205"]],
        ("d", "info"): [[at_s, "804"], [at_s + 240, "408"]],
        ("d", "error"): [[at_s, "808"], [at_s + 240, "410"]],
    }


async def test_what_there_is_to_ask(face: Face) -> None:
    async def values(path: str, **parameters: Any) -> dict[str, int]:
        return {each["value"]: each["hits"] for each in (await face.told(path, "*", **parameters))["values"]}

    assert await values("field_names") == {
        "_msg": 6, "_stream": 6, "_stream_id": 6, "_time": 6, "level": 6, "region": 6, "service": 6, "status": 6,
        "pod": 2,
    }  # fmt: skip
    assert await values("field_names", filter="stat") == {"status": 6}
    assert await values("field_values", field="level") == {"error": 3, "info": 3}
    assert await values("field_values", field="status", limit=2) == {"200": 1, "201": 1}
    assert await values("field_values", field="_stream") == {CART: 4, PUSHED: 2}
    assert await values("streams") == {CART: 4, PUSHED: 2}
    assert sorted((await values("stream_ids")).values()) == [2, 4]
    assert await values("stream_field_names") == {"region": 4, "service": 4, "pod": 2}
    assert await values("stream_field_values", field="pod") == {"c-1": 2}
    assert (await face.http.get("/select/tenant_ids")).json() == [{"account_id": 0, "project_id": 0}]
    assert (await face.http.get("/health")).text == "OK"


@pytest.mark.parametrize(
    "extra",
    ['{"status":"203"}', '{"status":["203","204"],"level":"error"}', "status:203", '{service="cart"} status:203'],
)
async def test_extra_filters_narrow_a_query(face: Face, extra: str) -> None:
    assert [log["status"] for log in await face.logs("refused", extra_filters=extra)] == ["203"]


@pytest.mark.parametrize(
    ("start", "count"),
    [("2026", 6), ("2026-11-22T10:04", 2), ("6m", 2), ("now-6m", 2), ("1795341840", 2), ("1795341840000", 2)],
)
async def test_times_are_written_in_every_way(face: Face, start: str, count: int) -> None:
    assert len(await face.logs("*", start=start)) == count


@pytest.mark.parametrize(
    ("path", "query", "parameters", "told"),
    [
        ("query", "", {}, "missing `query` arg"),
        ("query", "(a", {}, "cannot parse query: column 1: a parenthesis is not closed"),
        ("query", "* | unroll a | rate()", {}, "'unroll' cannot be translated from logsql: there is no such pipe"),
        ("query", "* | stats by (_stream) count() n", {}, "streams are no fields here"),
        ("query", "* | uniq by (_stream_id)", {}, "streams are no fields here"),
        ("query", "*", {"start": "soon"}, "cannot parse `start` arg: 'soon' is not a time"),
        ("query", "*", {"limit": "-1"}, "cannot parse `limit` arg '-1'"),
        ("query", "*", {"timeout": "x"}, "cannot parse `timeout` arg 'x'"),
        ("query", "*", {"format": "csv"}, "there is no format 'csv' here"),
        ("query", "*", {"extra_filters": '{"a":1}'}, "extra_filters: 'a' must have a text or texts"),
        ("query", "*", {"extra_filters": "a | count()"}, "extra_filters are filters"),
        ("hits", "* | count()", {}, "the query must select logs here"),
        ("hits", "*", {"step": "-5m"}, "`step` must be bigger than zero"),
        ("stats_query", "*", {}, "the query must contain a `stats` pipe"),
        ("stats_query_range", "* | count() n | uniq by (n)", {"step": "5m"}, "pipes behind stats"),
        ("field_values", "*", {}, "missing `field` arg"),
        ("tail", "* | count()", {}, "a live tail cannot group"),
    ],
)
async def test_what_cannot_be_asked_is_told(
    face: Face, path: str, query: str, parameters: dict[str, str], told: str
) -> None:
    answer = await face.ask(path, query, **parameters)
    assert answer.status_code == 400
    assert answer.headers["content-type"].startswith("text/plain")
    assert told in answer.text


async def test_every_word_that_has_no_place_is_named(face: Face) -> None:
    text = (await face.ask("query", "* | unroll a | join by (b) (c)")).text
    assert "'unroll'" in text
    assert "'join'" in text


async def test_records_of_a_stream_are_asked_for_by_its_id(face: Face) -> None:
    ids = {each["value"]: each["hits"] for each in (await face.told("stream_ids"))["values"]}
    assert sorted(ids.values()) == [2, 4]
    for stream, hits in ids.items():
        logs = await face.logs(f"_stream_id:{stream}")
        assert len(logs) == hits
        assert {log["_stream_id"] for log in logs} == {stream}
    everything = f"_stream_id:in({', '.join(ids)})"
    assert len(await face.logs(everything)) == 6
    assert len(await face.logs("status:>203", extra_filters=everything)) == 2
    assert await face.logs(f"_stream_id:{'f' * 48}") == []
    assert len(await face.logs(f"!_stream_id:={next(iter(ids))}")) == 6 - next(iter(ids.values()))

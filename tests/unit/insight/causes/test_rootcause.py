"""Causes of a window, over both engines: a database fails, its caller and the page complain after it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import numpy as np
import pyarrow as pa
import pytest

from heimdall.api.asgi import build_asgi
from heimdall.api.explaining import explaining_routes
from heimdall.api.static_files import StaticUi
from heimdall.clock import SystemClock
from heimdall.model.batch import DEFAULT_TENANT, LOG_SCHEMA, POSITION_FIELD, TEMPLATE_FIELD, LogBatch, Origin
from heimdall.model.template import CATALOGUE_SCHEMA
from heimdall.query.request import SearchRequest
from heimdall.query.rows import json_rows
from heimdall.query.service import QueryConfig, QueryService
from heimdall.query.templates import TableCatalogue
from heimdall.storage import Tiers, open_engine

START_NS = 1_700_000_000_000_000_000
MINUTE_NS = 60 * 10**9
FAILS_AT = 75
"""Minute at which the database's disk is full; the window asked about begins at 70."""
SCHEMA = pa.schema([*LOG_SCHEMA, POSITION_FIELD, TEMPLATE_FIELD])
STATEMENT, DISK_FULL, SAVED, NOT_SAVED, PAGE, ERROR_PAGE = range(1, 7)
WINDOW = {"from": START_NS + 70 * MINUTE_NS, "to": START_NS + 90 * MINUTE_NS}


def records() -> pa.Table:
    chance = np.random.default_rng(3)
    rows: list[dict[str, Any]] = []

    def add(time_ns: int, service: str, template: int, level: int, message: str, trace: int) -> None:
        rows.append(
            {"timestamp": time_ns, "observed_timestamp": time_ns, "severity_number": level, "service": service,
             "message": message, "template_id": template, "trace_id": trace.to_bytes(16, "big"),
             "attributes": json.dumps({"version": version(service, time_ns)})}
        )  # fmt: skip

    def version(service: str, time_ns: int) -> str:
        return "2.1" if service == "order" and time_ns >= WINDOW["from"] else "2.0"

    for minute in range(90):
        for _ in range(int(chance.poisson(12))):
            trace = len(rows) + 1
            at = START_NS + minute * MINUTE_NS + int(chance.integers(0, MINUTE_NS - 10**9))
            broken = minute >= FAILS_AT and chance.random() < 0.4
            if broken:
                add(at, "db", DISK_FULL, 17, f"could not extend file {trace}: no space left", trace)
                add(at + 10**6, "order", NOT_SAVED, 17, f"order {trace} not saved: db refused", trace)
                add(at + 2 * 10**6, "web", ERROR_PAGE, 17, f"500 for order {trace}", trace)
            else:
                add(at, "db", STATEMENT, 9, f"insert took {trace % 9} ms", trace)
                add(at + 10**6, "order", SAVED, 9, f"order {trace} saved", trace)
                add(at + 2 * 10**6, "web", PAGE, 9, f"200 for order {trace}", trace)
    rows.sort(key=lambda row: row["timestamp"])
    return pa.Table.from_pylist([{**row, "position": i + 1} for i, row in enumerate(rows)], SCHEMA)


def templates() -> pa.Table:
    texts = ["insert took <*> ms", "could not extend file <*>: no space left", "order <*> saved",
             "order <*> not saved: db refused", "200 for order <*>", "500 for order <*>"]  # fmt: skip
    return pa.Table.from_pylist(
        [
            {"tenant": "default", "template_id": i, "text": text, "merged_into": 0, "count": 1, "first_seen_ns": 0,
             "last_seen_ns": 0, "example": ""}
            for i, text in enumerate(texts, 1)
        ],
        schema=CATALOGUE_SCHEMA,
    )  # fmt: skip


@pytest.fixture(scope="module", params=["memory", "clickhouse"])
def service(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[QueryService]:
    folder = tmp_path_factory.mktemp("causes")
    url = "memory://" if request.param == "memory" else f"clickhouse+embedded://{folder}/tier"
    engine = open_engine(url, SystemClock())
    table = records()
    engine.append(LogBatch(DEFAULT_TENANT, table, Origin(1, table.num_rows)))
    yield QueryService(Tiers({"hot": engine}), SystemClock(), QueryConfig(), TableCatalogue(templates))
    engine.close()


@pytest.fixture(scope="module")
def client(service: QueryService) -> httpx.AsyncClient:
    app = build_asgi(routers=[explaining_routes(service, SystemClock())], doors=[], faces=[], pages=StaticUi())
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://node")


async def asked(client: httpx.AsyncClient, **parameters: Any) -> Any:
    answer = await client.post("/api/v1/rootcause", json=WINDOW | parameters)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_the_service_that_fails_first_stands_first_with_its_evidence(client: httpx.AsyncClient) -> None:
    answer = await asked(client)
    first, *others = answer["data"]["services"]
    assert (first["service"], first["rank"], first["first_in_traces"]) == ("db", 1, 1.0)
    assert {other["service"] for other in others} == {"order", "web"}
    evidence = first["evidence"][0]
    assert (evidence["template"], evidence["status"], evidence["baseline_count"]) == (
        "could not extend file <*>: no space left", "new", 0,
    )  # fmt: skip
    assert evidence["example"].startswith("could not extend file ")
    assert first["started"][:16] in (
        "2023-11-14T23:28",
        "2023-11-14T23:29",
    )  # minute 75, as the steps of the clock cut it
    assert (answer["baseline_from"], answer["baseline_to"]) == (
        "2023-11-14T22:23:20.000000000Z", "2023-11-14T23:23:20.000000000Z",
    )  # fmt: skip


async def test_the_query_of_the_evidence_shows_its_records(client: httpx.AsyncClient, service: QueryService) -> None:
    evidence = (await asked(client, parts="services"))["data"]["services"][0]["evidence"][0]
    found = service.search(
        SearchRequest(q=f"{evidence['query']} | stats count() as n", start_ns=WINDOW["from"], end_ns=WINDOW["to"])
    )
    assert json.loads(json_rows(found.rows)) == [{"n": evidence["count"]}]


async def test_traces_tell_the_order_in_which_services_complain(client: httpx.AsyncClient) -> None:
    answer = await asked(client, parts="services")
    (chain,) = answer["data"]["chains"]
    assert chain["services"] == ["db", "order", "web"]
    assert chain["traces"] == answer["traces"] > 20
    assert answer["data"]["fields"] == []


async def test_a_deploy_is_among_the_fields(client: httpx.AsyncClient) -> None:
    fields = {field["field"]: field["values"] for field in (await asked(client))["data"]["fields"]}
    assert [(value["value"], value["baseline_count"]) for value in fields["version"]][0] == ("2.1", 0)
    assert "service" not in fields


async def test_the_pipe_answers_the_same(client: httpx.AsyncClient, service: QueryService) -> None:
    told = (await asked(client, parts="services"))["data"]["services"]
    answer = service.search(SearchRequest(q="* | rootcause", start_ns=WINDOW["from"], end_ns=WINDOW["to"]))
    rows = json.loads(json_rows(answer.rows))
    assert [(row["service"], row["score"], row["template"]) for row in rows] == [
        (one["service"], one["score"], one["evidence"][0]["template"]) for one in told
    ]
    assert rows[0]["started"] == told[0]["started"]


async def test_a_quiet_window_has_no_causes(client: httpx.AsyncClient) -> None:
    quiet = {"from": START_NS + 60 * MINUTE_NS, "to": START_NS + 70 * MINUTE_NS}
    data = (await asked(client, **quiet))["data"]
    assert (data["services"], data["chains"]) == ([], [])
    assert (await client.post("/api/v1/rootcause", json={})).status_code == 400

"""Two windows and two searches compared, over both engines and over HTTP."""

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
from heimdall.errors import InvalidInput
from heimdall.model.batch import DEFAULT_TENANT, LOG_SCHEMA, POSITION_FIELD, TEMPLATE_FIELD, LogBatch, Origin
from heimdall.model.template import CATALOGUE_SCHEMA
from heimdall.query.request import ExplainRequest, SearchRequest
from heimdall.query.rows import json_rows
from heimdall.query.service import QueryConfig, QueryService
from heimdall.query.templates import TableCatalogue
from heimdall.storage import Tiers, open_engine

START_NS = 1_700_000_000_000_000_000
MINUTE_NS = 60 * 10**9
HOUR_NS = 60 * MINUTE_NS
SCHEMA = pa.schema([*LOG_SCHEMA, POSITION_FIELD, TEMPLATE_FIELD])
STEADY, GONE, MORE, NEW, MERGED = range(1, 9), 20, 21, 22, 23
"""Templates; MERGED was merged into 8."""


def records() -> pa.Table:
    """An hour of noise, then one in which a template is gone, one is new in its last ten minutes, one comes four times
    as often, and all of that in region `eu`; half as much of everything else besides."""
    chance = np.random.default_rng(7)
    rows: list[dict[str, Any]] = []

    def add(template: int, minute: int, count: int, level: int = 9, region: str | None = None) -> None:
        for _ in range(count):
            time_ns = START_NS + minute * MINUTE_NS + int(chance.integers(0, MINUTE_NS))
            where = region or str(chance.choice(["us", "eu", "asia"]))
            rows.append(
                {"timestamp": time_ns, "observed_timestamp": time_ns, "severity_number": level, "service": "shop",
                 "region": where, "message": f"template {template} order {len(rows)}", "template_id": template,
                 "attributes": json.dumps({"order": len(rows), "http": {"method": "GET" if template < 9 else "POST"}})}
            )  # fmt: skip

    for minute in range(120):
        later = minute >= 60
        for template in STEADY:
            own = MERGED if template == 8 and minute % 2 else template
            add(own, minute, int(chance.poisson(3 if later else 6)))
        add(GONE, minute, 0 if later else int(chance.poisson(4)))
        add(MORE, minute, int(chance.poisson(12 if later else 6)), 17, "eu" if later else None)
        add(NEW, minute, int(chance.poisson(8)) if minute >= 110 else 0, 17, "eu")
    rows.sort(key=lambda row: row["timestamp"])
    return pa.Table.from_pylist([{**row, "position": i + 1} for i, row in enumerate(rows)], SCHEMA)


def templates() -> pa.Table:
    ids = [*STEADY, GONE, MORE, NEW, MERGED]
    return pa.Table.from_pylist(
        [
            {"tenant": "default", "template_id": i, "text": f"template {i} order <*>",
             "merged_into": 8 if i == MERGED else 0, "count": 1, "first_seen_ns": 0, "last_seen_ns": 0, "example": ""}
            for i in ids
        ],
        schema=CATALOGUE_SCHEMA,
    )  # fmt: skip


@pytest.fixture(scope="module", params=["memory", "clickhouse"])
def service(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[QueryService]:
    folder = tmp_path_factory.mktemp("compare")
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


SCHEMA_OF_ANSWER = [
    "template_id", "template", "status", "count", "baseline_count", "share", "baseline_share", "effect", "effect_low",
    "effect_high", "p", "example", "query",
]  # fmt: skip
WINDOW = {"from": START_NS + HOUR_NS, "to": START_NS + 2 * HOUR_NS}


async def asked(client: httpx.AsyncClient, **parameters: Any) -> Any:
    answer = await client.post("/api/v1/compare", json=WINDOW | parameters)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_new_gone_and_changed_templates_are_told_and_the_steady_ones_are_not(client: httpx.AsyncClient) -> None:
    answer = await asked(client)
    patterns = {row["template_id"]: row for row in answer["data"]["patterns"]}
    assert {one: row["status"] for one, row in patterns.items()} == {GONE: "gone", MORE: "changed", NEW: "new"}
    more = patterns[MORE]
    assert more["effect_low"] < 2 < more["effect_high"]  # twice as often where everything else halved
    assert more["share"] > 2 * more["baseline_share"]
    assert more["p"] < 1e-6
    assert (sum(more["counts"]), sum(more["baseline_counts"])) == (more["count"], more["baseline_count"])
    new = patterns[NEW]
    assert new["template"] == f"template {NEW} order <*>"
    assert new["example"].startswith(f"template {NEW} order ")
    assert (new["baseline_count"], new["query"]) == (0, f"* template_id:{NEW}")
    assert patterns[GONE]["effect"] < -3
    assert answer["baseline_from"] == "2023-11-14T22:13:20.000000000Z"
    assert answer["templates"] == 11
    assert answer["exact"]


async def test_what_the_query_of_a_finding_finds_is_what_was_counted(
    client: httpx.AsyncClient, service: QueryService
) -> None:
    (row, *_) = (await asked(client))["data"]["patterns"]
    found = service.search(
        SearchRequest(q=f"{row['query']} | stats count() as n", start_ns=WINDOW["from"], end_ns=WINDOW["to"])
    )
    assert json.loads(json_rows(found.rows)) == [{"n": row["count"]}]


async def test_fields_are_ranked_by_what_tells_the_sides_apart(client: httpx.AsyncClient) -> None:
    fields = {field["field"]: field["values"] for field in (await asked(client))["data"]["fields"]}
    assert set(fields) == {"region", "level", "http.method"}
    more, *fewer = fields["region"]
    assert (more["value"], more["effect_low"] > 0) == ("eu", True)
    assert {each["value"] for each in fewer} <= {"us", "asia"}
    assert all(each["effect_high"] < 0 for each in fewer)
    assert more["share"] > more["baseline_share"]
    assert [each["value"] for each in fields["level"]] == ["error"]  # `info` fell by less than a fifth
    assert more["query"] == "* region:eu"


async def test_the_volume_is_told_by_itself(client: httpx.AsyncClient) -> None:
    volume = (await asked(client, parts="patterns"))["data"]["volume"]
    assert volume["count"] < volume["baseline_count"]
    assert volume["effect_high"] < 0


async def test_a_selection_is_held_against_the_rest(client: httpx.AsyncClient) -> None:
    answer = await asked(client, q="level:error", baseline_q="not level:error", fields="region,http.method")
    assert (answer["baseline_from"], answer["baseline_to"]) == (answer["from"], answer["to"])
    fields = {field["field"]: field["values"] for field in answer["data"]["fields"]}
    region = {each["value"]: (each["share"], each["effect"] > 0) for each in fields["region"]}
    assert region == {"eu": (1.0, True), "us": (0.0, False), "asia": (0.0, False)}
    assert {each["value"] for each in fields["http.method"]} == {"GET", "POST"}
    assert {row["status"] for row in answer["data"]["patterns"]} == {"new", "gone"}


async def test_two_halves_of_the_same_noise_do_not_differ(client: httpx.AsyncClient) -> None:
    half = {"from": START_NS + HOUR_NS // 2, "to": START_NS + HOUR_NS}
    data = (await asked(client, **half))["data"]
    assert (data["patterns"], data["fields"]) == ([], [])


async def test_the_pipe_answers_the_same(client: httpx.AsyncClient, service: QueryService) -> None:
    told = (await asked(client, parts="patterns"))["data"]["patterns"]
    answer = service.search(SearchRequest(q="* | compare", start_ns=WINDOW["from"], end_ns=WINDOW["to"]))
    rows = json.loads(json_rows(answer.rows))
    assert [(row["template_id"], row["status"], row["count"], row["query"]) for row in rows] == [
        (row["template_id"], row["status"], row["count"], row["query"]) for row in told
    ]
    earlier = service.search(SearchRequest(q="* | compare 1h", start_ns=WINDOW["from"], end_ns=WINDOW["to"]))
    assert json.loads(json_rows(earlier.rows)) == rows
    further = service.search(SearchRequest(q="* | compare 1d", start_ns=WINDOW["from"], end_ns=WINDOW["to"]))
    assert further.rows.num_rows == 0


async def test_the_plan_of_the_pipe_can_be_shown(service: QueryService) -> None:
    data: Any = service.explain(
        ExplainRequest(q="* | compare 1h", start_ns=WINDOW["from"], end_ns=WINDOW["to"], analyze=True)
    ).data
    assert data["query"] == "* | compare 1h"
    assert [column["name"] for column in data["columns"]] == SCHEMA_OF_ANSWER


async def test_a_field_counts_the_records_without_it(client: httpx.AsyncClient) -> None:
    answer = await asked(client, q="level:error", baseline_q="not level:error", fields="nothing,region")
    assert [field["field"] for field in answer["data"]["fields"]] == ["region"]


async def test_nothing_is_told_of_a_baseline_without_records(client: httpx.AsyncClient) -> None:
    answer = await asked(client, baseline_from=START_NS - 24 * HOUR_NS)
    assert (answer["data"]["patterns"], answer["data"]["volume"]["baseline_count"]) == ([], 0)


async def test_sides_that_cannot_be_compared_are_refused(client: httpx.AsyncClient, service: QueryService) -> None:
    same = await client.post("/api/v1/compare", json=WINDOW | {"baseline_from": WINDOW["from"]})
    assert (same.status_code, "same records" in same.text) == (400, True)
    assert (await client.post("/api/v1/compare", json={})).status_code == 400
    assert (await client.post("/api/v1/compare", json=WINDOW | {"q": "* | stats count()"})).status_code == 400
    with pytest.raises(InvalidInput, match="needs a range"):
        service.search(SearchRequest(q="* | compare"))


async def test_an_empty_side_is_no_error(client: httpx.AsyncClient) -> None:
    data = (await asked(client, q="service:nobody"))["data"]
    assert (data["patterns"], data["fields"], data["volume"]["count"]) == ([], [], 0)

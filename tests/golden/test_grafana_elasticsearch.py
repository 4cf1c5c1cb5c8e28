"""What Grafana's Elasticsearch data source sends, and what it is answered: pairs a reviewer can read.

Requests have the shape its backend gives them (grafana/grafana, pkg/tsdb/elasticsearch): one line a request, then the
body's lines. Answers are written by `HEIMDALL_WRITE_GOLDEN=1` and then read by a person.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import orjson
import pyarrow as pa
import pytest
from fastapi import FastAPI

from heimdall.api.elasticsearch.routes import elasticsearch_routes
from heimdall.clock import ManualClock
from heimdall.model.batch import DEFAULT_TENANT, LOG_SCHEMA, POSITION_FIELD, TEMPLATE_FIELD, LogBatch, Origin
from heimdall.model.template import CATALOGUE_SCHEMA
from heimdall.query.service import QueryConfig, QueryService
from heimdall.query.templates import TableCatalogue
from heimdall.storage import open_engine
from heimdall.storage.tiers import Tiers

FOLDER = Path(__file__).parent / "grafana"
REQUESTS = sorted(FOLDER.glob("*.request"))
START_NS = 1_763_805_600_000_000_000
"""2025-11-22T10:00:00Z"""
SECOND_NS = 10**9
LINES = (
    ("cart", 9, "cart opened", 5.0),
    ("payment", 17, "Connection refused by bank", 250.0),
    ("payment", 9, "payment accepted", 40.0),
    ("web", 13, "slow page", 900.0),
    ("payment", 17, "connection refused again", 310.0),
    ("cart", 17, "refused: cart is full", None),
    ("web", 0, "GET /index.html", 3.0),
    ("payment", 13, "bank answers late", 800.0),
)
"""(service, severity, message, duration_ms), a minute apart."""


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FastAPI]:
    clock = ManualClock(START_NS + 600 * SECOND_NS)
    engine = open_engine(f"clickhouse+embedded://{tmp_path_factory.mktemp('grafana')}/tier", clock)
    schema = pa.schema([*LOG_SCHEMA, POSITION_FIELD, TEMPLATE_FIELD])
    rows = [
        {
            "timestamp": START_NS + place * 60 * SECOND_NS,
            "observed_timestamp": START_NS + 600 * SECOND_NS,
            "severity_number": severity,
            "service": service,
            "message": message,
            "duration_ms": duration_ms,
            "attributes": '{"_index":"logs-shop-default","http":{"status":200}}' if place % 2 else None,
            "position": place + 1,
            "template_id": 1,
        }
        for place, (service, severity, message, duration_ms) in enumerate(LINES)
    ]
    engine.append(LogBatch(DEFAULT_TENANT, pa.Table.from_pylist(rows, schema=schema), Origin(1, len(rows))))
    catalogue = CATALOGUE_SCHEMA.empty_table()
    service = QueryService(Tiers({"hot": engine}), clock, QueryConfig(), TableCatalogue(lambda: catalogue))
    app = FastAPI()
    app.include_router(elasticsearch_routes(service, clock))
    yield app
    engine.close()


@pytest.mark.parametrize("request_file", REQUESTS, ids=lambda path: path.stem)
async def test_grafana_is_answered(app: FastAPI, request_file: Path) -> None:
    line, _, body = request_file.read_text(encoding="utf-8").partition("\n")
    method, path = line.split(" ", 1)
    headers = {"Content-Type": "application/x-ndjson"}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://heimdall") as client:
        answer = await client.request(method, path, content=body.encode(), headers=headers)
    assert answer.status_code == 200, answer.text
    assert answer.headers["X-Elastic-Product"] == "Elasticsearch"
    told = _without_times(answer.json())
    expected = request_file.with_suffix(".json")
    if os.environ.get("HEIMDALL_WRITE_GOLDEN"):
        expected.write_bytes(orjson.dumps(told, option=orjson.OPT_INDENT_2) + b"\n")
    assert told == orjson.loads(expected.read_bytes())


def _without_times(told: Any) -> Any:
    if isinstance(told, dict):
        return {name: 0 if name == "took" else _without_times(value) for name, value in told.items()}
    return [_without_times(item) for item in told] if isinstance(told, list) else told

"""Findings and feedback over HTTP."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from heimdall.api.asgi import build_asgi
from heimdall.api.findings import finding_routes
from heimdall.api.static_files import StaticUi
from heimdall.clock import SystemClock
from heimdall.insight.feedback import Feedback
from heimdall.insight.finding import Feature, Finding, FindingKind
from heimdall.insight.store import FindingStore
from heimdall.model.batch import DEFAULT_TENANT

SECOND_NS = 10**9
FINDING = Finding(
    id="0123456789abcdef0123", tenant=DEFAULT_TENANT, service="pay", kind=FindingKind.NEW_ERROR, state="degraded",
    statement="pay logs a problem it never logged before", started_ns=100 * SECOND_NS, detected_ns=115 * SECOND_NS,
    evidence=4.5, features=(Feature("new_error", 3.0, 0.0, 0.0, 4.5),), examples=("card refused",), template_id=9,
    query="service:pay template_id:9", from_ns=70 * SECOND_NS, to_ns=115 * SECOND_NS, watched_s=300.0,
)  # fmt: skip


class Judged:
    def judged_until_ns(self, tenant: str) -> int | None:
        return 120 * SECOND_NS if tenant == DEFAULT_TENANT else None


@pytest.fixture
def client(tmp_path: Path):
    store = FindingStore(tmp_path / "findings.db")
    store.report(FINDING)
    app = build_asgi(
        routers=[finding_routes(store, Feedback(), SystemClock(), Judged())], doors=[], faces=[], pages=StaticUi()
    )
    yield httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://node")
    store.close()


async def test_a_finding_is_told_with_its_evidence(client: httpx.AsyncClient) -> None:
    answer = (await client.get("/api/v1/findings?service=pay")).json()
    (row,) = answer["data"]
    assert row["kind"] == "new_error"
    assert row["detected"] == "1970-01-01T00:01:55.000000000Z"
    assert row["features"] == [
        {"name": "new_error", "observed": 3.0, "low": 0.0, "high": 0.0, "evidence": 4.5, "window_s": 15}
    ]
    assert row["query"] == "service:pay template_id:9"
    assert row["confidence"] == 0.5
    assert (row["field"], row["value"], row["known_since"]) == ("", "", None)
    assert (row["expected"], row["last_seen"]) == (None, None)
    assert (row.get("verdict"), "tenant" in row) == (None, False)
    assert (await client.get("/api/v1/findings?kind=silence")).json()["data"] == []
    assert (await client.get("/api/v1/findings?kind=unheard")).status_code in (400, 422)


async def test_one_finding_is_found_by_its_id(client: httpx.AsyncClient) -> None:
    await client.post("/api/v1/feedback", json={"finding": FINDING.id, "verdict": "useful"})
    answer = (await client.get(f"/api/v1/findings/{FINDING.id}")).json()
    (listed,) = (await client.get("/api/v1/findings")).json()["data"]
    assert answer["data"] == listed
    assert (answer["detection"], listed["verdict"]) == (True, "useful")
    assert answer["judged_until"] == "1970-01-01T00:02:00.000000000Z"
    assert (await client.get(f"/api/v1/findings/{'f' * 20}")).status_code == 404


async def test_findings_are_counted_by_time(client: httpx.AsyncClient) -> None:
    answer = (await client.get("/api/v1/findings/counts?step_s=60&from=1970-01-01T00:00:00Z")).json()
    assert answer["data"] == [{"from": "1970-01-01T00:01:00.000000000Z", "count": 1, "critical": 0}]
    assert answer["judged_until"] == "1970-01-01T00:02:00.000000000Z"
    assert (await client.get("/api/v1/findings/counts?kind=silence")).json()["data"] == []
    assert (await client.get("/api/v1/findings/counts?step_s=1")).status_code in (400, 422)


async def test_feedback_is_kept_and_says_what_it_changed(client: httpx.AsyncClient) -> None:
    said = {"finding": FINDING.id, "verdict": "noise"}
    answer = await client.post("/api/v1/feedback", json=said)
    assert answer.json() == said | {"muted": False, "extra_evidence": 2.0}
    muted = await client.post("/api/v1/feedback", json=said | {"verdict": "expected"})
    assert muted.json()["muted"] is True
    assert (await client.get("/api/v1/findings")).json()["data"][0]["verdict"] == "expected"


async def test_feedback_on_nothing_is_not_found(client: httpx.AsyncClient) -> None:
    answer = await client.post("/api/v1/feedback", json={"finding": "f" * 20, "verdict": "useful"})
    assert answer.status_code == 404

"""Detection on a real node: columns on records, findings over HTTP, the pipe over stored records."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from node_process import NodeProcess

STEPS = 120
STEP_S = 15


def history(service: str, now_s: int) -> bytes:
    """An even stream up to now, with errors never seen before in its last two minutes."""
    rows = []
    for step in range(STEPS):
        at_s = now_s - (STEPS - step) * STEP_S
        rows += [(at_s + n % STEP_S, "info", f"served request {step * 10 + n}") for n in range(10)]
        if step >= STEPS - 9:
            rows += [(at_s + n % STEP_S, "error", f"disk {n} is on fire") for n in range(20)]
    records = [{"timestamp": at, "level": level, "service": service, "message": text} for at, level, text in rows]
    return b"".join(json.dumps(record).encode() + b"\n" for record in records)


@pytest.fixture
def watching(tmp_path: Path) -> Iterator[NodeProcess]:
    with NodeProcess(tmp_path / "data") as node:
        yield node


def test_a_node_that_does_not_look_says_so(tmp_path: Path) -> None:
    with NodeProcess(tmp_path / "data", environment={"HEIMDALL_DETECT__ENABLED": "false"}) as node:
        answer = httpx.get(f"{node.url}/api/v1/findings").json()
    assert (answer["data"], answer["detection"]) == ([], False)


def test_trouble_in_a_stream_becomes_a_finding_with_its_query(watching: NodeProcess) -> None:
    now_s = int(time.time()) // STEP_S * STEP_S
    watching.send(history("forge", now_s))
    watching.wait_for_count(STEPS * 10 + 180, "service:forge")
    line = {"timestamp": now_s + 30, "level": "info", "service": "forge", "message": "served request 1"}
    watching.send(json.dumps(line).encode() + b"\n")
    deadline = time.monotonic() + 20
    while not (found := httpx.get(f"{watching.url}/api/v1/findings?service=forge").json()["data"]):
        assert time.monotonic() < deadline, "no finding"
        time.sleep(0.1)
    assert {finding["kind"] for finding in found} <= {"errors", "new_error", "volume_up", "template_burst"}
    shown = watching.search(found[-1]["query"])["data"]
    assert {row["service"] for row in shown} == {"forge"}
    said = {"finding": found[0]["id"], "verdict": "useful"}
    assert httpx.post(f"{watching.url}/api/v1/feedback", json=said).json()["extra_evidence"] == -0.5
    rows = watching.search("service:forge | timechart span=1m count() as n | anomalies")["data"]
    assert {"timestamp", "n", "anomaly_score", "anomaly"} <= set(rows[-1])
    assert rows[-1]["anomaly"] or rows[-2]["anomaly"] or rows[-3]["anomaly"]
    scored = watching.search("service:forge | stats count(anomaly_score) as n, max(anomaly_score) as most")["data"]
    assert scored[0]["n"] >= STEPS * 10 + 180

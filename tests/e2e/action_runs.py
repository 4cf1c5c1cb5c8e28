"""Alerts that begin runs of actions on a real node, and what became of them."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import httpx
from node_process import NodeProcess

RULES = """
[[rule]]
id = "declines"
name = "Many declined cards"
severity = "P2"
kind = "threshold"
condition = '"card declined"'
group_by = ["service"]
threshold = 5
window = "10m"
"""


def decline(node: NodeProcess, service: str, count: int = 5) -> None:
    record = {"service": service, "message": "card declined by bank", "timestamp": time.time()}
    node.send(b"".join(json.dumps(record).encode() + b"\n" for _ in range(count)))


def until(found: Callable[[], Any], what: str, timeout_s: float = 40.0) -> Any:
    deadline = time.monotonic() + timeout_s
    while not (answer := found()):
        assert time.monotonic() < deadline, f"no {what}"
        time.sleep(0.05)
    return answer


def run_of(node: NodeProcess, service: str) -> dict[str, Any] | None:
    rows = httpx.get(f"{node.url}/api/v1/actions?limit=1000").json()["data"]
    return next((row for row in rows if row["labels"]["service"] == service), None)


def ended(node: NodeProcess, service: str, *states: str) -> dict[str, Any]:
    def found() -> dict[str, Any] | None:
        run = run_of(node, service)
        return run if run and run["state"] in states else None

    run = until(found, f"run about {service} that is {' or '.join(states)}, but {run_of(node, service)}")
    return dict(httpx.get(f"{node.url}/api/v1/actions/{run['id']}").json())


def heimdall(node: NodeProcess, *words: str) -> str:
    command = [sys.executable, "-m", "heimdall", "actions", *words, "--url", node.url]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)  # noqa: S603
    return done.stdout + done.stderr

"""`heimdall tiers` and its route, on a real node whose records are old enough to move."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import httpx
from node_process import NodeProcess


def test_a_node_shows_its_tiers(tmp_path: Path) -> None:
    with NodeProcess(tmp_path / "data", environment={"HEIMDALL_STORAGE__HOT_DAYS": "2"}) as node:
        node.send(b'{"message":"hello","retention_policy":"audit"}\n{"message":"again"}\n')
        node.wait_for_count(2)
        assert node.count("retention_policy:audit") == 1
        answer = httpx.get(f"{node.url}/api/v1/tiers", timeout=30).raise_for_status().json()
        assert [(row["tier"], row["records"]) for row in answer["data"]] == [("hot", 2), ("warm", 0), ("cold", 0)]
        assert answer["data"][0]["next_move"]["to"] == "warm"
        shown = subprocess.run(
            [sys.executable, "-m", "heimdall", "tiers", "--url", node.url],
            capture_output=True, text=True, check=True, timeout=60, env=os.environ | {"NO_COLOR": "1"},
        ).stdout  # fmt: skip
        assert "to warm on" in shown
        as_json = subprocess.run(
            [sys.executable, "-m", "heimdall", "tiers", "--url", node.url, "-o", "json"],
            capture_output=True, text=True, check=True, timeout=60,
        ).stdout  # fmt: skip
        assert json.loads(as_json)["data"][0]["records"] == 2
        assert node.stop() == 0


def test_a_wrong_store_is_refused_with_the_way_out(tmp_path: Path) -> None:
    environment = os.environ | {"HEIMDALL_STORAGE__COLD_URL": "s4://bucket", "HEIMDALL_STORAGE__POLICIES": "a=1/2"}
    done = subprocess.run(
        [sys.executable, "-m", "heimdall", "config", "check"],
        capture_output=True, text=True, timeout=60, env=environment, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "storage.cold_url" in done.stderr

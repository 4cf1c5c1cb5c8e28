"""`heimdall ingest` on the files of a Kubernetes node and of Docker: what the path says is on every record."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import httpx
from node_process import NodeProcess

UID = "7f0c1d2e-0000-4000-8000-0123456789ab"
ID = "0123456789abcdef" * 4


def ingest(node: NodeProcess, *files: Path, state: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "heimdall", "ingest", *files, "--url", node.url, "--state", state],
        env=os.environ, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_logs_of_pods_and_of_docker(node: NodeProcess, tmp_path: Path) -> None:
    pod = tmp_path / "pods" / f"shop_cart-x2_{UID}" / "cart"
    pod.mkdir(parents=True)
    (pod / "1.log").write_text(
        "2026-11-22T10:15:30.123456789Z stdout F plain words of cri\n"
        "2026-11-22T10:15:31.000000000Z stderr P {\"level\":\"error\",\"msg\":\"json of cri\",\n"
        "2026-11-22T10:15:31.000000001Z stderr F \"k8s.pod.name\":\"its own\"}\n"
    )  # fmt: skip
    docker = tmp_path / "containers" / ID
    docker.mkdir(parents=True)
    lines = [
        {"log": "plain words of docker\n", "stream": "stdout", "time": "2026-11-22T10:15:32.1Z"},
        {"log": '{"level":"warn","msg":"json of docker"}\n', "stream": "stderr", "time": "2026-11-22T10:15:33.1Z"},
    ]
    (docker / f"{ID}-json.log").write_text("".join(json.dumps(line) + "\n" for line in lines))
    ingest(node, pod / "1.log", docker / f"{ID}-json.log", state=tmp_path / "state")
    node.wait_for_count(4)
    rows = {row["message"]: row for row in node.search("*")["data"]}
    assert set(rows) == {"plain words of cri", "json of cri", "plain words of docker", "json of docker"}
    cri = rows["plain words of cri"]
    assert (cri["service"], cri["instance"], cri["log.iostream"]) == ("cart", "cart-x2", "stdout")
    assert cri["timestamp"] == "2026-11-22T10:15:30.123456789Z"
    assert (cri["k8s.namespace.name"], cri["k8s.pod.uid"], cri["k8s.container.restart_count"]) == ("shop", UID, "1")
    assert (rows["json of cri"]["level"], rows["json of cri"]["k8s.pod.name"]) == ("error", "its own")
    assert rows["json of cri"]["k8s.container.name"] == "cart"
    assert [rows[f"{kind} of docker"]["container.id"] for kind in ("plain words", "json")] == [ID, ID]
    assert rows["json of docker"]["level"] == "warn"


def test_any_sender_may_give_attributes_for_all_its_records(node: NodeProcess) -> None:
    node.send(
        b'{"message":"one","team":"own"}\n{"message":"two"}\n', **{"attribute.team": "shop", "attribute.rack": "r7"}
    )
    node.wait_for_count(2)
    rows = {row["message"]: (row["team"], row["rack"]) for row in node.search("*")["data"]}
    assert rows == {"one": ("own", "r7"), "two": ("shop", "r7")}
    for odd in ({"attribute.": "x"}, {f"attribute.a{n}": "x" for n in range(33)}):
        assert httpx.post(f"{node.url}/api/v1/logs", params=odd, content=b"{}").status_code == 400

"""What `GET /api/v1/sources` says to paste is pasted: records come, and their door turns green."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from node_process import NodeProcess
from server_process import free_port


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodeProcess]:
    environment = {"HEIMDALL_SOURCES__GELF__PORTS": str(free_port())}
    with NodeProcess(Path(tmp_path_factory.mktemp("sources")) / "data", environment=environment) as process:
        yield process


def rows(node: NodeProcess) -> dict[str, dict[str, Any]]:
    return {row["name"]: row for row in httpx.get(f"{node.url}/api/v1/sources", timeout=10).json()["data"]}


def test_a_command_that_is_pasted_turns_its_door_green(node: NodeProcess, tmp_path: Path) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    before = rows(node)
    assert before["json"]["accepted"] == 0
    (tmp_path / "app.log").write_text("a line of text\n", encoding="utf-8")
    subprocess.run(["/bin/sh", "-c", before["json"]["snippet"]], check=True, capture_output=True, timeout=30)
    subprocess.run(
        ["/bin/sh", "-c", before["text"]["snippet"]], check=True, capture_output=True, timeout=30, cwd=tmp_path
    )
    node.wait_for_count(2, "*")
    assert rows(node)["json"]["accepted"] == 2


def test_addresses_in_snippets_are_those_that_listen(node: NodeProcess) -> None:
    gelf = rows(node)["gelf"]
    assert gelf["on"]
    host, port = gelf["snippet"].partition("udp://")[2].partition(" ")[0].split(":")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(b'{"version":"1.1","host":"h","short_message":"from docker"}', (host, int(port)))
    deadline = time.monotonic() + 20
    while not rows(node)["gelf"]["accepted"]:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    loki = rows(node)["loki"]["snippet"].partition('url = "')[2].partition('"')[0]
    body = {"streams": [{"stream": {"app": "x"}, "values": [[str(time.time_ns()), "pushed"]]}]}
    assert httpx.post(loki, json=body, timeout=10).status_code == 204
    assert rows(node)["loki"]["accepted"] == 1

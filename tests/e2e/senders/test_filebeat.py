"""A real Filebeat reads files and ships them with its own default set-up."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from debian import running
from go_programs import go_program
from node_process import NodeProcess
from server_process import free_port

from .conftest import Receiver

_LINES = 300
_WITHIN_S = 40


@contextmanager
def filebeat(folder: Path, address: str, **output: Any) -> Iterator[None]:
    """It reads `app.log`, and `app.json` as JSON, of the folder; everything but its output is as installed."""
    program = go_program("filebeat")
    files = {"type": "filestream", "fields_under_root": True}
    inputs = [
        {**files, "id": "text", "paths": [str(folder / "app.log")], "fields": {"service.name": folder.name}},
        {**files, "id": "json", "paths": [str(folder / "app.json")], "fields": {"service.name": f"{folder.name}-json"},
         "parsers": [{"ndjson": {"target": "", "overwrite_keys": True}}]},
    ]  # fmt: skip
    settings = folder / "filebeat.yml"
    settings.write_text(json.dumps({"filebeat.inputs": inputs, "output.elasticsearch": {"hosts": [address], **output}}))
    settings.chmod(0o600)
    command = [program, "-e", "-c", str(settings), "--path.home", str(folder / "home")]
    with running(command, dict(os.environ), folder / "filebeat.log"):
        yield


def write(folder: Path) -> None:
    texts = (f"2026-11-22 10:15:30,{n:03} ERROR [main] shop.Cart - declined {n} über\n" for n in range(_LINES))
    (folder / "app.log").write_text("".join(texts))
    records = ({"@timestamp": f"2026-11-22T10:00:00.{n:03}Z", "level": "warn", "message": f"order {n}", "n": n}
               for n in range(_LINES))  # fmt: skip
    (folder / "app.json").write_text("".join(json.dumps(record) + "\n" for record in records))


@pytest.mark.conformance("Elasticsearch", "Filebeat 7.17", "files of text and JSON, its own set-up; gzip")
@pytest.mark.parametrize("compression", [0, 6])
def test_files(receiver: Receiver, tmp_path: Path, compression: int) -> None:
    """It asks for its licence, policy, template and alias before the first document."""
    folder = tmp_path / f"filebeat-{compression}"
    folder.mkdir()
    write(folder)
    with filebeat(folder, receiver.elasticsearch, compression_level=compression):
        rows = receiver.rows(folder.name, _LINES)
        read = receiver.rows(f"{folder.name}-json", _LINES)
    rows.sort(key=lambda row: int(row["log.offset"]))
    assert [row["message"].split(" - ")[1] for row in rows] == [f"declined {n} über" for n in range(_LINES)]
    assert {row["_index"] for row in rows} == {"filebeat-7.17.29"}
    assert {row["agent.type"] for row in rows} == {"filebeat"}
    assert sorted(row["n"] for row in read) == list(range(_LINES))
    assert {(row["level"], row["timestamp"][:19]) for row in read} == {("warn", "2026-11-22T10:00:00")}


@pytest.mark.conformance("Elasticsearch", "Filebeat 7.17", "sent again after 429, and while nobody is there")
def test_what_was_refused_is_sent_again_and_so_while_nobody_is_there(tmp_path: Path) -> None:
    port = str(free_port())
    opened = {"HEIMDALL_SERVER__ALIAS_PORTS": port, "HEIMDALL_SERVER__ELASTICSEARCH_PORT": port}
    refusing = NodeProcess(tmp_path / "data", environment=opened | {"HEIMDALL_INGEST__MAX_IN_FLIGHT_BYTES": "1"})
    folder = tmp_path / "patient"
    folder.mkdir()
    write(folder)
    again = {"backoff.init": "200ms", "backoff.max": "1s"}
    with filebeat(folder, f"http://127.0.0.1:{port}", **again):
        with refusing:
            deadline = time.monotonic() + _WITHIN_S
            while 'refused_requests_total{code="overloaded",door="elasticsearch"}' not in said(refusing):
                assert time.monotonic() < deadline, (folder / "filebeat.log").read_text()[-3000:]
                time.sleep(0.1)
        with NodeProcess(tmp_path / "data", environment=opened) as taking:
            taking.wait_for_count(_LINES, "service:patient")
            taking.wait_for_count(_LINES, "service:patient-json")


def said(node: NodeProcess) -> str:
    return httpx.get(f"{node.url}/metrics", timeout=30).text

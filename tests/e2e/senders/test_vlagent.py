"""VictoriaLogs' agent reads a file and sends its lines on, in its own protocol and as JSON lines."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import orjson
import pytest
from debian import running
from go_programs import go_program
from server_process import free_port

from .conftest import Receiver

_LINES = 200


@pytest.mark.conformance("VictoriaLogs", "vlagent 1.52", "a file, in its own protocol and as JSON lines; streams")
@pytest.mark.parametrize("form", ["native", "jsonline"])
def test_vlagent_sends_a_file(receiver: Receiver, tmp_path: Path, form: str) -> None:
    service = f"vlagent-{form}"
    lines = [
        {"time": f"2026-11-22T10:00:00.{n:09}Z", "level": ("info", "error")[n % 2], "msg": f"order {n} über", "n": n}
        for n in range(_LINES)
    ]
    file = tmp_path / "app.log"
    file.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    command = [
        go_program("vlagent"),
        f"-fileCollector.glob={file}",
        "-fileCollector.extraFields=" + json.dumps({"app": service}),
        "-fileCollector.streamFields=app,file",
        f"-remoteWrite.url={receiver.url}/insert/{form}",
        f"-remoteWrite.format={form}",
        "-remoteWrite.flushInterval=200ms",
        f"-tmpDataPath={tmp_path / 'state'}",
        f"-httpListenAddr=127.0.0.1:{free_port()}",
    ]
    with running(command, {}, tmp_path / "vlagent.log"):
        rows = sorted(receiver.rows(service, _LINES), key=lambda row: str(row["timestamp"]))
    assert [row["message"] for row in rows] == [line["msg"] for line in lines]
    assert [row["timestamp"] for row in rows] == [line["time"] for line in lines]
    assert [row["level"] for row in rows[:2]] == ["info", "error"]
    assert {row["file"] for row in rows} == {str(file)}
    if form == "native":
        asked = {"query": f"service:{service} | limit 1"}
        (row,) = httpx.get(f"{receiver.url}/select/logsql/query", params=asked).text.splitlines()
        assert orjson.loads(row)["_stream"] == f'{{app="{service}",file="{file}"}}'

"""VictoriaLogs' own client asks a node; lines come in by VictoriaLogs' door."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import httpx
import orjson
import pytest
from go_programs import go_program

from .conftest import Receiver

_WITHIN_S = 30
_COUNT = 50


@pytest.fixture(scope="module")
def asked(receiver: Receiver) -> Receiver:
    now_ns = time.time_ns()
    records = [
        {
            "date": now_ns - n,
            "log": {"text": f"order {n} refused", "level": ("info", "error")[n % 2]},
            "app": "vl",
        }
        for n in range(_COUNT)
    ]
    answer = httpx.post(
        f"{receiver.url}/insert/jsonline?_stream_fields=app&_time_field=date&_msg_field=log.text",
        content=b"".join(orjson.dumps(record) + b"\n" for record in records),
        headers={"content-type": "application/stream+json"},
    )
    assert answer.status_code == 200, answer.text
    receiver.process.wait_for_count(_COUNT, "service:vl")
    return receiver


def _command(receiver: Receiver, folder: Path) -> list[str]:
    url = f"{receiver.url}/select/logsql/query"
    return [go_program("vlogscli"), f"-datasource.url={url}", f"-historyFile={folder / 'history'}", "-accountID=3"]


def _objects(text: str) -> list[dict[str, str]]:
    """The JSON lines among what it says."""
    return [orjson.loads(line) for line in text.splitlines() if line.startswith("{")]


@pytest.mark.conformance("VictoriaLogs", "vlogscli 1.52", "logs, fields, streams, stats, limits; errors")
def test_vlogscli_asks(asked: Receiver, tmp_path: Path) -> None:
    questions = (
        '{app="vl"} level:error _time:1h | fields _time, _stream, _msg | sort by (_time desc) | limit 2',
        '_stream:{app="vl"} "refused" | stats by (level) count() hits | sort by (hits, level)',
        "service:vl | uniq by (app) with hits",
        "service:vl | unroll by (a)",
    )
    text = "".join(f"{line}\n" for line in (r"\s", *(f"{question};" for question in questions), "q"))
    done = subprocess.run(
        _command(asked, tmp_path), input=text, capture_output=True, text=True, timeout=_WITHIN_S, check=True
    )
    newest, second, *groups, unique = _objects(done.stdout)
    assert list(newest) == ["_time", "_stream", "_msg"]
    assert (newest["_msg"], second["_msg"]) == ("order 1 refused", "order 3 refused")
    assert newest["_stream"] == '{app="vl"}'
    assert sorted(map(str, groups)) == sorted(
        map(str, ({"level": "info", "hits": "25"}, {"level": "error", "hits": "25"}))
    )
    assert unique == {"app": "vl", "hits": str(_COUNT)}
    assert "unexpected status code: 400" in done.stdout
    assert "'unroll' cannot be translated from logsql" in done.stdout


@pytest.mark.conformance("VictoriaLogs", "vlogscli 1.52", "live tail")
def test_vlogscli_tails(asked: Receiver, tmp_path: Path) -> None:
    watching = subprocess.Popen(
        _command(asked, tmp_path), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert watching.stdin is not None
    assert watching.stdout is not None
    try:
        watching.stdin.write('\\s\n\\tail {app="vl-tail"};\n')
        watching.stdin.flush()
        for line in watching.stdout:
            if line.startswith("executing"):
                break
        deadline = time.monotonic() + _WITHIN_S
        path = f"{asked.url}/insert/jsonline?_stream_fields=app"
        httpx.post(path, content=b'{"_msg":"seen","app":"vl-tail"}\n')
        found: list[dict[str, str]] = []
        while not found and time.monotonic() < deadline:
            found = _objects(watching.stdout.readline())
        assert (found[0]["_msg"], found[0]["_stream"]) == ("seen", '{app="vl-tail"}')
    finally:
        watching.kill()
        watching.communicate()

"""VictoriaMetrics' vmalert evaluates rules in LogsQL: as time goes on, and over the past."""

from __future__ import annotations

import struct
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import orjson
import pytest
from debian import running
from go_programs import go_program
from server_process import free_port

from heimdall.ingest.decompress import decompress
from recorder import Recorder, recording

from .conftest import Receiver

_WITHIN_S = 30
_RULES = """
groups:
  - name: shop
    type: vlogs
    interval: 1s
    rules:
      - alert: Refusals
        expr: '{time} {{app="vmalert"}} level:error | stats by (region) count() as refused | filter refused:>4'
        annotations: {{summary: "{{{{ $value }}}} refused in {{{{ $labels.region }}}}"}}
      - record: orders
        expr: '{time} {{app="vmalert"}} | stats by (level) count() as n, max(order) as newest'
"""


@pytest.fixture(scope="module")
def asked(receiver: Receiver) -> Receiver:
    """Of 24 orders half are refused: eight in eu, four in us."""
    lines = [
        {
            "app": "vmalert",
            "level": ("info", "error")[n % 2],
            "region": "us" if n % 6 == 1 else "eu",
            "order": n,
            "_msg": f"order {n}",
        }
        for n in range(24)
    ]
    body = b"".join(orjson.dumps(line) + b"\n" for line in lines)
    httpx.post(f"{receiver.url}/insert/jsonline?_stream_fields=app", content=body).raise_for_status()
    receiver.process.wait_for_count(24, "service:vmalert")
    return receiver


def command(receiver: Receiver, hook: Recorder, folder: Path, time_filter: str) -> list[str]:
    (folder / "rules.yml").write_text(_RULES.format(time=time_filter))
    return [
        go_program("vmalert"),
        f"-rule={folder / 'rules.yml'}",
        f"-datasource.url={receiver.url}",
        f"-remoteWrite.url={hook.url}",
        "-remoteWrite.flushInterval=200ms",
        f"-httpListenAddr=127.0.0.1:{free_port()}",
    ]


@pytest.mark.conformance("VictoriaLogs", "vmalert 1.151", "alerts and recording rules in LogsQL")
def test_vmalert_finds_what_its_rules_ask_for(asked: Receiver, tmp_path: Path) -> None:
    with recording() as hook:
        started = [*command(asked, hook, tmp_path, "_time:10m"), f"-notifier.url={hook.url}"]
        with running(started, {}, tmp_path / "vmalert.log"):
            deadline = time.monotonic() + _WITHIN_S
            while not hook.of("/api/v2/alerts") or len(recorded := dict(written(hook, "orders"))) < 4:
                assert time.monotonic() < deadline, (tmp_path / "vmalert.log").read_text()[-3000:]
                time.sleep(0.1)
        (alert,) = hook.of("/api/v2/alerts")[0].json
    assert alert["labels"] == {
        "alertgroup": "shop", "alertname": "Refusals", "region": "eu", "stats_result": "refused",
    }  # fmt: skip
    assert alert["annotations"] == {"summary": "8 refused in eu"}
    assert recorded == {("error", "n"): 12, ("info", "n"): 12, ("error", "newest"): 23, ("info", "newest"): 22}


@pytest.mark.conformance("VictoriaLogs", "vmalert 1.151", "replay of the past")
def test_vmalert_replays_the_past(asked: Receiver, tmp_path: Path) -> None:
    now_s = int(time.time())
    first, last = (time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now_s + away)) for away in (-600, 60))
    with recording() as hook:
        replay = [f"-replay.timeFrom={first}", f"-replay.timeTo={last}", "-replay.rulesDelay=0s"]
        done = subprocess.run(
            [*command(asked, hook, tmp_path, ""), *replay, "-replay.disableProgressBar"],
            capture_output=True,
            text=True,
            timeout=_WITHIN_S,
        )
        assert done.returncode == 0, done.stderr[-3000:]
        counted = [(group, value) for group, value in written(hook, "orders") if group[1] == "n"]
    assert sum(value for group, value in counted if group == ("error", "n")) == 12
    assert sum(value for group, value in counted if group == ("info", "n")) == 12


def written(hook: Recorder, metric: str) -> Iterator[tuple[tuple[str, str], float]]:
    """Samples of `metric` by remote write, each with its labels `level` and `stats_result`."""
    for request in list(hook.of("/api/v1/write")):
        for _, series in fields(decompress(request.body, request.headers["content-encoding"], max_bytes=1 << 20)):
            labels: dict[str, str] = {}
            values = []
            for number, content in fields(series):
                if number == 1:
                    name, value = (text.decode() for _, text in fields(content))
                    labels[name] = value
                else:
                    values.append(struct.unpack("<d", content[1:9])[0])
            if labels["__name__"] == metric:
                yield from (((labels["level"], labels["stats_result"]), value) for value in values)


def fields(message: bytes) -> Iterator[tuple[int, bytes]]:
    """Of a protobuf message whose fields all have a length."""
    place = 0
    while place < len(message):
        number, size, shift = message[place] >> 3, 0, 0
        place += 1
        while True:
            size |= (message[place] & 0x7F) << shift
            shift += 7
            place += 1
            if message[place - 1] < 0x80:
                break
        yield number, message[place : place + size]
        place += size

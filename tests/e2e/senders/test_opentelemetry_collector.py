"""A real OpenTelemetry Collector reads a file and takes from an SDK, and exports to a node."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from debian import running
from go_programs import go_program
from node_process import NodeProcess
from server_process import free_port

from .conftest import PythonClients, Receiver
from .test_otlp_senders import PYTHON

_WITHIN_S = 40
_LINES = 300


@contextmanager
def collector(folder: Path, service: str, exporter: dict[str, Any]) -> Iterator[int]:
    """It reads `app.log` of the folder; the port of its OTLP/gRPC receiver. `exporter` is its kind and its settings."""
    program = go_program("otelcol")
    port = free_port()
    file = {
        "include": [str(folder / "app.log")],
        "start_at": "beginning",
        "resource": {"service.name": service},
        "operators": [
            {
                "type": "regex_parser",
                "regex": r"^(?P<time>\S+) (?P<level>\S+) \[(?P<thread>\S+)\] (?P<text>.*)$",
                "timestamp": {"parse_from": "attributes.time", "layout_type": "gotime",
                              "layout": "2006-01-02T15:04:05.000000000Z07:00"},
                "severity": {"parse_from": "attributes.level"},
            },
            {"type": "move", "from": "attributes.text", "to": "body"},
            {"type": "remove", "field": "attributes.time"},
        ],
    }  # fmt: skip
    (folder / "config.json").write_text(
        json.dumps(
            {
                "receivers": {"filelog": file, "otlp": {"protocols": {"grpc": {"endpoint": f"127.0.0.1:{port}"}}}},
                "exporters": exporter,
                "service": {
                    "telemetry": {"metrics": {"level": "none"}},
                    "pipelines": {"logs": {"receivers": ["filelog", "otlp"], "exporters": list(exporter)}},
                },
            }
        )
    )
    with running([program, f"--config={folder / 'config.json'}"], {}, folder / "collector.log"):
        yield port


def write(folder: Path, first: int = 0, last: int = _LINES) -> None:
    with (folder / "app.log").open("a") as file:
        for n in range(first, last):
            level = ("INFO", "WARN", "FATAL")[n % 3]
            file.write(f"2026-11-22T10:00:00.{n:09}+01:00 {level} [worker-{n % 4}] order {n} über\n")


@pytest.mark.conformance(
    "OTLP/HTTP",
    "OpenTelemetry Collector 0.165",
    "a file, protobuf in every compression, JSON; sent again after 429",
)
@pytest.mark.parametrize(
    "compression", ["none", "gzip", "zstd", "zlib", "deflate", "snappy", "x-snappy-framed", "lz4", "json"]
)
def test_a_file_over_http(receiver: Receiver, tmp_path: Path, compression: str) -> None:
    service = f"collector-{compression}"
    how = {"encoding": "json"} if compression == "json" else {"compression": compression}
    write(tmp_path)
    with collector(tmp_path, service, {"otlphttp": {"endpoint": receiver.url, **how}}):
        assert_read(receiver, service)


@pytest.mark.conformance("OTLP/gRPC", "OpenTelemetry Collector 0.165", "a file; gzip; sent again after UNAVAILABLE")
@pytest.mark.parametrize("compression", ["none", "gzip"])
def test_a_file_over_grpc(receiver: Receiver, tmp_path: Path, compression: str) -> None:
    service = f"collector-grpc-{compression}"
    write(tmp_path)
    exporter = {"endpoint": receiver.otlp_grpc, "tls": {"insecure": True}, "compression": compression}
    with collector(tmp_path, service, {"otlp": exporter}):
        assert_read(receiver, service)


def assert_read(receiver: Receiver, service: str) -> None:
    rows = sorted(receiver.rows(service, _LINES), key=lambda row: str(row["timestamp"]))
    assert [row["message"] for row in rows] == [f"order {n} über" for n in range(_LINES)]
    assert [row["timestamp"] for row in rows[:2]] == [f"2026-11-22T09:00:00.{n:09}Z" for n in range(2)]
    assert [row["level"] for row in rows[:3]] == ["info", "warn", "fatal"]
    assert {(row["thread"], row["log.file.name"]) for row in rows} == {(f"worker-{n}", "app.log") for n in range(4)}


@pytest.mark.conformance("OTLP/HTTP", "OpenTelemetry Collector 0.165", "what an SDK sends it")
@pytest.mark.conformance("OTLP/gRPC", "OpenTelemetry Collector 0.165", "what an SDK sends it")
@pytest.mark.parametrize("form", ["http", "grpc"])
def test_what_an_sdk_sends(receiver: Receiver, python_clients: PythonClients, tmp_path: Path, form: str) -> None:
    service = f"collector-sdk-{form}"
    exporters = {
        "http": {"otlphttp": {"endpoint": receiver.url}},
        "grpc": {"otlp": {"endpoint": receiver.otlp_grpc, "tls": {"insecure": True}}},
    }
    with collector(tmp_path, service, exporters[form]) as port:
        wait_until_said(tmp_path, "Everything is ready")
        python_clients.run("otlp_export.py", PYTHON, "grpc", f"127.0.0.1:{port}", service, "gzip")
        rows = receiver.rows(service, 700)
    assert sorted(row["n"] for row in rows) == list(range(700))


_TOO_MUCH = {"HEIMDALL_INGEST__MAX_IN_FLIGHT_BYTES": "1"}
_FULL_DISK = {"HEIMDALL_BUS__JOURNAL__MIN_FREE_BYTES": str(1 << 60)}


@pytest.mark.parametrize(
    ("form", "settings", "told"),
    [
        ("http", _TOO_MUCH, ["HTTP Status Code 429", '"interval": "1s"']),
        ("http", _FULL_DISK, ["HTTP Status Code 429", '"interval": "10s"']),
        ("grpc", _TOO_MUCH, ["code = Unavailable"]),
    ],
)
def test_what_was_refused_is_sent_again_and_so_while_nobody_is_there(
    tmp_path: Path, form: str, settings: dict[str, str], told: list[str]
) -> None:
    """HTTP says when, by Retry-After."""
    grpc = str(free_port())
    opened = {"HEIMDALL_SERVER__ALIAS_PORTS": grpc, "HEIMDALL_SERVER__OTLP_GRPC_PORT": grpc}
    refusing = NodeProcess(tmp_path / "data", environment=opened | settings)
    again = {"retry_on_failure": {"initial_interval": "200ms", "max_interval": "1s"}}
    exporters: dict[str, Any] = {
        "http": {"otlphttp": {"endpoint": refusing.url, **again}},
        "grpc": {"otlp": {"endpoint": f"127.0.0.1:{grpc}", "tls": {"insecure": True}, **again}},
    }
    write(tmp_path)
    with refusing, collector(tmp_path, "patient", exporters[form]):
        said = wait_until_said(tmp_path, "Will retry the request")
        assert [words for words in told if words not in said] == []
        refusing.stop()
        taking = NodeProcess(tmp_path / "data", environment=opened)
        taking.port, taking.url = refusing.port, refusing.url
        with taking:
            taking.wait_for_count(_LINES, "service:patient")
            time.sleep(1.5)  # longer than the longest wait before another attempt
            assert taking.count("service:patient") == _LINES


def wait_until_said(folder: Path, words: str) -> str:
    """What the Collector has logged once `words` are among it."""
    deadline = time.monotonic() + _WITHIN_S
    while words not in (said := (folder / "collector.log").read_text(errors="replace")):
        assert time.monotonic() < deadline, said[-3000:]
        time.sleep(0.1)
    return said

"""The door of a real node under bad input: a defined answer each time, the worker stays up, memory stays flat."""

from __future__ import annotations

import contextlib
import gzip
import json
import socket
import time
from collections.abc import Iterator
from typing import Any

import httpx
import psutil
import pytest
import zstandard
from node_process import NodeProcess
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest, ExportLogsServiceResponse

MIB = 1 << 20
REFUSALS = {400, 404, 405, 408, 411, 413, 414, 415, 429, 431, 501}
NDJSON = {"content-type": "application/x-ndjson"}


@pytest.fixture
def door(shared_node: NodeProcess) -> Iterator[NodeProcess]:
    """The node; afterwards it is as ready as before."""
    yield shared_node
    assert httpx.get(f"{shared_node.url}/readyz", timeout=10).status_code == 200


def raw(node: NodeProcess, sent: bytes, *, wait_s: float = 10) -> int | None:
    """Status of the first answer to these bytes; None when the connection just closes."""
    with socket.create_connection(("127.0.0.1", node.port), wait_s) as wire:
        with contextlib.suppress(ConnectionError):
            wire.sendall(sent)
        received = b""
        with contextlib.suppress(ConnectionError):
            while b"\r\n" not in received and (piece := wire.recv(4096)):
                received += piece
    return int(received.split(b" ", 2)[1]) if received else None


def head(*lines: str, path: str = "/api/v1/logs") -> bytes:
    return "\r\n".join((f"POST {path} HTTP/1.1", "Host: node", *lines, "", "")).encode()


@pytest.mark.parametrize(
    "sent",
    [
        head("Content-Length: 5", "Content-Length: 6") + b"hello",
        head("Content-Length: 1", "Transfer-Encoding: chunked") + b"0\r\n\r\n",
        head("Transfer-Encoding: xchunked") + b"0\r\n\r\n",
        head("Content-Length: -1"),
        head("Content-Length: 99999999999999999999"),
        head("Content-Length: 104857600"),
        head("X-Big: " + "x" * MIB),
        head(path="/" + "x" * MIB),
        head("Content-Length: 3", "Content-Encoding: gzip, gzip, gzip, gzip") + b"abc",
        head("Content-Length: 3", "Content-Encoding: br") + b"abc",
        head("Content-Length: 3", "Content-Type: image/png") + b"abc",
        head("Content-Length: 2", "Content-Type: application/x-protobuf", path="/v1/logs") + b"{}",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"\x00" * 100 + b"\r\n\r\n",
    ],
)
def test_malformed_requests_are_refused(door: NodeProcess, sent: bytes) -> None:
    assert raw(door, sent) in REFUSALS | {None}


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
def test_only_post_puts_logs_in(door: NodeProcess, method: str) -> None:
    answer = httpx.request(method, f"{door.url}/api/v1/logs", headers={"X-HTTP-Method-Override": "POST"})
    assert answer.status_code == 405


def test_half_open_senders_do_not_keep_others_out(door: NodeProcess) -> None:
    with contextlib.ExitStack() as open_ones:
        for _ in range(50):
            wire = open_ones.enter_context(socket.create_connection(("127.0.0.1", door.port), 10))
            wire.sendall(head("Content-Length: 50000000", "Content-Type: text/plain") + b"x" * 1000)
        began = time.monotonic()
        assert httpx.post(f"{door.url}/api/v1/logs", content=b'{"service":"patient","msg":"x"}').status_code == 200
        assert time.monotonic() - began < 5


def hostile_bodies() -> Iterator[tuple[dict[str, str], bytes]]:
    yield {**NDJSON, "content-encoding": "gzip"}, gzip.compress(bytes(100 * MIB), 1)
    yield {**NDJSON, "content-encoding": "zstd"}, zstandard.compress(bytes(512 * MIB))
    yield {**NDJSON, "content-encoding": "zstd"}, zstandard.compress(b'{"m":"' + b"x" * (100 * MIB) + b'"}')
    yield {**NDJSON, "content-encoding": "gzip"}, gzip.compress(b"{}")[:-1]
    yield NDJSON, b'{"service":"hostile","m":"' + b"y" * (2 * MIB) + b'"}'
    yield NDJSON, b"[" * 100_000
    yield NDJSON, b'{"a":' * 100_000
    yield NDJSON, b"\x00" * 1000
    yield NDJSON, b"\xff\xfe\xfd" * 1000


def test_hostile_bodies_are_refused_and_memory_stays_flat(door: NodeProcess) -> None:
    node = psutil.Process(door.pid)
    door.send(b'{"service":"warm","msg":"x"}\n' * 20_000)
    door.wait_for_count(20_000, "service:warm")
    before = node.memory_info().rss
    for _ in range(3):
        for headers, body in hostile_bodies():
            answer = httpx.post(f"{door.url}/api/v1/logs", content=body, headers=headers, timeout=60)
            assert answer.status_code in (400, 413), answer.text
            assert answer.json()["error"]["message"]
    assert node.memory_info().rss - before < 64 * MIB


def test_odd_records_are_stored_beside_good_ones(door: NodeProcess) -> None:
    deep: Any = 1
    for _ in range(100):
        deep = {"a": deep}
    odd: list[bytes] = [
        json.dumps({"service": "odd", "msg": "many", **{f"f{n}": n for n in range(10_000)}}).encode(),
        json.dumps({"service": "odd", "msg": "deep", "d": deep}).encode(),
        b'{"service":"odd","msg":"twice","a":1,"a":2}',
        b'{"service":"odd","msg":"large","n":123456789012345678901234567890}',
        b'{"service":"odd","msg":"year 0","time":"0000-01-01T00:00:00Z"}',
        b'{"service":"odd","msg":"year 9999","time":"9999-12-31T23:59:59Z"}',
        b'{"service":"odd","msg":"bytes \xff\xfe"}',
        b'{"service":"odd","msg":"nul \\u0000 inside","k\\u0000":1}',
        b'{"service":"odd","msg":"names","":1,"a.b":1,"a":{"b":2},"it\'s `q` \\"q\\"":3}',
        b'{"service":"odd","msg":"types","f1":{"now":"an object"}}',
    ]
    good = b'{"service":"odd","msg":"good"}'
    answer = door.send(b"\n".join([good, *odd, b"broken", good]))
    assert (answer["accepted"], answer["rejected"]) == (12, 1)
    assert answer["errors"][0]["line"] == 12
    door.wait_for_count(12, "service:odd")
    marks = door.search("service:odd | stats count() as n by heimdall.oddity", limit="100")["data"]
    assert sum(row["n"] for row in marks) == 12
    (row,) = door.search("service:odd nul")["data"]
    assert row["message"] == "nul \x00 inside"
    letters = httpx.get(f"{door.url}/api/v1/deadletters").json()["data"]
    assert letters == []


def test_otlp_records_are_searchable(door: NodeProcess) -> None:
    request = ExportLogsServiceRequest()
    resource = request.resource_logs.add()
    name = resource.resource.attributes.add()
    name.key, name.value.string_value = "service.name", "otlp-shop"
    record = resource.scope_logs.add().log_records.add()
    record.severity_number = 17
    record.body.string_value = "card declined"
    code = record.attributes.add()
    code.key, code.value.int_value = "http.response.status_code", 402
    answer = httpx.post(
        f"{door.url}/v1/logs",
        content=gzip.compress(request.SerializeToString()),
        headers={"content-type": "application/x-protobuf", "content-encoding": "gzip"},
    )
    assert answer.status_code == 200
    assert ExportLogsServiceResponse.FromString(answer.content) == ExportLogsServiceResponse()
    door.wait_for_count(1, "service:otlp-shop level:error http.response.status_code:402")

"""Socket doors: the same application logs as syslog, Fluent Forward and GELF, beside JSON lines over HTTP.

    python benchmarks/sockets.py [--records 400000] [--decode-only]

For each door a node with its default configuration takes all records over two connections (JSON lines: in bodies of
4 MB; Forward: in chunks of 2,000 entries, each acknowledged); CPU is that of the node's process until the last record
can be searched, merges and queries of the count included. Decoding alone is measured in this process before, in
batches of 20,000. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import platform
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgpack
import psutil

from applogs import applogs
from heimdall.ingest.decode.forward import decode_forward
from heimdall.ingest.decode.gelf import decode_gelf
from heimdall.ingest.decode.json import decode_json
from heimdall.ingest.decode.json_schema import SchemaMemory
from heimdall.ingest.sources.framing import SyslogFraming
from heimdall.ingest.sources.syslog import Received, decode_received

HEIMDALL = Path(sys.executable).parent / "heimdall"
_BATCH = 20_000
_FORWARD_ENTRIES = 2_000
_ROUNDS = 3
_IN_HEADER = ("_time", "level", "service", "_msg")
_SYSLOG_SEVERITY = {"debug": 7, "info": 6, "warn": 4, "error": 3}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--records", type=int, default=400_000)
    options.add_argument("--decode-only", action="store_true")
    given = options.parse_args()
    lines = b"".join(applogs(given.records)).splitlines()
    bodies = {name: make(lines) for name, make in ENCODERS.items()}
    result: dict[str, Any] = {
        "benchmark": "sockets",
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
        "records": given.records,
        "decode_cpu_us_per_record": {},
        "node": {},
    }
    for name, parts in bodies.items():
        size = sum(map(len, parts)) / given.records
        cost = _decoding(name, parts[: max(1, len(parts) * 100_000 // given.records)], given.records, len(parts))
        result["decode_cpu_us_per_record"][name] = cost
        sys.stdout.write(f"{name:<22}{size:>7.0f} B{cost:>8.2f} µs CPU a record to decode\n")
    for name, parts in {} if given.decode_only else bodies.items():
        result["node"][name] = _with_node(name, parts, given.records)
        sys.stdout.write(f"{name:<22}{json.dumps(result['node'][name])}\n")
    sys.stdout.write(json.dumps(result) + "\n")


def _syslog_line(line: bytes) -> bytes:
    """RFC 5424, fields as structured data, as a syslog library writes them."""
    record = json.loads(line)
    data = " ".join(f'{name}="{value}"' for name, value in record.items() if name not in _IN_HEADER)
    priority = 16 * 8 + _SYSLOG_SEVERITY.get(str(record.get("level")).lower(), 6)
    time_ = datetime.fromtimestamp(record["_time"] / 1e9, tz=UTC).isoformat(timespec="microseconds")
    head = f"<{priority}>1 {time_} web01 {record['service']} 4711 - [app@32473 {data}]"
    return f"{head} {record['_msg']}".encode()


def _old_syslog_line(line: bytes) -> bytes:
    """RFC 3164: time, host, tag and message are all there is."""
    record = json.loads(line)
    priority = 16 * 8 + _SYSLOG_SEVERITY.get(str(record.get("level")).lower(), 6)
    return f"<{priority}>Nov 22 10:15:30 web01 {record['service']}[4711]: {record['_msg']}".encode()


def _counted(text: bytes) -> bytes:
    return b"%d %s" % (len(text), text)


def _forward(lines: list[bytes]) -> list[bytes]:
    chunks = []
    for number, begin in enumerate(range(0, len(lines), _FORWARD_ENTRIES)):
        some = [json.loads(line) for line in lines[begin : begin + _FORWARD_ENTRIES]]
        entries = b"".join(msgpack.packb([1_795_343_000 + number, record]) for record in some)
        chunks.append(msgpack.packb(["app", entries, {"chunk": f"{number:024}", "size": len(some)}]))
    return chunks


def _gelf_line(line: bytes) -> bytes:
    record = json.loads(line)
    more = {f"_{name}": value for name, value in record.items() if name not in ("_time", "level", "_msg")}
    level = _SYSLOG_SEVERITY.get(str(record.get("level")).lower(), 6)
    fixed = {"version": "1.1", "host": "web01", "short_message": record["_msg"], "timestamp": record["_time"] / 1e9}
    return json.dumps(fixed | {"level": level} | more).encode() + b"\0"


def _joined(make: Callable[[bytes], bytes], end: bytes = b"") -> Callable[[list[bytes]], list[bytes]]:
    def encode(lines: list[bytes]) -> list[bytes]:
        starts = range(0, len(lines), _BATCH)
        return [b"".join(make(line) + end for line in lines[begin : begin + _BATCH]) for begin in starts]

    return encode


ENCODERS: dict[str, Callable[[list[bytes]], list[bytes]]] = {
    "JSON lines": _joined(bytes, b"\n"),
    "syslog RFC 3164": _joined(_old_syslog_line, b"\n"),
    "syslog RFC 5424": _joined(lambda line: _counted(_syslog_line(line))),
    "Fluent Forward": _forward,
    "GELF TCP": _joined(_gelf_line),
}
PORTS = {"syslog RFC 3164": "syslog", "syslog RFC 5424": "syslog", "Fluent Forward": "forward", "GELF TCP": "gelf"}


def _decode(name: str, part: bytes | list[bytes], schemas: SchemaMemory) -> int:
    now_ns = time.time_ns()
    if name == "JSON lines":
        return decode_json(b"".join(part), now_ns=now_ns, schemas=schemas).num_rows
    if name.startswith("syslog"):
        framing = SyslogFraming(1 << 20)
        frames = [frame for each in part for frame in framing.feed(each)]
        return decode_received([Received(frame, "192.0.2.1") for frame in frames], now_ns=now_ns).num_rows
    if name == "Fluent Forward":
        return decode_forward(part, now_ns=now_ns, schemas=schemas).num_rows
    documents = [document for each in part for document in each.split(b"\0") if document]
    return decode_gelf(documents, now_ns=now_ns, schemas=schemas).num_rows


def _decoding(name: str, parts: list[bytes], records: int, all_parts: int) -> float:
    together = max(1, _BATCH * all_parts // records)
    groups = [parts[begin : begin + together] for begin in range(0, len(parts), together)]
    schemas, best = SchemaMemory(), float("inf")
    for _ in range(_ROUNDS):
        began, found = time.process_time(), 0
        for group in groups:
            found += _decode(name, group, schemas)
        best = min(best, (time.process_time() - began) / found)
    return round(best * 1e6, 2)


def _with_node(name: str, parts: list[bytes], records: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="heimdall-sockets-") as folder, (Path(folder) / "log").open("wb") as log:
        port = _free_port()
        url = f"http://127.0.0.1:{port}"
        settings = {f"HEIMDALL_SOURCES__{each}__PORTS": "0" for each in ("SYSLOG", "FORWARD", "GELF")}
        node = subprocess.Popen(
            [HEIMDALL, "up", "--data", f"{folder}/data", "--port", str(port)],
            env=os.environ | settings, stdout=log, stderr=log,
        )  # fmt: skip
        try:
            _wait_until_ready(url, node)
            return _measured(name, parts, records, url, psutil.Process(node.pid))
        finally:
            node.terminate()
            node.wait(60)


def _measured(name: str, parts: list[bytes], records: int, url: str, node: psutil.Process) -> dict[str, Any]:
    before = sum(node.cpu_times()[:2])
    began = time.monotonic()
    send = _http_sender(url) if name == "JSON lines" else _tcp_sender(url, PORTS[name], acknowledged=name[0] == "F")
    threads = [threading.Thread(target=send, args=(parts[half::2],)) for half in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    while _count(url) < records:
        if time.monotonic() - began > 600:
            raise SystemExit(f"{name}: only {_count(url):,} of {records:,} records can be searched")
        time.sleep(0.1)
    seconds = time.monotonic() - began
    cpu = sum(node.cpu_times()[:2]) - before
    return {
        "records_per_s": round(records / seconds),
        "cpu_us_per_record": round(cpu / records * 1e6, 2),
        "rss_mib": round(node.memory_info().rss / 2**20),
    }


def _http_sender(url: str) -> Callable[[list[bytes]], None]:
    target = urllib.parse.urlsplit(url)

    def send(parts: list[bytes]) -> None:
        connection = http.client.HTTPConnection(target.hostname or "", target.port, timeout=120)
        for part in parts:
            connection.request("POST", "/api/v1/logs", part, {"Content-Type": "application/x-ndjson"})
            answer = connection.getresponse()
            if answer.status != 200:
                raise SystemExit(f"answered {answer.status}: {answer.read()[:200]!r}")
            answer.read()

    return send


def _tcp_sender(url: str, source: str, *, acknowledged: bool) -> Callable[[list[bytes]], None]:
    with urllib.request.urlopen(f"{url}/api/v1/node", timeout=30) as answer:
        port = urllib.parse.urlsplit(json.loads(answer.read())["sources"][source][0]).port

    def send(parts: list[bytes]) -> None:
        with socket.create_connection(("127.0.0.1", port or 0), 120) as wire:
            if acknowledged:
                threading.Thread(target=wire.sendall, args=(b"".join(parts),)).start()
                answers = msgpack.Unpacker()
                waiting = len(parts)
                while waiting:
                    answers.feed(wire.recv(65536))
                    waiting -= sum(1 for _ in answers)
            else:
                for part in parts:
                    wire.sendall(part)

    return send


def _count(url: str) -> int:
    query = urllib.parse.urlencode({"q": "* | stats count() as n"})
    with urllib.request.urlopen(f"{url}/api/v1/search?{query}", timeout=60) as answer:
        return int(json.loads(answer.read())["data"][0]["n"])


def _wait_until_ready(url: str, node: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and node.poll() is None:
        try:
            urllib.request.urlopen(f"{url}/readyz", timeout=2).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise SystemExit("the node did not start")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    main()

"""Sustained ingest: JSON lines over HTTP until every record can be searched, and what it costs.

    python benchmarks/ingest.py [--records 4000000 | --data FILE.jsonl] [--connections 2] [--body-bytes 4000000]
                                [--url http://127.0.0.1:7373] [--without-engine-alone] [--decode-only]

Starts a node with its default configuration in a new folder (or uses the one at `--url`), sends the lines over
persistent connections with a client that only copies bytes from a file to a socket, and waits until
`* | stats count() as n` counts them all. Then, after the node has stopped: bytes on disk a record after merges, and
the engine alone reading the same file into the same table in a process of its own, which bounds what the node could
reach (it is told the schema, and spares itself HTTP, detection of fields, the journal and template mining).

Records a second are counted from the first byte sent until all are searchable. CPU is that of the node's process, the
client's is given beside it. `--decode-only` measures decoding in this process and nothing else. The last line is one
JSON object.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import mmap
import os
import platform
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import psutil

from applogs import applogs

HEIMDALL = Path(sys.executable).parent / "heimdall"


@dataclass
class Sent:
    """What the clients saw."""

    accepted: int = 0
    retries: int = 0
    seconds: float = 0.0
    latencies_s: list[float] = field(default_factory=list)


def main() -> None:
    given = _arguments()
    with tempfile.TemporaryDirectory(prefix="heimdall-ingest-") as folder:
        path = given.data or _generated(Path(folder), given.records)
        records = sum(chunk.count(b"\n") for chunk in _chunks(path, 16 << 20))
        result: dict[str, Any] = {
            "benchmark": "ingest",
            "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
            "records": records,
            "bytes_per_record": round(path.stat().st_size / records, 1),
        }
        if given.decode_only:
            result["decode"] = _decode_alone(path, given.body_bytes)
        elif given.url:
            result |= _measured(given, path, records, given.url, None)
        else:
            result |= _with_node(given, path, records, Path(folder))
        if not (given.decode_only or given.without_engine_alone):
            result["engine_alone"] = _engine_alone(path, records, Path(folder))
        _say("")
        _say(json.dumps(result))


def _arguments() -> argparse.Namespace:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--records", type=int, default=4_000_000)
    options.add_argument("--data", type=Path)
    options.add_argument("--url")
    options.add_argument("--connections", type=int, default=2)
    options.add_argument("--body-bytes", type=int, default=4_000_000)
    options.add_argument("--without-engine-alone", action="store_true")
    options.add_argument("--decode-only", action="store_true")
    return options.parse_args()


def _generated(folder: Path, records: int) -> Path:
    path = folder / "applogs.jsonl"
    with path.open("wb") as file:
        for chunk in applogs(records):
            file.write(chunk)
    return path


def _chunks(path: Path, size: int) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(size):
            yield chunk


@contextlib.contextmanager
def running_node(
    data: Path, log: Path, *, settings: Mapping[str, str] = MappingProxyType({}), stops_within_s: float = 30
) -> Iterator[tuple[str, psutil.Process]]:
    """The address and the process of a node with its default configuration, but for `settings` of the environment."""
    port = _free_port()
    url = f"http://127.0.0.1:{port}"
    with log.open("ab") as output:
        node = subprocess.Popen(
            [HEIMDALL, "up", "--data", data, "--port", str(port)],
            env=os.environ | settings,
            stdout=output,
            stderr=output,
        )
    try:
        _wait_until_ready(url, node, log)
        yield url, psutil.Process(node.pid)
    finally:
        node.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            node.wait(stops_within_s)
        node.kill()


@contextlib.contextmanager
def new_node() -> Iterator[tuple[str, psutil.Process]]:
    """`running_node` in a folder that goes with it."""
    with (
        tempfile.TemporaryDirectory(prefix="heimdall-benchmark-") as folder,
        running_node(Path(folder) / "node", Path(folder) / "node.log") as started,
    ):
        yield started


def _with_node(given: argparse.Namespace, path: Path, records: int, folder: Path) -> dict[str, Any]:
    data = folder / "node"
    with running_node(data, folder / "node.log") as (url, process):
        result = _measured(given, path, records, url, process)
    _say("the node has stopped; merging what it stored")
    result["disk_bytes_per_record"] = round(_engine(_AFTER_MERGES, data / "storage", path)["bytes"] / records, 2)
    _say(f"{result['disk_bytes_per_record']} bytes a record on disk after merges")
    shutil.rmtree(data, ignore_errors=True)
    return result


def _measured(
    given: argparse.Namespace, path: Path, records: int, url: str, node: psutil.Process | None
) -> dict[str, Any]:
    before = _count(url)
    cpu = _cpu_s(node)
    client_cpu = time.process_time()
    started = time.monotonic()
    sent = _send(path, url, given.connections, given.body_bytes)
    client_cpu = time.process_time() - client_cpu
    _say(f"sent {sent.accepted:,} records in {sent.seconds:.1f} s ({sent.accepted / sent.seconds:,.0f}/s)")
    if sent.accepted != records:
        raise SystemExit(f"{records:,} records were sent, {sent.accepted:,} were accepted")
    while (found := _count(url) - before) < records:
        if time.monotonic() - started > 1800:
            raise SystemExit(f"after half an hour only {found:,} records can be searched")
        time.sleep(0.1)
    seconds = time.monotonic() - started
    ordered = sorted(sent.latencies_s)
    result: dict[str, Any] = {
        "records_per_s": round(records / seconds),
        "seconds": round(seconds, 2),
        "acknowledged_per_s": round(records / sent.seconds),
        "searchable_after_last_ack_s": round(seconds - sent.seconds, 2),
        "ack_ms_p50": round(ordered[len(ordered) // 2] * 1e3, 1),
        "ack_ms_p99": round(ordered[int(len(ordered) * 0.99)] * 1e3, 1),
        "retries": sent.retries,
        "client_cpu_us_per_record": round(client_cpu / records * 1e6, 3),
    }
    if node is not None:
        result["node_cpu_us_per_record"] = round((_cpu_s(node) - cpu) / records * 1e6, 2)
        result["peak_rss_mib"] = round(_peak_rss_bytes(node) / 2**20)
    for name, value in result.items():
        _say(f"{name:30} {value:,}")
    return result


def _send(path: Path, url: str, connections: int, body_bytes: int) -> Sent:
    target = urllib.parse.urlsplit(url)
    sent = Sent()
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as lines:
        bodies = iter(list(_bodies(lines, body_bytes)))
        lock = threading.Lock()
        failures: list[BaseException] = []

        def connection() -> None:
            try:
                with socket.create_connection((target.hostname or "127.0.0.1", target.port or 7373), 120) as wire:
                    wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    while True:
                        with lock:
                            body = next(bodies, None)
                        if body is None:
                            return
                        _post(wire, target.netloc, memoryview(lines)[body[0] : body[1]], sent, lock)
            except BaseException as exc:
                failures.append(exc)

        started = time.monotonic()
        threads = [threading.Thread(target=connection) for _ in range(connections)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        sent.seconds = time.monotonic() - started
        if failures:
            raise failures[0]
    return sent


def _bodies(lines: mmap.mmap, size: int) -> Iterator[tuple[int, int]]:
    start = 0
    while start < len(lines):
        end = min(start + size, len(lines))
        if end < len(lines):
            end = lines.rfind(b"\n", start, end) + 1
        yield start, end
        start = end


def _post(wire: socket.socket, host: str, body: memoryview, sent: Sent, lock: threading.Lock) -> None:
    head = (
        f"POST /api/v1/logs HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/x-ndjson\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    ).encode()
    while True:
        started = time.monotonic()
        wire.sendall(head)
        wire.sendall(body)
        status, headers, content = _answer(wire)
        took = time.monotonic() - started
        if status == 200:
            with lock:
                sent.accepted += json.loads(content)["accepted"]
                sent.latencies_s.append(took)
            body.release()
            return
        if status not in (429, 503):
            raise SystemExit(f"the node answered {status}: {content[:500]!r}")
        with lock:
            sent.retries += 1
        time.sleep(float(headers.get("retry-after", "1")))


def _answer(wire: socket.socket) -> tuple[int, dict[str, str], bytes]:
    received = b""
    while b"\r\n\r\n" not in received:
        piece = wire.recv(65536)
        if not piece:
            raise SystemExit("the node closed the connection")
        received += piece
    head, _, content = received.partition(b"\r\n\r\n")
    first, *rest = head.decode().split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in rest)}
    while len(content) < int(headers.get("content-length", "0")):
        content += wire.recv(65536)
    return int(first.split()[1]), headers, content


def _count(url: str) -> int:
    query = urllib.parse.urlencode({"q": "* | stats count() as n"})
    with urllib.request.urlopen(f"{url}/api/v1/search?{query}", timeout=120) as answer:
        return int(json.load(answer)["data"][0]["n"])


def _wait_until_ready(url: str, node: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(600):
        if node.poll() is not None:
            raise SystemExit(f"the node did not start:\n{log.read_text()[-2000:]}")
        with contextlib.suppress(OSError), urllib.request.urlopen(f"{url}/readyz", timeout=5) as answer:
            if answer.status == 200:
                return
        time.sleep(0.1)
    raise SystemExit("the node was not ready within a minute")


def _cpu_s(process: psutil.Process | None) -> float:
    if process is None:
        return 0.0
    times = process.cpu_times()
    return float(times.user + times.system)


def _peak_rss_bytes(process: psutil.Process) -> int:
    status = Path(f"/proc/{process.pid}/status")
    if not status.exists():
        return int(process.memory_info().rss)
    peak = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    return int(peak.split()[1]) * 1024


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _decode_alone(path: Path, body_bytes: int) -> dict[str, Any]:
    from heimdall.ingest.decode.json import decode_json
    from heimdall.ingest.decode.json_schema import SchemaMemory

    schemas = SchemaMemory()
    costs: list[float] = []
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as lines:
        for start, end in list(_bodies(lines, body_bytes))[:200]:
            body = lines[start:end]
            before = time.process_time()
            decoded = decode_json(body, now_ns=time.time_ns(), schemas=schemas)
            costs.append((time.process_time() - before) / decoded.num_rows * 1e6)
    costs.sort()
    median = costs[len(costs) // 2]
    _say(f"decode: {median:.2f} µs CPU a record (median of {len(costs)} bodies), {1e6 / median:,.0f}/s a core")
    return {"cpu_us_per_record": round(median, 2), "bodies": len(costs)}


_AFTER_MERGES = """
import json, sys, chdb
session = chdb.connect(sys.argv[1])
session.query("OPTIMIZE TABLE heimdall.logs FINAL", "Null")
size = session.query(
    "SELECT sum(bytes_on_disk) AS b FROM system.parts WHERE active AND database = 'heimdall' AND table = 'logs'", "CSV")
print(json.dumps({"bytes": int(str(size))}))
"""

_ALONE = """
import json, resource, sys, time, chdb
from heimdall.storage.engines.clickhouse import layout
session = chdb.connect(sys.argv[1])
session.query("CREATE DATABASE IF NOT EXISTS heimdall", "Null")
session.query(layout.create_statement("logs"), "Null")
fields = ["level", "service", "region", "pod", "trace_id", "span_id", "user_id", "version", "_msg"]
schema = "_time Int64, " + ", ".join(f"{name} String" for name in fields)
started = time.monotonic()
session.query(f'''
INSERT INTO heimdall.logs (tenant, timestamp, observed_timestamp, severity_number, service, region, message,
    attributes, trace_id, span_id, user_id, position)
SELECT 'default', fromUnixTimestamp64Nano(_time), fromUnixTimestamp64Nano(_time),
    multiIf(level = 'DEBUG', 5, level = 'INFO', 9, level = 'WARN', 13, 17), service, region, _msg,
    concat('{{"pod":"', pod, '","version":"', version, '"}}'), unhex(trace_id), unhex(span_id), user_id,
    rowNumberInAllBlocks()
FROM file('{sys.argv[2]}', JSONEachRow, '{schema}')''', "Null")
inserted = time.monotonic() - started
session.query("OPTIMIZE TABLE heimdall.logs FINAL", "Null")
merged = time.monotonic() - started
size = session.query(
    "SELECT sum(bytes_on_disk) AS b FROM system.parts WHERE active AND database = 'heimdall' AND table = 'logs'", "CSV")
usage = resource.getrusage(resource.RUSAGE_SELF)
print(json.dumps({"seconds": inserted, "merged_seconds": merged, "bytes": int(str(size)),
    "cpu_s": usage.ru_utime + usage.ru_stime, "peak_rss_bytes": usage.ru_maxrss * 1024}))
"""


def _engine(program: str, storage: Path, path: Path) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-c", program, str(storage), str(path)], check=True, capture_output=True, text=True
    )
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def _engine_alone(path: Path, records: int, folder: Path) -> dict[str, Any]:
    found = _engine(_ALONE, folder / "alone", path.resolve())
    result = {
        "records_per_s": round(records / found["seconds"]),
        "records_per_s_with_merges": round(records / found["merged_seconds"]),
        "cpu_us_per_record": round(found["cpu_s"] / records * 1e6, 2),
        "peak_rss_mib": round(found["peak_rss_bytes"] / 2**20),
        "disk_bytes_per_record": round(found["bytes"] / records, 2),
    }
    _say(f"the engine alone: {result}")
    return result


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()

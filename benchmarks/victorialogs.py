"""VictoriaLogs on the same data, machine and HTTP path as `ingest.py` and `query.py`: the figures to compare with.

    python benchmarks/victorialogs.py --binary PATH [--records 4000000 | --data FILE.jsonl] [--connections 2]

`--binary` is a `victoria-logs` executable. Its Go module has `replace` lines, which `go install` refuses; a module of
one's own that requires github.com/VictoriaMetrics/VictoriaMetrics v1.115.0 (with the same `replace` lines) builds it:
`GOTOOLCHAIN=go1.24.2 go build github.com/VictoriaMetrics/VictoriaMetrics/app/victoria-logs`.

JSON lines go to `/insert/jsonline` over persistent connections until `* | count()` finds them all; then each question
is asked `--repeat` times and the median counts. It answers before anything is on the disk and mines no templates. The
last line is one JSON object.
"""

from __future__ import annotations

import argparse
import http.client
import json
import mmap
import statistics
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import psutil

from ingest import _bodies, _cpu_s, _free_port, _generated, _peak_rss_bytes

INSERT = "/insert/jsonline?" + urlencode(
    {"_stream_fields": "service,region", "_msg_field": "_msg", "_time_field": "_time"}
)
QUESTIONS = {
    "trace id": 'trace_id:="{trace}"',
    "phrase count": '"slow upstream response" | count() n',
    "latest 100 errors": "level:=ERROR | sort by (_time desc) limit 100",
    "histogram 5 min by level, 24 h": "* | stats by (_time:5m, level) count() n",
    "top 10 of 200k users": "* | stats by (user_id) count() n | sort by (n desc) limit 10",
    "regex in message": r'_msg:~"postgres-[0-9]+\\.db\\.svc:5432 after [5-9][0-9] retries" | count() n',
}
"""The bounded questions of `query.py` in LogsQL."""


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--binary", type=Path, required=True)
    options.add_argument("--records", type=int, default=4_000_000)
    options.add_argument("--data", type=Path)
    options.add_argument("--connections", type=int, default=2)
    options.add_argument("--body-bytes", type=int, default=4_000_000)
    options.add_argument("--repeat", type=int, default=9)
    given = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="victorialogs-") as temporary:
        folder = Path(temporary)
        path = given.data or _generated(folder, given.records)
        with path.open("rb") as file:
            trace = json.loads(file.readline())["trace_id"]
            file.seek(0)
            records = sum(chunk.count(b"\n") for chunk in iter(lambda: file.read(16 << 20), b""))
        with _server(given.binary, folder / "data") as (port, process):
            result: dict[str, Any] = {"benchmark": "victorialogs", "records": records}
            result |= _ingested(path, records, port, process, given)
            _ask(port, "/internal/force_merge")
            time.sleep(20)
            result["query_ms"] = {
                name: _median_ms(port, question.replace("{trace}", trace), given.repeat)
                for name, question in QUESTIONS.items()
            }
            size = sum(file.stat().st_size for file in (folder / "data").rglob("*") if file.is_file())
            result["disk_bytes_per_record"] = round(size / records, 2)
            result["peak_rss_mib"] = round(_peak_rss_bytes(process) / 2**20)
    print(json.dumps(result))


@contextmanager
def _server(binary: Path, data: Path) -> Iterator[tuple[int, psutil.Process]]:
    port = _free_port()
    command = [binary, f"-storageDataPath={data}", f"-httpListenAddr=127.0.0.1:{port}", "-retentionPeriod=10y"]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 30
        while True:
            try:
                _ask(port, "/health")
                break
            except OSError:
                if time.monotonic() > deadline or server.poll() is not None:
                    raise SystemExit(f"{binary} does not answer") from None
                time.sleep(0.1)
        yield port, psutil.Process(server.pid)
    finally:
        server.terminate()
        server.wait(60)


def _ingested(
    path: Path, records: int, port: int, process: psutil.Process, given: argparse.Namespace
) -> dict[str, Any]:
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as lines:
        bodies = iter(list(_bodies(lines, given.body_bytes)))
        lock = threading.Lock()

        def connection() -> None:
            server = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
            while True:
                with lock:
                    body = next(bodies, None)
                if body is None:
                    return server.close()
                server.request("POST", INSERT, lines[body[0] : body[1]])
                answer = server.getresponse()
                if answer.status != 200:
                    raise SystemExit(f"{answer.status}: {answer.read()[:500]!r}")
                answer.read()

        cpu_s, started = _cpu_s(process), time.monotonic()
        threads = [threading.Thread(target=connection) for _ in range(given.connections)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        acknowledged_s = time.monotonic() - started
        while _count(port) < records:
            if time.monotonic() - started > 1800:
                raise SystemExit(f"only {_count(port):,} of {records:,} records can be searched")
            time.sleep(0.1)
        seconds = time.monotonic() - started
    return {
        "records_per_s": round(records / seconds),
        "acknowledged_per_s": round(records / acknowledged_s),
        "cpu_us_per_record": round((_cpu_s(process) - cpu_s) / records * 1e6, 2),
    }


def _ask(port: int, path: str) -> bytes:
    server = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    try:
        server.request("GET", path)
        return server.getresponse().read()
    finally:
        server.close()


def _query(port: int, question: str) -> bytes:
    window = {"start": "2025-11-01T00:00:00Z", "end": "2026-12-01T00:00:00Z"}
    return _ask(port, "/select/logsql/query?" + urlencode({"query": question} | window))


def _count(port: int) -> int:
    return int(json.loads(_query(port, "* | count() n") or b'{"n":0}')["n"])


def _median_ms(port: int, question: str, repeat: int) -> float:
    times = []
    for _ in range(repeat):
        started = time.perf_counter()
        _query(port, question)
        times.append((time.perf_counter() - started) * 1e3)
    return round(statistics.median(times), 1)


if __name__ == "__main__":
    main()

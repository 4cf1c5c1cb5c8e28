"""What a record costs on its whole way in, door by door: CPU of a real node from the socket until it is searchable.

    python benchmarks/doors.py [--records 260000] [--body-records 13000]

The records of `applogs.py` in each protocol's own form, one connection, bodies of `--body-records`; gRPC is left out:
it shares OTLP's decoder. A node of its own per door; CPU time of its process, so the wall clock does not matter. The
last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import orjson
import psutil
import pyarrow as pa

from applogs import applogs
from decode import bulk, loki_protobuf, otlp_protobuf
from ingest import HEIMDALL, _cpu_s, _free_port, _wait_until_ready

Sent = tuple[str, dict[str, str], bytes]


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--records", type=int, default=260_000)
    options.add_argument("--body-records", type=int, default=13_000)
    given = options.parse_args()
    lines = next(applogs(given.body_records, chunk_records=given.body_records)).splitlines()
    found: dict[str, float] = {}
    for name, sent in doors(lines):
        found[name] = round(cost_us(sent, given.records // given.body_records, given.body_records), 2)
        share = found["JSON lines"] / found[name]
        sys.stdout.write(f"{name:24} {found[name]:6.2f} µs a record, {share:4.0%} of the JSON-lines rate per core\n")
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    told = {"benchmark": "doors", "machine": machine, "records": given.records, "cpu_us_per_record": found}
    sys.stdout.write(f"\n{json.dumps(told)}\n")


def doors(lines: list[bytes]) -> Iterator[tuple[str, Sent]]:
    records = [orjson.loads(line) for line in lines]
    ndjson = {"Content-Type": "application/x-ndjson"}
    protobuf = {"Content-Type": "application/x-protobuf"}
    yield "JSON lines", ("/api/v1/logs", ndjson, b"\n".join(lines))
    yield "Elasticsearch _bulk", ("/logs/_bulk", ndjson, bulk(lines, lambda number: b'{"create":{}}'))
    block = bytes(pa.Codec("snappy").compress(loki_protobuf(records), asbytes=True))
    yield "Loki protobuf", ("/loki/api/v1/push", protobuf, block)
    yield "OTLP protobuf", ("/v1/logs", protobuf, otlp_protobuf(records))
    envelopes = b"".join(b'{"event":' + line + b"}" for line in lines)
    yield "Splunk HEC", ("/services/collector/event", {"Authorization": "Splunk any"}, envelopes)
    yield "Datadog", ("/api/v2/logs", {"DD-API-KEY": "any"}, b"[" + b",".join(lines) + b"]")


def cost_us(sent: Sent, bodies: int, body_records: int) -> float:
    path, headers, body = sent
    port = _free_port()
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "node.log"
        command = [HEIMDALL, "up", "--data", str(Path(folder) / "data"), "--port", str(port), "--ports", ""]
        with log.open("wb") as out:
            process = subprocess.Popen(command, stdout=out, stderr=out)
        url = f"http://127.0.0.1:{port}"
        try:
            _wait_until_ready(url, process, log)
            node = psutil.Process(process.pid)
            with httpx.Client(base_url=url, timeout=60, trust_env=False) as client:
                client.post(path, headers=headers, content=body).raise_for_status()  # what is learned once
                _stored(client, body_records)
                before = _cpu_s(node)
                for _ in range(bodies):
                    client.post(path, headers=headers, content=body).raise_for_status()
                _stored(client, (bodies + 1) * body_records)
                return (_cpu_s(node) - before) / (bodies * body_records) * 1e6
        finally:
            process.terminate()
            process.wait(timeout=60)


def _stored(client: httpx.Client, records: int) -> None:
    while client.get("/api/v1/node").json()["records"] < records:
        time.sleep(0.1)


if __name__ == "__main__":
    main()

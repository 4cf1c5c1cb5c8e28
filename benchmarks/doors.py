"""What a record costs on its whole way in, door by door: CPU of a real node from the socket until it is searchable.

    python benchmarks/doors.py [--records 260000] [--body-records 13000] [--rounds 3] [--door OTLP]

The records of `applogs.py` in each protocol's own form, one connection, bodies of `--body-records`; gRPC is left out:
it shares OTLP's decoder. A node of its own per door, each after one that takes JSON lines; medians of `--rounds`. CPU
time of its process, so the wall clock does not matter. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

import httpx
import orjson
import psutil
import pyarrow as pa

from applogs import applogs
from decode import bulk, loki_json, loki_protobuf, otlp_json, otlp_protobuf, varint
from ingest import HEIMDALL, _cpu_s, _free_port, _wait_until_ready

Sent = tuple[str, dict[str, str], bytes]


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--records", type=int, default=260_000)
    options.add_argument("--body-records", type=int, default=13_000)
    options.add_argument("--rounds", type=int, default=1)
    options.add_argument("--door", action="append", help="a word of its name; may be given again; all by default")
    given = options.parse_args()
    lines = next(applogs(given.body_records, chunk_records=given.body_records)).splitlines()
    (usual, json_lines), *others = doors(lines)
    asked = [each for each in others if not given.door or any(word in each[0] for word in given.door)]
    found: dict[str, list[float]] = {usual: []}
    shares: dict[str, list[float]] = {}
    for _ in range(given.rounds):
        for name, sent in asked:
            pair = [
                cost_us(each, given.records // given.body_records, given.body_records) for each in (json_lines, sent)
            ]
            found[usual].append(round(pair[0], 2))
            found.setdefault(name, []).append(round(pair[1], 2))
            shares.setdefault(name, []).append(round(pair[0] / pair[1], 3))
            sys.stdout.write(f"{name:24} {pair[1]:6.2f} µs a record beside {pair[0]:.2f}: {pair[0] / pair[1]:4.0%}\n")
            sys.stdout.flush()
    for name, costs in found.items():
        share = median(shares.get(name, [1.0]))
        sys.stdout.write(f"{name:24} {median(costs):6.2f} µs a record, {share:4.0%} of the JSON-lines rate per core\n")
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    told = {"benchmark": "doors", "machine": machine, "records": given.records, "cpu_us_per_record": found}
    sys.stdout.write(f"\n{json.dumps(told | {'share': shares})}\n")


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
    of_json = {"Content-Type": "application/json"}
    yield "Loki JSON", ("/loki/api/v1/push", of_json, loki_json(records))
    yield "OTLP JSON", ("/v1/logs", of_json, otlp_json(records))
    if len(records) == 1:
        yield "GELF", ("/gelf", of_json, _gelf(records[0]))
        yield "Elasticsearch _doc", ("/logs/_doc", of_json, lines[0])
        pushed = {"data": base64.b64encode(lines[0]).decode(), "messageId": "7"}
        yield "Pub/Sub", ("/gcp/pubsub", of_json, orjson.dumps({"message": pushed, "subscription": "s"}))
    native = b"".join(map(_victorialogs_row, records))
    yield "VictoriaLogs rows", ("/insert/native?version=v1", {"Content-Type": "application/octet-stream"}, native)
    yield "Datadog", ("/api/v2/logs", {"DD-API-KEY": "any"}, b"[" + b",".join(lines) + b"]")


def _gelf(record: dict[str, Any]) -> bytes:
    own = {"version": "1.1", "host": record["pod"], "short_message": record["_msg"], "timestamp": record["_time"] / 1e9}
    return orjson.dumps(own | {f"_{name}": value for name, value in record.items() if not name.startswith("_")})


def _victorialogs_row(record: dict[str, Any]) -> bytes:
    """As vlagent sends it: the stream is the service, all values are text, the message has no name."""
    fields = {"" if name == "_msg" else name: str(value) for name, value in record.items() if name != "_time"}
    labels = _pairs({"service": record["service"]})
    return bytes(8) + varint(len(labels)) + labels + int(record["_time"]).to_bytes(8, "big") + _pairs(fields)


def _pairs(members: dict[str, str]) -> bytes:
    texts = [text.encode() for pair in members.items() for text in pair]
    return varint(len(members)) + b"".join(varint(len(text)) + text for text in texts)


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

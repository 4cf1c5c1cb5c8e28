"""What decoding costs by itself: CPU a record, for bodies of several kinds, in one thread.

    python benchmarks/decode.py [--records 13000] [--repeat 7]

The records are those of `applogs.py` unless the kind says otherwise; the best of `--repeat` runs counts, as CPU time
of the process. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from collections.abc import Callable, Iterator

import orjson
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.logs.v1.logs_pb2 import ScopeLogs

from applogs import applogs
from heimdall.ingest.decode.decoded import Decoded
from heimdall.ingest.decode.elasticsearch_bulk import decode_bulk
from heimdall.ingest.decode.json import decode_json
from heimdall.ingest.decode.json_schema import SchemaMemory
from heimdall.ingest.decode.loki_protobuf import decode_loki_protobuf
from heimdall.ingest.decode.otlp_json import decode_otlp_json
from heimdall.ingest.decode.otlp_protobuf import decode_otlp_protobuf
from heimdall.ingest.decode.splunk_events import decode_splunk_events

Kind = tuple[str, bytes, Callable[[bytes], Decoded]]


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--records", type=int, default=13_000)
    options.add_argument("--repeat", type=int, default=7)
    given = options.parse_args()
    found: dict[str, float] = {}
    for name, body, decode in kinds(given.records):
        costs: list[float] = []
        for _ in range(given.repeat):
            before = time.process_time()
            decoded = decode(body)
            costs.append((time.process_time() - before) / decoded.num_rows * 1e6)
        found[name] = round(min(costs), 2)
        sys.stdout.write(f"{name:48} {found[name]:6.2f} µs a record, {len(body) / decoded.num_rows:4.0f} B\n")
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    told = {"benchmark": "decode", "machine": machine, "records": given.records, "cpu_us_per_record": found}
    sys.stdout.write(f"\n{json.dumps(told)}\n")


def kinds(count: int) -> Iterator[Kind]:
    lines = next(applogs(count, chunk_records=count)).splitlines()
    records = [orjson.loads(line) for line in lines]

    def from_json() -> Callable[[bytes], Decoded]:
        schemas = SchemaMemory()
        return lambda body: decode_json(body, now_ns=time.time_ns(), schemas=schemas)

    middle = len(lines) // 2
    yield "JSON lines", b"\n".join(lines), from_json()
    yield "JSON array", b"[" + b",".join(lines) + b"]", from_json()
    yield "JSON lines, one broken", b"\n".join([*lines[:middle], b"{", *lines[middle:]]), from_json()
    odd = orjson.dumps({**records[0], "pod": 5})
    yield "JSON lines, one field once of another type", b"\n".join([*lines[:middle], odd, *lines[middle:]]), from_json()
    sparse = [{"_msg": "m", **{f"k{(n * 7 + m) % 3000}": m for m in range(10)}} for n in range(count)]
    yield "JSON lines, ten of 3,000 fields each", b"\n".join(map(orjson.dumps, sparse)), from_json()
    yield "JSON lines, nested (ECS)", b"\n".join(orjson.dumps(ecs(n)) for n in range(count)), from_json()
    wrapped = [
        {"log": line.decode() + "\n", "stream": "stdout", "time": "2026-11-22T10:00:00.000000001Z"} for line in lines
    ]
    yield "JSON in Docker's wrapper", b"\n".join(map(orjson.dumps, wrapped)), from_json()
    yield "Elasticsearch _bulk", bulk(lines, lambda number: b'{"create":{}}'), from_bulk()
    chosen_ids = bulk(lines, lambda number: b'{"index":{"_index":"logs","_id":"%032x"}}' % number)
    yield "Elasticsearch _bulk, ids chosen by the sender", chosen_ids, from_bulk()
    yield "Splunk HEC events", b"".join(b'{"event":' + line + b"}" for line in lines), from_splunk()
    yield "Loki protobuf", loki_protobuf(records), from_loki()
    yield "OTLP protobuf", otlp_protobuf(records), lambda body: decode_otlp_protobuf(body, now_ns=time.time_ns())
    yield "OTLP JSON", otlp_json(records), lambda body: decode_otlp_json(body, now_ns=time.time_ns())


def from_bulk() -> Callable[[bytes], Decoded]:
    schemas = SchemaMemory()
    return lambda body: decode_bulk(body, index="logs", now_ns=time.time_ns(), schemas=schemas)


def bulk(lines: list[bytes], action: Callable[[int], bytes]) -> bytes:
    return b"".join(action(number) + b"\n" + line + b"\n" for number, line in enumerate(lines))


def ecs(number: int) -> dict[str, object]:
    return {
        "@timestamp": f"2026-11-22T10:00:00.{number:06d}Z",
        "log": {"level": "error", "logger": "cart.Checkout"},
        "service": {"name": "cart"},
        "trace": {"id": f"{number:032x}"},
        "message": f"card {number} declined",
        "http": {"request": {"id": f"r{number}", "method": "GET"}, "response": {"status_code": 200 + number % 300}},
        "tags": ["a", "b"],
        "host": {"name": "web-1"},
    }


def from_splunk() -> Callable[[bytes], Decoded]:
    schemas = SchemaMemory()
    return lambda body: decode_splunk_events(body, now_ns=time.time_ns(), schemas=schemas, defaults={"host": "web-1"})


def from_loki() -> Callable[[bytes], Decoded]:
    schemas = SchemaMemory()
    return lambda body: decode_loki_protobuf(body, now_ns=time.time_ns(), schemas=schemas)


def loki_protobuf(records: list[dict[str, object]]) -> bytes:
    """Streams by service and level, the message as line, ids as structured metadata."""
    streams: dict[str, list[bytes]] = {}
    for sent in records:
        seconds, nanos = divmod(int(str(sent["_time"])), 10**9)
        stamp = b"\x08" + varint(seconds) + b"\x10" + varint(nanos)
        names = ("trace_id", "span_id", "user_id", "pod")
        pairs = [inner(3, inner(1, name.encode()) + inner(2, str(sent[name]).encode())) for name in names]
        entry = inner(1, stamp) + inner(2, str(sent["_msg"]).encode()) + b"".join(pairs)
        streams.setdefault(f'{{service_name="{sent["service"]}", level="{sent["level"]}"}}', []).append(inner(2, entry))
    return b"".join(inner(1, inner(1, labels.encode()) + b"".join(entries)) for labels, entries in streams.items())


def loki_json(records: list[dict[str, object]]) -> bytes:
    """The same in JSON."""
    streams: dict[tuple[object, object], list[object]] = {}
    for sent in records:
        metadata = {name: str(sent[name]) for name in ("trace_id", "span_id", "user_id", "pod")}
        entry = [str(sent["_time"]), sent["_msg"], metadata]
        streams.setdefault((sent["service"], sent["level"]), []).append(entry)
    sent_streams = [
        {"stream": {"service_name": service, "level": level}, "values": entries}
        for (service, level), entries in streams.items()
    ]
    return orjson.dumps({"streams": sent_streams})


def inner(number: int, content: bytes) -> bytes:
    """A protobuf field with a length."""
    return bytes([number << 3 | 2]) + varint(len(content)) + content


def varint(number: int) -> bytes:
    return bytes([number & 0x7F | 0x80]) + varint(number >> 7) if number > 0x7F else bytes([number])


OTLP_ATTRIBUTES = ("pod", "user_id", "version", "region")


def otlp_protobuf(records: list[dict[str, object]]) -> bytes:
    """A resource a service, as a collector that batches sends them."""
    request = ExportLogsServiceRequest()
    scopes: dict[object, ScopeLogs] = {}
    for sent in records:
        if sent["service"] not in scopes:
            logs = request.resource_logs.add()
            name = logs.resource.attributes.add()
            name.key, name.value.string_value = "service.name", str(sent["service"])
            scopes[sent["service"]] = logs.scope_logs.add()
        record = scopes[sent["service"]].log_records.add()
        record.time_unix_nano = int(str(sent["_time"]))
        record.severity_number = 9
        record.severity_text = str(sent["level"])
        record.body.string_value = str(sent["_msg"])
        record.trace_id = bytes.fromhex(str(sent["trace_id"]))
        record.span_id = bytes.fromhex(str(sent["span_id"]))
        for name in OTLP_ATTRIBUTES:
            attribute = record.attributes.add()
            attribute.key, attribute.value.string_value = name, str(sent[name])
    return bytes(request.SerializeToString())


def otlp_json(records: list[dict[str, object]]) -> bytes:
    sent = [
        {
            "timeUnixNano": str(record["_time"]),
            "severityNumber": 9,
            "severityText": record["level"],
            "body": {"stringValue": record["_msg"]},
            "traceId": record["trace_id"],
            "spanId": record["span_id"],
            "attributes": [{"key": name, "value": {"stringValue": record[name]}} for name in OTLP_ATTRIBUTES],
        }
        for record in records
    ]
    return orjson.dumps({"resourceLogs": [{"scopeLogs": [{"logRecords": sent}]}]})


if __name__ == "__main__":
    main()

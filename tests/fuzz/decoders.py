"""The decoders as fuzzing targets, with examples of what their senders send."""

from __future__ import annotations

import base64
import gzip
import json
import zlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import fastavro
import msgpack
import pyarrow as pa
import zstandard
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from target import Target, apart, jointly

from heimdall.clock import ManualClock
from heimdall.errors import InvalidInput
from heimdall.ingest.decode.elasticsearch_bulk import decode_bulk, decode_bulk_together
from heimdall.ingest.decode.firehose import Delivery, decode_delivery, read_delivery
from heimdall.ingest.decode.forward import decode_forward
from heimdall.ingest.decode.gelf import decode_gelf
from heimdall.ingest.decode.journal_export import ExportFraming, decode_journal_export
from heimdall.ingest.decode.json import decode_json, decode_json_together
from heimdall.ingest.decode.json_schema import SchemaMemory
from heimdall.ingest.decode.kafka import Messages
from heimdall.ingest.decode.lines import lines_of
from heimdall.ingest.decode.loki_json import decode_loki_json, decode_loki_json_together
from heimdall.ingest.decode.loki_protobuf import decode_loki_protobuf, decode_loki_protobuf_together
from heimdall.ingest.decode.mqtt import MqttMessages, Subscription, Topics
from heimdall.ingest.decode.otlp_json import decode_otlp_json, decode_otlp_json_together
from heimdall.ingest.decode.otlp_protobuf import decode_otlp_protobuf, decode_otlp_protobuf_together
from heimdall.ingest.decode.payloads import decode_payloads
from heimdall.ingest.decode.pubsub import decode_pushed, decode_pushes_together, read_push
from heimdall.ingest.decode.registered import Readers, RegisteredSchema, decode_registered
from heimdall.ingest.decode.splunk_events import decode_splunk_events, decode_splunk_together
from heimdall.ingest.decode.text import decode_lines
from heimdall.ingest.decode.victorialogs_columns import columns_of_rows
from heimdall.ingest.decode.victorialogs_rows import read_rows
from heimdall.ingest.decompress import decompress
from heimdall.ingest.sources.forward import MessageStream
from heimdall.ingest.sources.framing import Frames, SyslogFraming
from heimdall.ingest.sources.gelf import CHUNK_MAGIC, ChunkAssembler
from heimdall.ingest.sources.http.datadog import HINTS as DATADOG_HINTS
from heimdall.ingest.sources.rewriting import DECIDED_BY_BYTES, rewriting_of
from heimdall.ingest.sources.syslog import Received, decode_received

NOW_NS = 1_795_348_800_000_000_000
_MAX_RECORD_BYTES = 4096
_SCHEMAS = SchemaMemory()

JSON_LINE = (
    b'{"time":"2026-11-22T10:00:00Z","level":"error","message":"card \\"x\\" declined","order":{"id":7,"t":[1,"a"]}}'
)
TEXT_LINES = (
    b"2026-11-22 10:15:30,123 ERROR [main] shop.Cart - declined\n\tat shop.Cart.pay(Cart.java:7)\n",
    b'192.0.2.7 - bob [22/Nov/2026:10:00:00 +0100] "GET /a?b=c HTTP/1.1" 500 23 "-" "curl/8"\n',
    b'level=warn ts=2026-11-22T10:00:00Z msg="slow \\"query\\"" n=3 trace_id=0af7651916cd43dd8448eb211c80319c\n',
    b"CEF:0|Acme|Fire\\|wall|1.0|100|worm|8|src=10.0.0.1 msg=a \\= b act=blocked\n",
    b"LEEF:2.0|Acme|Mail|4.0|15345|^|src=10.0.0.1^sev=5\n",
)
SYSLOG_LINES = (
    b'<165>1 2026-11-22T10:00:00Z h app 7 ID [x@1 a="1" trace_id="0af7651916cd43dd8448eb211c80319c"][y b="\\""] text',
    b"<134>Nov 21 10:15:30 fw01 sshd[77]: Failed password for root",
)


_MANY = 256
"""Messages a decoder takes at a time where they come so."""


def decoders() -> tuple[Target, ...]:
    now: Any = {"now_ns": NOW_NS, "schemas": _SCHEMAS}
    return (
        Target("json", lambda bodies: decode_json(b"\n".join(bodies), **now), (JSON_LINE, b"[%s]" % JSON_LINE), _MANY),
        Target(
            "json-body",
            jointly(lambda b: decode_json_together(b, **now), lambda b: decode_json(b, **now)),
            (JSON_LINE + b"\n" + JSON_LINE, b"[%s]" % JSON_LINE),
            _MANY,
        ),
        Target("rewriting", apart(_rewriting), _REWRITTEN),
        Target("text", lambda bodies: decode_lines(lines_of(b"\n".join(bodies)), now_ns=NOW_NS), TEXT_LINES, _MANY),
        Target("container", _container, _CONTAINER, _MANY),
        Target("syslog", _syslog, (*_COUNTED, b"\n".join(SYSLOG_LINES)), _MANY),
        Target("syslog-udp", _syslog_datagrams, SYSLOG_LINES, _MANY),
        Target("syslog-framing", apart(_syslog_framing), (*_COUNTED, *SYSLOG_LINES)),
        Target("forward", lambda bodies: decode_forward(bodies, **now), _forward(), _MANY),
        Target("forward-framing", apart(lambda b: MessageStream(_MAX_RECORD_BYTES).feed(b)), _forward()),
        Target("gelf", lambda bodies: decode_gelf(bodies, **now), _gelf(), _MANY),
        Target("gelf-udp", _gelf_datagrams, _chunks(), _MANY),
        Target("journal", _journal, _JOURNAL, _MANY),
        Target(
            "otlp-protobuf",
            jointly(lambda b: decode_otlp_protobuf_together(b, **now), lambda b: decode_otlp_protobuf(b, **now)),
            _otlp(),
            _MANY,
        ),
        Target(
            "otlp-json",
            jointly(lambda b: decode_otlp_json_together(b, **now), lambda b: decode_otlp_json(b, **now)),
            _OTLP_JSON,
            _MANY,
        ),
        Target(
            "loki-protobuf",
            jointly(lambda b: decode_loki_protobuf_together(b, **now), lambda b: decode_loki_protobuf(b, **now)),
            _LOKI,
            _MANY,
        ),
        Target(
            "loki-json",
            jointly(lambda b: decode_loki_json_together(b, **now), lambda b: decode_loki_json(b, **now)),
            _LOKI_JSON,
            _MANY,
        ),
        Target(
            "elasticsearch",
            jointly(lambda b: decode_bulk_together(b, index="i", **now), lambda b: decode_bulk(b, index="i", **now)),
            _BULK,
            _MANY,
        ),
        Target(
            "splunk",
            jointly(
                lambda b: decode_splunk_together(b, **now, defaults={}),
                lambda b: decode_splunk_events(b, **now, defaults={}),
            ),
            _SPLUNK,
            _MANY,
        ),
        Target("datadog", lambda bodies: decode_json(b"\n".join(bodies), **now, hints=DATADOG_HINTS), _DATADOG, _MANY),
        Target("mqtt", _mqtt, (JSON_LINE, TEXT_LINES[2], b"plain"), _MANY),
        Target("avro", _registered, (_avro(1), _avro(2)), _MANY),
        Target("protobuf", _registered, (b"\0\0\0\0\3\0\x0a\4text\x10\x07", b"\0\0\0\0\3\2\0\x0a\1x\x10\x01"), _MANY),
        Target("json-schema", _registered, (b"\0\0\0\0\4" + JSON_LINE, JSON_LINE), _MANY),
        Target("firehose", _firehose, _deliveries(), _MANY),
        Target(
            "pubsub",
            jointly(lambda b: decode_pushes_together(b, **now), lambda b: decode_pushed(read_push(b), **now)),
            _pushes(),
            _MANY,
        ),
        Target("victorialogs-rows", apart(_rows), _ROWS),
        *(Target(coding, _unfolding(coding), packed) for coding, packed in _PACKED.items()),
    )


_REWRITTEN = (
    b'time;level;message\r\n2026-11-22T10:00:00Z;info;"semi; ""quoted""\nsecond line"\n2026-11-22T10:00:01Z;warn;7\n',
    b'[{"message":"a","n":[1,{"x":"]"}]},\n {"message":"b"}\n] behind',
    "2026-11-22 10:00:00 info naïve\n".encode("utf-16"),
)


def _rewriting(data: bytes) -> None:
    """CSV, arrays over several lines and UTF-16, as they come in two pieces."""
    rewriting = rewriting_of(data[:DECIDED_BY_BYTES])
    if rewriting is not None:
        middle = len(data) // 2
        rewriting.feed(data[:middle], final=False)
        rewriting.feed(data[middle:], final=True)


_COUNTED = tuple(b"%d %s" % (len(line), line) for line in SYSLOG_LINES)
_CONTAINER = (
    b"2026-11-22T10:15:30.123456789Z stdout F " + JSON_LINE,
    b"2026-11-22T10:15:30.1Z stderr P the first half,",
    b"2026-11-22T10:15:30.2Z stderr F and the second",
    b'{"log":"2026-11-22 10:15:30,123 ERROR [main] shop.Cart - declined\\n","stream":"stdout",'
    b'"time":"2026-11-22T10:15:30.1Z"}',
)


def _container(bodies: Sequence[bytes]) -> None:
    """What Docker writes is JSON, what the other runtimes write is text."""
    docker = [body for body in bodies if body[:1] == b"{"]
    decode_json(b"\n".join(docker), now_ns=NOW_NS, schemas=_SCHEMAS)
    decode_lines(lines_of(b"\n".join(body for body in bodies if body[:1] != b"{")), now_ns=NOW_NS)


def _syslog(bodies: Sequence[bytes]) -> None:
    """Each from a connection of its own."""
    received: list[Received] = []
    for number, body in enumerate(bodies):
        framing = SyslogFraming(_MAX_RECORD_BYTES)
        frames = [*framing.feed(body), *framing.end()]
        received += [Received(each, f"192.0.2.{number % 250}") for each in frames]
    if received:
        decode_received(received, now_ns=NOW_NS)


def _syslog_datagrams(bodies: Sequence[bytes]) -> None:
    peers = [f"192.0.2.{number % 250}" for number in range(len(bodies))]
    decode_received([Received(Frames(list(bodies)), peers)], now_ns=NOW_NS)


def _syslog_framing(data: bytes) -> None:
    framing = SyslogFraming(_MAX_RECORD_BYTES)
    middle = len(data) // 2
    framing.feed(data[:middle])
    framing.feed(data[middle:])
    framing.end()


def _gelf_datagrams(bodies: Sequence[bytes]) -> None:
    """Chunks of several messages, mixed."""
    whole = [_ASSEMBLER.add(body, "192.0.2.1") if body[:2] == CHUNK_MAGIC else body for body in bodies]
    _ASSEMBLER.expire()
    decode_gelf([document for document in whole if document], now_ns=NOW_NS, schemas=_SCHEMAS)


_ASSEMBLER = ChunkAssembler(ManualClock(NOW_NS))


def _journal(bodies: Sequence[bytes]) -> None:
    framing = ExportFraming()
    entries = b"".join(map(framing.feed, bodies)) + framing.end()
    decode_journal_export(entries, now_ns=NOW_NS, schemas=_SCHEMAS)


def _unfolding(coding: str) -> Callable[[Sequence[bytes]], object]:
    return apart(lambda body: decompress(body, coding, max_bytes=1 << 20))


_TOPICS = Topics([Subscription.parse("plant/{region}/{instance}")])
_FLAT = {"type": "record", "name": "T", "fields": [
    {"name": "message", "type": "string"}, {"name": "n", "type": ["null", "long"]}, {"name": "d", "type": "double"},
    {"name": "level", "type": {"type": "enum", "name": "L", "symbols": ["INFO", "ERROR"]}}]}  # fmt: skip
_LISTS = {"type": "record", "name": "U", "fields": [
    {"name": "message", "type": "string"}, {"name": "tags", "type": {"type": "array", "items": "string"}}]}  # fmt: skip


def _mqtt(bodies: Sequence[bytes]) -> None:
    topics = ["plant/eu/a" if number % 2 else "other" for number in range(len(bodies))]
    decode_payloads(MqttMessages(topics, bodies, _TOPICS), "auto", now_ns=NOW_NS, schemas=_SCHEMAS)


def _avro(schema_id: int) -> bytes:
    import io  # noqa: PLC0415

    record = {"message": "text", "n": 7, "d": 1.5, "level": "ERROR", "tags": ["a", "b"]}
    schema = fastavro.parse_schema(_FLAT if schema_id == 1 else _LISTS)
    out = io.BytesIO()
    fastavro.schemaless_writer(out, schema, {field["name"]: record[field["name"]] for field in schema["fields"]})
    return b"\0" + schema_id.to_bytes(4) + out.getvalue()


def _proto_file() -> str:
    file = FileDescriptorProto(name="r.proto", syntax="proto3")
    message = file.message_type.add(name="R")
    message.field.add(name="message", number=1, type="TYPE_STRING", label="LABEL_OPTIONAL")
    message.field.add(name="n", number=2, type="TYPE_INT64", label="LABEL_OPTIONAL")
    message.nested_type.add(name="I").field.add(name="x", number=1, type="TYPE_INT32", label="LABEL_OPTIONAL")
    message.field.add(name="inner", number=3, type="TYPE_MESSAGE", type_name=".R.I", label="LABEL_OPTIONAL")
    return base64.b64encode(file.SerializeToString()).decode()


_FOUND: dict[int, RegisteredSchema | str] = {
    1: RegisteredSchema(json.dumps(_FLAT), "AVRO"),
    2: RegisteredSchema(json.dumps(_LISTS), "AVRO"),
    3: RegisteredSchema(_proto_file(), "PROTOBUF"),
    4: RegisteredSchema('{"type":"object"}', "JSON"),
}
_READERS = Readers()


class _Found(dict[int, "RegisteredSchema | str"]):
    def __missing__(self, schema_id: int) -> str:
        return "there is none"


def _registered(bodies: Sequence[bytes]) -> None:
    count = len(bodies)
    messages = Messages("t", 0, list(bodies), [None] * count, [()] * count, list(range(count)), [0] * count)
    decode_registered(messages, _Found(_FOUND), _READERS, "auto", now_ns=NOW_NS, schemas=_SCHEMAS)


def _firehose(bodies: Sequence[bytes]) -> None:
    """Each a delivery; what those that are one hold is decoded at once."""
    whole = Delivery("r")
    for body in bodies:
        with suppress(InvalidInput):
            each = read_delivery(body)
            whole.envelopes += each.envelopes
            whole.lines += each.lines
            whole.unreadable += each.unreadable
    decode_delivery(whole, attributes={"a": "b"}, now_ns=NOW_NS, schemas=_SCHEMAS)


def _forward() -> tuple[bytes, ...]:
    record = {"message": "x", "level": "error", "n": [1, 2.5, None, {"a": b"b"}]}
    entries = [[1_795_343_400, record], [msgpack.ExtType(0, b"\x6b\x02\x3f\xe8\0\0\0\1"), record]]
    packed = b"".join(map(msgpack.packb, entries))
    plain = [[entries[1][0], {"message": f"order {n}", "level": "error", "n": n, "took": n / 4}] for n in range(20)]
    return (
        msgpack.packb(["app", b"".join(map(msgpack.packb, plain))]),
        msgpack.packb(["app", 1_795_343_400, record]),
        msgpack.packb(["app", entries, {"chunk": "c"}]),
        msgpack.packb(["app", packed, {"chunk": "c", "size": 2}]),
        msgpack.packb(["app", gzip.compress(packed), {"compressed": "gzip"}]),
    )


def _gelf() -> tuple[bytes, ...]:
    document = b'{"version":"1.1","host":"h","short_message":"m","timestamp":1795343400.5,"level":3,"_a":"b"}'
    return (document, gzip.compress(document), zlib.compress(document))


def _chunks() -> tuple[bytes, ...]:
    document = _gelf()[0]
    head, tail = document[:40], document[40:]
    numbered = CHUNK_MAGIC + b"\0\1\2\3\4\5\6\7"
    return (numbered + b"\0\2" + head, numbered + b"\1\2" + tail, document)


_JOURNAL = (
    b"__CURSOR=s=1\n__REALTIME_TIMESTAMP=1795343400000000\nPRIORITY=3\nMESSAGE=declined\n_PID=7\n\n",
    b"MESSAGE\n\x05\0\0\0\0\0\0\0a\nb\0c\n__REALTIME_TIMESTAMP=1795343400000000\n\n",
)


def _otlp() -> tuple[bytes, ...]:
    request = ExportLogsServiceRequest()
    resource = request.resource_logs.add()
    resource.resource.attributes.add(key="service.name").value.string_value = "pay"
    record = resource.scope_logs.add().log_records.add(time_unix_nano=NOW_NS, severity_number=17, trace_id=b"\1" * 16)
    record.body.kvlist_value.values.add(key="a").value.array_value.values.add().int_value = 7
    record.attributes.add(key="user.id").value.string_value = "bob"
    return (request.SerializeToString(),)


_OTLP_JSON = (
    b'{"resourceLogs":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"pay"}}]},"scopeLogs":'
    b'[{"logRecords":[{"timeUnixNano":"1795348800000000000","body":{"stringValue":"x"},"traceId":"' + b"01" * 16 + b'",'
    b'"attributes":[{"key":"n","value":{"intValue":"7"}},{"key":"l","value":{"arrayValue":{"values":[]}}}]}]}]}]}',
)


def _pushed(labels: bytes, metadata: bytes = b"") -> bytes:
    entry = b"\x0a\x06\x08\xe8\xc0\x89\xd8\x06\x12\x06a line" + metadata
    stream = b"\x0a%c%s\x12%c%s" % (len(labels), labels, len(entry), entry)
    return b"\x0a%c%s" % (len(stream), stream)


_LOKI = (_pushed(b'{app="x", level="warn"}'), _pushed(b'{app="x"}', b"\x1a\x08\x0a\x01k\x12\x03val"))
_LOKI_JSON = (
    b'{"streams":[{"stream":{"app":"x","level":"warn"},"values":[["1795343400000000000","line",{"k":"v"}]]}]}',
)
_BULK = (
    b'{"create":{}}\n' + JSON_LINE + b'\n{"index":{"_index":"a","_id":"1"}}\n{"message":"x"}\n{"delete":{"_id":"1"}}\n',
)
_SPLUNK = (
    b'{"time":1795343400.5,"host":"h","source":"s","event":{"message":"x","n":7}}{"event":"text","fields":{"a":1}}',
)
_DATADOG = (
    b'[{"ddsource":"s","ddtags":"env:prod,team:a","hostname":"h","service":"pay","status":"warn","message":"x"}]',
    b'{"message":"{\\"a\\":1}","status":"error"}\n{"message":"y"}',
)


def _packed(data: bytes) -> dict[str, str]:
    return {"data": base64.b64encode(data).decode()}


def _deliveries() -> tuple[bytes, ...]:
    envelope = {"messageType": "DATA_MESSAGE", "owner": "1", "logGroup": "g", "logStream": "s",
                "logEvents": [{"id": "1", "timestamp": 1_795_343_300_123, "message": "text"}]}  # fmt: skip
    records = [_packed(json.dumps(envelope).encode()), _packed(gzip.compress(b"two\nthree")), _packed(JSON_LINE)]
    return (json.dumps({"requestId": "r", "timestamp": 1, "records": records}).encode(),)


def _pushes() -> tuple[bytes, ...]:
    entry = {"logName": "l", "resource": {"type": "t", "labels": {"pod_name": "p"}}, "textPayload": "x",
             "severity": "ERROR", "trace": "projects/p/traces/" + "01" * 16}  # fmt: skip
    message = {**_packed(json.dumps(entry).encode()), "attributes": {"a": "b"}, "messageId": "7"}
    return (json.dumps({"message": message, "subscription": "s"}).encode(),)


def _snappy(data: bytes) -> bytes:
    return bytes(pa.Codec("snappy").compress(data, asbytes=True))


_ROWS = (
    bytes(8) + b"\x0b\x01\3app\5carts" + NOW_NS.to_bytes(8, "big") + b"\3\0\6oh no!\3app\5carts\1n\0",
    (bytes(8) + b"\x01\0" + NOW_NS.to_bytes(8, "big") + b"\2\4_msg\1x\3a.b\1" + b"1") * 40,
)


def _rows(body: bytes) -> None:
    """Column by column and row by row."""
    streams = columns_of_rows(body)
    found = read_rows(body)
    if streams is not None:
        assert sum(each.fields.count for each in streams) == sum(len(each.texts) for each in found)


def _lz4(data: bytes) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "lz4") as stream:
        stream.write(data)
    return bytes(sink.getvalue())


def _snappy_stream(data: bytes) -> bytes:
    chunks = ((1, data[:9]), (0, _snappy(data[9:])))
    framed = (bytes([kind]) + (len(chunk) + 4).to_bytes(3, "little") + bytes(4) + chunk for kind, chunk in chunks)
    return b"\xff\x06\x00\x00sNaPpY" + b"".join(framed)


_PACKED = {
    "gzip": (gzip.compress(JSON_LINE),),
    "deflate": (zlib.compress(JSON_LINE),),
    "zstd": (zstandard.compress(JSON_LINE),),
    "lz4": (_lz4(JSON_LINE), _lz4(JSON_LINE * 3)),
    "snappy": (_snappy(JSON_LINE * 3), _snappy_stream(JSON_LINE * 3)),
}

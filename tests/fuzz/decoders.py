"""What is fuzzed: a decoder each, with examples of what its senders send."""

from __future__ import annotations

import base64
import gzip
import json
import zlib
from collections.abc import Callable
from dataclasses import dataclass

import fastavro
import msgpack
import pyarrow as pa
import zstandard
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from heimdall.ingest.decode.decoded import Decoded
from heimdall.ingest.decode.elasticsearch_bulk import decode_bulk
from heimdall.ingest.decode.firehose import decode_firehose
from heimdall.ingest.decode.forward import decode_forward
from heimdall.ingest.decode.gelf import decode_gelf
from heimdall.ingest.decode.journal_export import ExportFraming, decode_journal_export
from heimdall.ingest.decode.json import decode_json
from heimdall.ingest.decode.json_schema import SchemaMemory
from heimdall.ingest.decode.kafka import Messages
from heimdall.ingest.decode.lines import lines_of
from heimdall.ingest.decode.loki_json import decode_loki_json
from heimdall.ingest.decode.loki_protobuf import decode_loki_protobuf
from heimdall.ingest.decode.mqtt import MqttMessages, Subscription, Topics
from heimdall.ingest.decode.otlp_json import decode_otlp_json
from heimdall.ingest.decode.otlp_protobuf import decode_otlp_protobuf
from heimdall.ingest.decode.payloads import decode_payloads
from heimdall.ingest.decode.pubsub import decode_pushed, read_push
from heimdall.ingest.decode.registered import Readers, RegisteredSchema, decode_registered
from heimdall.ingest.decode.splunk_events import decode_splunk_events
from heimdall.ingest.decode.text import decode_lines
from heimdall.ingest.decompress import decompress
from heimdall.ingest.sources.forward import MessageStream
from heimdall.ingest.sources.framing import SyslogFraming
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


@dataclass(frozen=True, slots=True)
class Target:
    name: str
    run: Callable[[bytes], object]
    """Raises nothing but `HeimdallError`."""
    examples: tuple[bytes, ...]


def targets() -> tuple[Target, ...]:
    return (
        Target("json", lambda b: decode_json(b, now_ns=NOW_NS, schemas=_SCHEMAS), (JSON_LINE * 2, b"[%s]" % JSON_LINE)),
        Target("text", lambda b: decode_lines(lines_of(b), now_ns=NOW_NS), TEXT_LINES),
        Target("syslog", _syslog, (*(b"%d %s" % (len(x), x) for x in SYSLOG_LINES), b"\n".join(SYSLOG_LINES))),
        Target("syslog-framing", _syslog_framing, (*(b"%d %s" % (len(x), x) for x in SYSLOG_LINES), *SYSLOG_LINES)),
        Target("forward", lambda b: decode_forward([b], now_ns=NOW_NS, schemas=_SCHEMAS), _forward()),
        Target("forward-framing", lambda b: MessageStream(_MAX_RECORD_BYTES).feed(b), _forward()),
        Target("gelf", lambda b: decode_gelf([b], now_ns=NOW_NS, schemas=_SCHEMAS), _gelf()),
        Target("journal", _journal, _JOURNAL),
        Target("otlp-protobuf", lambda b: decode_otlp_protobuf(b, now_ns=NOW_NS, schemas=_SCHEMAS), _otlp()),
        Target("otlp-json", lambda b: decode_otlp_json(b, now_ns=NOW_NS, schemas=_SCHEMAS), _OTLP_JSON),
        Target("loki-protobuf", lambda b: decode_loki_protobuf(b, now_ns=NOW_NS, schemas=_SCHEMAS), _LOKI),
        Target("loki-json", lambda b: decode_loki_json(b, now_ns=NOW_NS, schemas=_SCHEMAS), _LOKI_JSON),
        Target("elasticsearch", lambda b: decode_bulk(b, index="i", now_ns=NOW_NS, schemas=_SCHEMAS), _BULK),
        Target("splunk", lambda b: decode_splunk_events(b, now_ns=NOW_NS, schemas=_SCHEMAS, defaults={}), _SPLUNK),
        Target("mqtt", _mqtt, (JSON_LINE, TEXT_LINES[2], b"plain")),
        Target("avro", _registered, (_avro(1), _avro(2))),
        Target("protobuf", _registered, (b"\0\0\0\0\3\0\x0a\4text\x10\x07", b"\0\0\0\0\3\2\0\x0a\1x\x10\x01")),
        Target("firehose", _firehose, _deliveries()),
        Target("pubsub", lambda b: decode_pushed(read_push(b), now_ns=NOW_NS, schemas=_SCHEMAS), _pushes()),
        Target("gzip", lambda b: decompress(b, "gzip", max_bytes=1 << 20), (gzip.compress(JSON_LINE),)),
        Target("deflate", lambda b: decompress(b, "deflate", max_bytes=1 << 20), (zlib.compress(JSON_LINE),)),
        Target("zstd", lambda b: decompress(b, "zstd", max_bytes=1 << 20), (zstandard.compress(JSON_LINE),)),
        Target("snappy", lambda b: decompress(b, "snappy", max_bytes=1 << 20), (_snappy(JSON_LINE * 3),)),
    )


def _syslog(data: bytes) -> Decoded:
    framing = SyslogFraming(_MAX_RECORD_BYTES)
    frames = [*framing.feed(data), *framing.end()]
    return decode_received([Received(each, "192.0.2.1") for each in frames] or [], now_ns=NOW_NS) if frames else None  # type: ignore[return-value]


def _syslog_framing(data: bytes) -> None:
    framing = SyslogFraming(_MAX_RECORD_BYTES)
    middle = len(data) // 2
    framing.feed(data[:middle])
    framing.feed(data[middle:])
    framing.end()


def _journal(data: bytes) -> Decoded:
    framing = ExportFraming()
    entries = framing.feed(data) + framing.end()
    return decode_journal_export(entries, now_ns=NOW_NS, schemas=_SCHEMAS)


_TOPICS = Topics([Subscription.parse("plant/{region}/{instance}")])
_FLAT = {"type": "record", "name": "T", "fields": [
    {"name": "message", "type": "string"}, {"name": "n", "type": ["null", "long"]}, {"name": "d", "type": "double"},
    {"name": "level", "type": {"type": "enum", "name": "L", "symbols": ["INFO", "ERROR"]}}]}  # fmt: skip
_LISTS = {"type": "record", "name": "U", "fields": [
    {"name": "message", "type": "string"}, {"name": "tags", "type": {"type": "array", "items": "string"}}]}  # fmt: skip


def _mqtt(data: bytes) -> Decoded:
    messages = MqttMessages(["plant/eu/a", "other"], [data, data[::-1]], _TOPICS)
    return decode_payloads(messages, "auto", now_ns=NOW_NS, schemas=_SCHEMAS)


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
}
_READERS = Readers()


class _Found(dict[int, "RegisteredSchema | str"]):
    def __missing__(self, schema_id: int) -> str:
        return "there is none"


def _registered(data: bytes) -> Decoded:
    messages = Messages("t", 0, [data], [None], [()], [0], [0])
    return decode_registered(messages, _Found(_FOUND), _READERS, "auto", now_ns=NOW_NS, schemas=_SCHEMAS)


def _firehose(data: bytes) -> Decoded:
    return decode_firehose(data, attributes={"a": "b"}, now_ns=NOW_NS, schemas=_SCHEMAS)


def _forward() -> tuple[bytes, ...]:
    record = {"message": "x", "level": "error", "n": [1, 2.5, None, {"a": b"b"}]}
    entries = [[1_795_343_400, record], [msgpack.ExtType(0, b"\x6b\x02\x3f\xe8\0\0\0\1"), record]]
    packed = b"".join(map(msgpack.packb, entries))
    return (
        msgpack.packb(["app", 1_795_343_400, record]),
        msgpack.packb(["app", entries, {"chunk": "c"}]),
        msgpack.packb(["app", packed, {"chunk": "c", "size": 2}]),
        msgpack.packb(["app", gzip.compress(packed), {"compressed": "gzip"}]),
    )


def _gelf() -> tuple[bytes, ...]:
    document = b'{"version":"1.1","host":"h","short_message":"m","timestamp":1795343400.5,"level":3,"_a":"b"}'
    return (document, gzip.compress(document), zlib.compress(document))


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
_LOKI = (
    b'\x0a\x3a\x0a\x13{app="x",level="warn"}'[:21] + b"\x12\x10\x0a\x06\x08\xe8\xc0\x89\xd8\x06\x12\x06a line",
    b'\x0a\x27\x0a\x09{app="x"}\x12\x1a\x0a\x06\x08\xe8\xc0\x89\xd8\x06\x12\x06a line\x1a\x08\x0a\x01k\x12\x03val',
)
_LOKI_JSON = (
    b'{"streams":[{"stream":{"app":"x","level":"warn"},"values":[["1795343400000000000","line",{"k":"v"}]]}]}',
)
_BULK = (
    b'{"create":{}}\n' + JSON_LINE + b'\n{"index":{"_index":"a","_id":"1"}}\n{"message":"x"}\n{"delete":{"_id":"1"}}\n',
)
_SPLUNK = (
    b'{"time":1795343400.5,"host":"h","source":"s","event":{"message":"x","n":7}}{"event":"text","fields":{"a":1}}',
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

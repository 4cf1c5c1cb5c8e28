"""OTLP's protobuf form says what its JSON form says; whatever bytes come, decoding holds."""

import base64
import contextlib
from typing import Any

import orjson
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

from heimdall.errors import InvalidInput
from heimdall.ingest.decode.decoded import Decoded
from heimdall.ingest.decode.json_schema import SchemaMemory
from heimdall.ingest.decode.otlp_json import decode_otlp_json, decode_otlp_json_together
from heimdall.ingest.decode.otlp_protobuf import decode_otlp_protobuf, decode_otlp_protobuf_together
from properties.together import check_together

NOW_NS = 1_795_348_800_000_000_000
TEXT = st.text(max_size=8)
NAMES = st.sampled_from(["a", "b", "user.id", "session_id", "resource.host", 'quo"te', "größe", "scope.name"])
SCALARS = (
    TEXT.map(lambda value: ("string_value", value))
    | st.integers(-(2**63), 2**63 - 1).map(lambda value: ("int_value", value))
    | st.booleans().map(lambda value: ("bool_value", value))
    | st.floats().map(lambda value: ("double_value", value))
    | st.binary(max_size=5).map(lambda value: ("bytes_value", value))
    | st.just(("", None))
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda value: ("array_value", value))
        | st.dictionaries(NAMES, inner, max_size=3).map(lambda value: ("kvlist_value", value))
    ),
    max_leaves=6,
)
TIMES = st.sampled_from([0, 1, NOW_NS - 5, NOW_NS + 10**18, 2**64 - 1])
RECORD = st.fixed_dictionaries(
    {},
    optional={
        "time_unix_nano": TIMES,
        "observed_time_unix_nano": TIMES,
        "severity_number": st.integers(0, 24),
        "severity_text": st.sampled_from(["", "WARN", "nobody knows", "Error"]),
        "body": VALUES,
        "attributes": st.dictionaries(NAMES, VALUES, max_size=4),
        "dropped_attributes_count": st.integers(0, 2**32 - 1),
        "flags": st.integers(0, 2**32 - 1),
        "trace_id": st.sampled_from([b"", bytes(16), bytes(range(16)), b"short"]),
        "span_id": st.sampled_from([b"", bytes(8), bytes(range(8)), b"nine byte"]),
        "event_name": st.sampled_from(["", "started"]),
    },
)
SCOPES = st.lists(
    st.tuples(TEXT, st.dictionaries(NAMES, VALUES, max_size=2), st.lists(RECORD, max_size=40)), max_size=3
)
REQUESTS = st.lists(st.tuples(st.dictionaries(NAMES, VALUES, max_size=2), SCOPES), max_size=2)


def value_of(said: tuple[str, Any]) -> AnyValue:
    kind, value = said
    message = AnyValue()
    if kind == "array_value":
        message.array_value.values.extend(map(value_of, value))
        message.array_value.SetInParent()
    elif kind == "kvlist_value":
        message.kvlist_value.values.extend(pairs_of(value))
        message.kvlist_value.SetInParent()
    elif kind:
        setattr(message, kind, value)
    return message


def pairs_of(said: dict[str, Any]) -> list[KeyValue]:
    return [KeyValue(key=key, value=value_of(value)) for key, value in said.items()]


def request_of(said: list[Any]) -> ExportLogsServiceRequest:
    request = ExportLogsServiceRequest()
    for resource, scopes in said:
        resource_logs = request.resource_logs.add()
        resource_logs.resource.attributes.extend(pairs_of(resource))
        for name, attributes, records in scopes:
            scope_logs = resource_logs.scope_logs.add()
            scope_logs.scope.name = name
            scope_logs.scope.attributes.extend(pairs_of(attributes))
            for record in records:
                added = scope_logs.log_records.add()
                for field, value in record.items():
                    if field == "body":
                        added.body.CopyFrom(value_of(value))
                    elif field == "attributes":
                        added.attributes.extend(pairs_of(value))
                    else:
                        setattr(added, field, value)
    return request


def as_json(request: ExportLogsServiceRequest) -> bytes:
    """OTLP's own JSON, written out here: protobuf's differs in ids and bytes."""

    def value(message: AnyValue) -> dict[str, Any]:
        kind = message.WhichOneof("value")
        if kind is None:
            return {}
        if kind == "array_value":
            return {"arrayValue": {"values": [value(each) for each in message.array_value.values]}}
        if kind == "kvlist_value":
            return {"kvlistValue": {"values": pairs(message.kvlist_value.values)}}
        if kind == "bytes_value":
            return {"bytesValue": base64.b64encode(message.bytes_value).decode()}
        content = getattr(message, kind)
        name = {"string_value": "stringValue", "int_value": "intValue", "bool_value": "boolValue"}
        return {name.get(kind, "doubleValue"): str(content) if kind in ("int_value", "double_value") else content}

    def pairs(messages: Any) -> list[dict[str, Any]]:
        return [{"key": pair.key, "value": value(pair.value)} for pair in messages]

    def record(sent: Any) -> dict[str, Any]:
        told = {
            "timeUnixNano": str(sent.time_unix_nano),
            "observedTimeUnixNano": str(sent.observed_time_unix_nano),
            "severityNumber": sent.severity_number,
            "severityText": sent.severity_text,
            "attributes": pairs(sent.attributes),
            "droppedAttributesCount": sent.dropped_attributes_count,
            "flags": sent.flags,
            "traceId": sent.trace_id.hex(),
            "spanId": sent.span_id.hex(),
            "eventName": sent.event_name,
        }
        return told | ({"body": value(sent.body)} if sent.HasField("body") else {})

    def scope(sent: Any) -> dict[str, Any]:
        told = {"name": sent.scope.name, "attributes": pairs(sent.scope.attributes)}
        return {"scope": told, "logRecords": [record(each) for each in sent.log_records]}

    logs = [
        {
            "resource": {"attributes": pairs(sent.resource.attributes)},
            "scopeLogs": [scope(each) for each in sent.scope_logs],
        }
        for sent in request.resource_logs
    ]
    return orjson.dumps({"resourceLogs": logs})


def rows(decoded: Decoded) -> list[dict[str, Any]]:
    table = decoded.table
    for name in ("timestamp", "observed_timestamp"):
        table = table.set_column(table.schema.get_field_index(name), name, table[name].cast("int64"))
    found = [{name: value for name, value in row.items() if value is not None} for row in table.to_pylist()]
    return [row | {"attributes": orjson.loads(row.get("attributes", "{}"))} for row in found]


@given(REQUESTS)
def test_both_forms_say_the_same(said: list[Any]) -> None:
    request = request_of(said)
    one = decode_otlp_protobuf(request.SerializeToString(), now_ns=NOW_NS)
    other = decode_otlp_json(as_json(request), now_ns=NOW_NS)
    assert one.rejected_count == other.rejected_count == 0
    for mine, theirs in zip(rows(one), rows(other), strict=True):
        mine["message"], theirs["message"] = _message(mine), _message(theirs)
        assert mine == theirs


def _message(row: dict[str, Any]) -> Any:
    """A structured body in one spelling: the order of names and of digits is not promised."""
    return "" if "body" in row["attributes"] else row["message"]


@given(REQUESTS, st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), max_size=6), st.integers(0, 400))
def test_whatever_bytes_come_decoding_holds(said: list[Any], flips: list[tuple[int, int]], cut: int) -> None:
    body = bytearray(request_of(said).SerializeToString())
    for place, byte in flips:
        if body:
            body[place % len(body)] = byte
    raw = bytes(body[: max(0, len(body) - cut)])
    try:
        decoded = decode_otlp_protobuf(raw, now_ns=NOW_NS)
    except InvalidInput:
        return
    for text in decoded.table.column("attributes").to_pylist() if "attributes" in decoded.table.column_names else []:
        assert text is None or isinstance(orjson.loads(text), dict)


@given(st.binary(max_size=200))
def test_any_bytes_are_refused_or_read(body: bytes) -> None:
    with contextlib.suppress(InvalidInput):
        decode_otlp_protobuf(body, now_ns=NOW_NS)


@given(st.lists(REQUESTS.map(lambda said: request_of(said).SerializeToString()) | st.binary(max_size=5), max_size=4))
def test_requests_that_go_together_are_read_like_each_alone(bodies: list[bytes]) -> None:
    check_together(
        bodies,
        lambda given: decode_otlp_protobuf_together(given, now_ns=NOW_NS, schemas=SchemaMemory()),
        lambda body: decode_otlp_protobuf(body, now_ns=NOW_NS),
    )


BROKEN_RECORD = b'{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":{"stringValue":"x"}},{"traceId":"zz"}]}]}]}'


@given(
    st.lists(
        REQUESTS.map(lambda said: as_json(request_of(said))) | st.sampled_from([b"", b"{}", b"[]", BROKEN_RECORD]),
        max_size=4,
    )
)
def test_requests_in_json_that_go_together_are_read_like_each_alone(bodies: list[bytes]) -> None:
    check_together(
        bodies,
        lambda given: decode_otlp_json_together(given, now_ns=NOW_NS, schemas=SchemaMemory()),
        lambda body: decode_otlp_json(body, now_ns=NOW_NS),
    )

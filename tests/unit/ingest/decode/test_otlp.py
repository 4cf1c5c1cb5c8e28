import binascii
from collections.abc import Callable
from typing import Any

import orjson
import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from heimdall.errors import InvalidInput
from heimdall.ingest.decode.decoded import Decoded
from heimdall.ingest.decode.otlp_json import decode_otlp_json
from heimdall.ingest.decode.otlp_protobuf import decode_otlp_protobuf

NOW_NS = 1_795_348_800_000_000_000
TEN_NS = 1_795_341_600_123_456_789
TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


def text(value: str) -> dict[str, Any]:
    return {"stringValue": value}


def attribute(key: str, value: dict[str, Any]) -> dict[str, Any]:
    return {"key": key, "value": value}


def request_of(*records: dict[str, Any]) -> dict[str, Any]:
    return {
        "resourceLogs": [
            {
                "resource": {
                    "attributes": [
                        attribute("service.name", text("pay")),
                        attribute("deployment.environment.name", text("prod")),
                        attribute("host.name", text("web-1")),
                    ]
                },
                "scopeLogs": [{"scope": {"name": "lib", "version": "1.2"}, "logRecords": list(records)}],
                "schemaUrl": "ignored",
                "someday": "ignored too",
            }
        ]
    }


FULL = {
    "timeUnixNano": str(TEN_NS),
    "observedTimeUnixNano": str(TEN_NS + 1),
    "severityNumber": 17,
    "severityText": "ERROR",
    "body": text("card declined"),
    "traceId": TRACE,
    "spanId": SPAN,
    "flags": 1,
    "attributes": [
        attribute("http.response.status_code", {"intValue": "402"}),
        attribute("ratio", {"doubleValue": 0.5}),
        attribute("ok", {"boolValue": False}),
        attribute("tags", {"arrayValue": {"values": [text("a"), {"intValue": "1"}, {}]}}),
        attribute("card", {"kvlistValue": {"values": [attribute("brand", text("x"))]}}),
        attribute("user.id", text("u7")),
    ],
}
ORIGIN = {"resource.host.name": "web-1", "scope.name": "lib", "scope.version": "1.2"}


def as_protobuf(request: dict[str, Any]) -> bytes:
    """The same request in the other form. Only ids and bytes differ between OTLP's JSON and protobuf's own."""
    from google.protobuf.json_format import Parse

    def base64_ids(value: Any) -> Any:
        if isinstance(value, dict):
            return {
                name: binascii.b2a_base64(bytes.fromhex(child)).decode().strip()
                if name in ("traceId", "spanId")
                else base64_ids(child)
                for name, child in value.items()
            }
        return [base64_ids(child) for child in value] if isinstance(value, list) else value

    message = Parse(orjson.dumps(base64_ids(request)), ExportLogsServiceRequest(), ignore_unknown_fields=True)
    return message.SerializeToString()


def from_json(request: dict[str, Any]) -> Decoded:
    return decode_otlp_json(orjson.dumps(request), now_ns=NOW_NS)


def from_protobuf(request: dict[str, Any]) -> Decoded:
    return decode_otlp_protobuf(as_protobuf(request), now_ns=NOW_NS)


both = pytest.mark.parametrize("decode", [from_json, from_protobuf])
Decode = Callable[[dict[str, Any]], Decoded]


def rows(decoded: Decoded) -> list[dict[str, Any]]:
    table = decoded.table
    for name in ("timestamp", "observed_timestamp"):
        table = table.set_column(table.schema.get_field_index(name), name, table[name].cast("int64"))
    found = [{name: value for name, value in row.items() if value is not None} for row in table.to_pylist()]
    return [{**row, "attributes": orjson.loads(row.get("attributes", "{}"))} for row in found]


@both
def test_every_part_of_a_record_finds_its_place_with_its_type(decode: Decode) -> None:
    assert rows(decode(request_of(FULL))) == [
        {
            "timestamp": TEN_NS,
            "observed_timestamp": NOW_NS,
            "severity_number": 17,
            "service": "pay",
            "environment": "prod",
            "message": "card declined",
            "trace_id": bytes.fromhex(TRACE),
            "span_id": bytes.fromhex(SPAN),
            "trace_flags": 1,
            "user_id": "u7",
            "attributes": {
                **ORIGIN,
                "http.response.status_code": 402,
                "ratio": 0.5,
                "ok": False,
                "tags": ["a", 1, None],
                "card": {"brand": "x"},
            },
        }
    ]


@both
def test_an_attribute_fills_a_column_that_the_resource_leaves_empty(decode: Decode) -> None:
    """In a request where other records' resource says it: each record counts by itself."""
    request = request_of({"attributes": [attribute("env", text("mine")), attribute("cloud.region", text("eu"))]})
    bare = {
        "scopeLogs": [{"logRecords": [{"attributes": [attribute("env", text("mine")), attribute("app", text("a"))]}]}]
    }
    request["resourceLogs"].append(bare)
    first, second = rows(decode(request))
    assert (first["service"], first["environment"], first["region"]) == ("pay", "prod", "eu")
    assert first["attributes"] == {**ORIGIN, "env": "mine"}
    assert (second["service"], second["environment"], second["attributes"]) == ("a", "mine", {})


@both
def test_of_two_names_for_a_column_the_more_telling_one_fills_it(decode: Decode) -> None:
    (row,) = rows(
        decode(request_of({"attributes": [attribute("enduser.id", text("b")), attribute("user.id", text("a"))]}))
    )
    assert (row["user_id"], row["attributes"]) == ("a", {**ORIGIN, "enduser.id": "b"})


@both
def test_a_structured_body_is_text_to_read_and_fields_to_search(decode: Decode) -> None:
    body = {"kvlistValue": {"values": [attribute("order", {"intValue": "7"})]}}
    (row,) = rows(decode(request_of({"body": body})))
    assert row["message"] == '{"order":7}'
    assert row["attributes"] == {**ORIGIN, "body": {"order": 7}}


@both
def test_what_is_not_stated_is_filled_in(decode: Decode) -> None:
    (row,) = rows(decode(request_of({"severityText": "WARN", "eventName": "started"})))
    assert (row["timestamp"], row["observed_timestamp"]) == (NOW_NS, NOW_NS)
    assert row["severity_number"] == 13
    assert row["message"] == "started"
    assert "trace_id" not in row


@both
def test_without_a_time_the_sender_s_observed_time_counts(decode: Decode) -> None:
    (row,) = rows(decode(request_of({"observedTimeUnixNano": str(TEN_NS), "body": text("x")})))
    assert (row["timestamp"], row["observed_timestamp"]) == (TEN_NS, NOW_NS)


@both
def test_an_impossible_time_is_kept_and_marked(decode: Decode) -> None:
    (row,) = rows(decode(request_of({"timeUnixNano": "9999999999999999999", "body": text("x")})))
    assert row["timestamp"] == NOW_NS
    assert row["attributes"]["time_unix_nano"] == 9999999999999999999
    assert row["attributes"]["heimdall.oddity"] == ["time_out_of_range"]


@both
def test_an_id_of_another_length_stays_an_attribute(decode: Decode) -> None:
    (row,) = rows(decode(request_of({"traceId": "abcd", "spanId": "00" * 8, "body": text("x")})))
    assert row["attributes"]["trace_id"] == "abcd"
    assert "span_id" not in row


@both
def test_json_in_the_body_is_the_record_a_program_wrote(decode: Decode) -> None:
    (row,) = rows(decode(request_of({"body": text('{"level":"warn","msg":"slow","k":1}')})))
    assert (row["message"], row["severity_number"]) == ("slow", 13)
    assert row["attributes"] == {**ORIGIN, "k": 1}


@both
def test_records_of_several_resources_stay_with_their_own(decode: Decode) -> None:
    request = request_of({"body": text("a")})
    other = {"scopeLogs": [{"logRecords": [{"body": text("b")}]}]}
    request["resourceLogs"].append(other)
    first, second = rows(decode(request))
    assert (first["service"], first["attributes"]) == ("pay", ORIGIN)
    assert "service" not in second
    assert second["attributes"] == {}


@pytest.mark.parametrize("body", [b"", b"{}", b'{"resourceLogs":[]}', b'{"resourceLogs":[{"scopeLogs":[{}]}]}'])
def test_an_empty_request_is_no_records(body: bytes) -> None:
    decoded = decode_otlp_json(body, now_ns=NOW_NS)
    assert (decoded.num_rows, decoded.rejected_count) == (0, 0)
    assert decode_otlp_protobuf(b"", now_ns=NOW_NS).num_rows == 0


def test_a_malformed_json_record_is_rejected_alone() -> None:
    decoded = from_json(request_of({"body": text("x")}, {"traceId": "zz"}, {"attributes": "no"}, {"body": text("y")}))
    assert decoded.table["message"].to_pylist() == ["x", "y"]
    assert [each.line for each in decoded.rejected] == [2, 3]


@pytest.mark.parametrize("body", [b"not json", b"[]", b'{"resourceLogs":5}', b'{"resourceLogs":["x"]}', b'"\\ud800"'])
def test_what_is_no_request_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidInput):
        decode_otlp_json(body, now_ns=NOW_NS)


def test_what_is_no_protobuf_is_refused() -> None:
    with pytest.raises(InvalidInput):
        decode_otlp_protobuf(b'{"resourceLogs":[]}', now_ns=NOW_NS)


def test_a_request_of_nothing_but_broken_records_is_refused_record_by_record() -> None:
    body = b"\x0a\x06\x12\x04\x12\x02\x2a\x05"  # one record, whose body ends behind the record
    found = decode_otlp_protobuf(body, now_ns=1_795_348_800_000_000_000)
    assert (found.num_rows, found.rejected_count) == (0, 1)

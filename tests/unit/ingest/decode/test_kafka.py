"""Messages of a partition become records, each with what its message says about it."""

from __future__ import annotations

from typing import Any

import orjson

from heimdall.ingest.decode.json_schema import SchemaMemory
from heimdall.ingest.decode.kafka import Headers, Messages
from heimdall.ingest.decode.payloads import PayloadsDecoded, decode_payloads

NOW_NS = 1_795_348_800_000_000_000
SENT_MS = 1_795_300_000_123


def messages(*values: bytes, headers: Headers = (), key: bytes | None = None) -> Messages:
    count = len(values)
    return Messages("orders", 3, values, [key] * count, [headers] * count, range(10, 10 + count), [SENT_MS] * count)


def decoded(sent: Messages, format: Any = "auto") -> PayloadsDecoded:
    return decode_payloads(sent, format, now_ns=NOW_NS, schemas=SchemaMemory())


def rows(found: PayloadsDecoded) -> list[dict[str, Any]]:
    position = found.table.schema.get_field_index("timestamp")
    table = found.table.set_column(position, "timestamp", found.table["timestamp"].cast("int64"))
    listed = table.select(["timestamp", "message", "attributes"]).to_pylist()
    return [row | {"attributes": orjson.loads(row["attributes"])} for row in listed]


def test_an_object_is_a_json_record_and_keeps_where_it_came_from() -> None:
    sent = messages(
        b'{"level":"error","message":"card declined","order":7}', headers=(("traceparent", b"00-a"),), key=b"k7"
    )
    (row,) = rows(decoded(sent))
    assert row["message"] == "card declined"
    assert row["attributes"] == {
        "order": 7,
        "messaging.destination.name": "orders",
        "messaging.destination.partition.id": "3",
        "messaging.kafka.offset": 10,
        "messaging.kafka.message.key": "k7",
        "messaging.kafka.headers": {"traceparent": "00-a"},
    }


def test_a_messages_time_stands_in_for_a_record_that_states_none() -> None:
    sent = messages(
        b'{"message":"a"}', b'{"message":"b","time":"2026-11-22T10:00:00Z"}', b"plain", b"level=info msg=x n=1"
    )
    assert [(row["message"], row["timestamp"]) for row in rows(decoded(sent))] == [
        ("a", SENT_MS * 1_000_000),
        ("b", 1_795_341_600_000_000_000),
        ("plain", SENT_MS * 1_000_000),
        ("x", SENT_MS * 1_000_000),
    ]


def test_text_keeps_its_own_offset_whatever_order_its_format_is_read_in() -> None:
    sent = messages(b"level=info msg=first n=1", b"second", b'{"message":"third"}', b"level=warn msg=fourth n=2", b"")
    found = {row["message"]: row["attributes"]["messaging.kafka.offset"] for row in rows(decoded(sent))}
    assert found == {"first": 10, "second": 11, "third": 12, "fourth": 13}


def test_what_is_no_object_is_undecodable_where_objects_are_promised() -> None:
    found = decoded(messages(b'{"message":"good"}', b'{"broken', b"text", b'{"message":\n"pretty"}'), "json")
    assert [row["message"] for row in rows(found)] == ["good", "pretty"]
    assert [place for place, _ in found.undecodable] == [1, 2]


def test_broken_json_and_bytes_are_kept_as_text() -> None:
    found = decoded(messages(b'{"broken', b"\xff\xfe binary", b'[{"a":1}]'))
    assert sorted(row["message"] for row in rows(found)) == ['[{"a":1}]', '{"broken', "\ufffd\ufffd binary"]
    assert found.undecodable == ()


def test_an_empty_message_is_no_record() -> None:
    assert decoded(messages(b"", b"  ")).num_rows == 0


def test_keys_and_headers_that_are_no_text_are_kept_as_base64() -> None:
    (row,) = rows(decoded(messages(b"x", headers=(("id", b"\xff\x00"), ("none", None)), key=b"\x00\xfe")))
    assert row["attributes"]["messaging.kafka.message.key"] == "AP4="
    assert row["attributes"]["messaging.kafka.headers"] == {"id": "/wA=", "none": None}


def test_a_records_own_member_wins_over_its_messages() -> None:
    (row,) = rows(decoded(messages(b'{"message":"m","messaging.kafka.offset":99}')))
    assert row["attributes"]["messaging.kafka.offset"] == 99
    assert row["attributes"]["outer.messaging.kafka.offset"] == 10

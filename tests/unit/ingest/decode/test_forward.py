"""Fluent Forward: the four modes, times, and what is no entry. Transcripts are written from the specification."""

from __future__ import annotations

import base64
import gzip
import json
import math
from typing import Any

import msgpack
import pytest

from heimdall.ingest.decode.forward import decode_forward
from heimdall.ingest.decode.json_schema import SchemaMemory
from heimdall.ingest.sources.forward import MessageStream, chunk_of

NOW_NS = 1_795_343_400_000_000_000
SECONDS = 1_795_343_000
EVENT_TIME = msgpack.ExtType(0, SECONDS.to_bytes(4) + (123_456_789).to_bytes(4))


def decoded(*messages: bytes) -> list[dict[str, Any]]:
    found = decode_forward(messages, now_ns=NOW_NS, schemas=SchemaMemory())
    assert found.rejected_count == 0
    return [row | json.loads(row.get("attributes") or "{}") for row in found.table.to_pylist()]


ENTRIES = [[EVENT_TIME, {"log": "one", "n": 1}], [SECONDS, {"log": "two", "n": 2}]]
PACKED = b"".join(map(msgpack.packb, ENTRIES))


@pytest.mark.parametrize(
    "messages",
    [
        [msgpack.packb(["app", *entry]) for entry in ENTRIES],
        [msgpack.packb(["app", *entry, {"chunk": "Yw=="}]) for entry in ENTRIES],
        [msgpack.packb(["app", ENTRIES])],
        [msgpack.packb(["app", PACKED, {"size": 2}])],
        [msgpack.packb(["app", PACKED.decode("utf-8", "surrogateescape")], unicode_errors="surrogateescape")],
        [msgpack.packb(["app", gzip.compress(PACKED), {"compressed": "gzip"}])],
        [msgpack.packb(["app", b"".join(gzip.compress(msgpack.packb(e)) for e in ENTRIES), {"compressed": "gzip"}])],
    ],
    ids=["Message", "with chunk", "Forward", "PackedForward", "packed as str", "Compressed", "several members"],
)
def test_every_mode_gives_the_same_records(messages: list[bytes]) -> None:
    rows = decoded(*messages)
    assert [(row["message"], row["n"], row["fluent.tag"]) for row in rows] == [("one", 1, "app"), ("two", 2, "app")]
    assert [row["timestamp"].value for row in rows] == [SECONDS * 10**9 + 123_456_789, SECONDS * 10**9]


def test_bytes_of_fluent_bit_as_the_specification_writes_them() -> None:
    """`[tag, [[[EventTime, {}], record]], {"chunk": …, "size": 1}]`, entries with metadata."""
    entry = b"\x92\x92\xd7\x00" + SECONDS.to_bytes(4) + b"\x00\x00\x00\x07\x81\xa2up\xc3"
    message = b"\x93\xa7kube.ns\x91" + entry + b"\x81\xa3log\xa2hi\x82\xa5chunk\xa4abc=\xa4size\x01"
    (row,) = decoded(message)
    assert (row["message"], row["fluent.tag"], row["fluent.metadata"]) == ("hi", "kube.ns", {"up": True})
    assert row["timestamp"].value == SECONDS * 10**9 + 7
    assert chunk_of(message) == b"\x81\xa3ack\xa4abc="


def test_the_events_own_time_wins_and_a_records_time_stays_what_it_was() -> None:
    (row,) = decoded(msgpack.packb(["app", EVENT_TIME, {"message": "x", "time": "yesterday", "level": "error"}]))
    assert row["timestamp"].value == SECONDS * 10**9 + 123_456_789
    assert (row["time"], row["severity_number"]) == ("yesterday", 17)
    assert "heimdall.oddity" not in row


def test_values_json_has_no_word_for_are_kept_and_marked() -> None:
    record = {
        "message": "x", "nan": math.nan, 7: "key", "raw": b"\xc3\xbc", "big": 2**64 - 1,
        "ext": msgpack.ExtType(5, b"ab"), "when": EVENT_TIME,
    }  # fmt: skip
    (row,) = decoded(msgpack.packb(["app", SECONDS, record]))
    assert (row["nan"], row["7"], row["raw"], row["big"]) == ("NaN", "key", "ü", 2**64 - 1)
    assert row["ext"] == {"type": 5, "data": "YWI="}
    assert row["when"] == SECONDS * 10**9 + 123_456_789
    assert row["heimdall.oddity"] == ["number_out_of_range"]


def test_text_that_is_no_utf8_is_marked_and_spoils_no_neighbour() -> None:
    rows = decoded(
        msgpack.packb(["app", [[SECONDS, {"message": "good"}], [SECONDS, {"message": b"b\xffd"}], [SECONDS, {}]]])
    )
    assert [row["message"][:4] for row in rows[:2]] == ["good", "b�d"]
    assert rows[1]["heimdall.oddity"] == ["invalid_utf8"]
    assert base64.b64decode(rows[1]["heimdall.message_base64"]) == b"b\xffd"


@pytest.mark.parametrize(
    ("message", "good"),
    [
        (msgpack.packb(["app", PACKED + b"\xc1rest"]), 2),
        (msgpack.packb(["app", PACKED[:-3]]), 1),
        (msgpack.packb(["app", b"no gzip", {"compressed": "gzip"}]), 0),
        (msgpack.packb(["app", [[SECONDS, "no record"], ENTRIES[0]]]), 1),
        (msgpack.packb(["app", [7, None, ENTRIES[0]]]), 1),
        (msgpack.packb(["app"]), 0),
        (msgpack.packb([]), 0),
        (msgpack.packb(["app", 7]), 0),
    ],
)
def test_what_is_no_entry_is_kept_as_its_bytes(message: bytes, good: int) -> None:
    rows = decoded(message)
    assert [row["message"] for row in rows if "heimdall.oddity" not in row] == ["one", "two"][:good]
    odd = [row for row in rows if "heimdall.oddity" in row]
    assert odd
    for row in odd:
        assert row["heimdall.oddity"] == ["malformed"]
        assert base64.b64decode(row["heimdall.message_base64"])


@pytest.mark.parametrize("size", [1, 3, 1000])
def test_messages_are_found_however_they_are_cut_up(size: int) -> None:
    whole = [msgpack.packb(["app", PACKED, {"chunk": "a"}]), msgpack.packb(["app", SECONDS, {"m": "x" * 300}])]
    data = b"\xc0".join([*whole, *whole])
    stream = MessageStream(1000)
    found = [message for place in range(0, len(data), size) for message in stream.feed(data[place : place + size])]
    assert found == [*whole, *whole]
    assert not stream.broken
    assert stream.pending_bytes == 0


@pytest.mark.parametrize(
    "data", [b"GET / HTTP/1.1\r\n", b"\xc1", b"\xdb\xff\xff\xff\xff", b"\x92\xa1a" + b"\xda\xff\xff" * 500]
)
def test_rubbish_and_endless_messages_are_found_out(data: bytes) -> None:
    stream = MessageStream(1000)
    stream.feed(data)
    assert stream.broken


def test_only_a_chunk_option_is_acknowledged() -> None:
    assert chunk_of(msgpack.packb(["app", SECONDS, {"chunk": "no"}])) is None
    assert chunk_of(msgpack.packb(["chunk", SECONDS, {}, {"chunk": "yes"}])) == msgpack.packb({"ack": "yes"})

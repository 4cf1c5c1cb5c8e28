"""GELF: reserved and additional fields, compression, chunks, and what is none."""

from __future__ import annotations

import base64
import gzip
import json
import zlib
from typing import Any

import pytest

from heimdall.clock import ManualClock
from heimdall.ingest.decode.gelf import decode_gelf
from heimdall.ingest.decode.json_schema import SchemaMemory
from heimdall.ingest.sources.gelf import CHUNK_MAGIC, MAX_UNFINISHED_BYTES, ChunkAssembler

NOW_NS = 1_795_343_400_000_000_000
DOCUMENT = (
    b'{"version": "1.1", "host": "web01", "short_message": "card, \\"_declined\\": no", "full_message": "trace\\nline",'
    b' "timestamp": 1795343300.5, "level": 3, "_user_id": "u7", "_service": "cart", "_amount": 12.5,'
    b' "_note": "{\\"_a\\":1}"}'
)


def decoded(*documents: bytes) -> list[dict[str, Any]]:
    found = decode_gelf(documents, now_ns=NOW_NS, schemas=SchemaMemory())
    assert found.rejected_count == 0
    return [row | json.loads(row.get("attributes") or "{}") for row in found.table.to_pylist()]


@pytest.mark.parametrize("form", [bytes, gzip.compress, zlib.compress, lambda text: text.replace(b", ", b",\n ")])
def test_fields_find_their_columns(form: Any) -> None:
    (row,) = decoded(form(DOCUMENT))
    assert row["timestamp"].value == 1_795_343_300_500_000_000
    assert (row["instance"], row["service"], row["user_id"]) == ("web01", "cart", "u7")
    assert row["severity_number"] == 17
    assert row["message"].replace("\n", "") in (
        'card, "_declined": no',
        'card,"_declined": no',
        'card,  "_declined": no',
    )
    assert (row["amount"], row["note"], row["full_message"]) == (12.5, '{"_a":1}', "trace\nline")
    assert row["gelf.version"] == "1.1"


def test_an_additional_field_named_like_a_reserved_one_keeps_its_underscore() -> None:
    (row,) = decoded(b'{"host":"h","short_message":"m","level":6,"_level":"INFO","_host":"other","_x":1}')
    assert (row["severity_number"], row["_level"], row["_host"], row["x"]) == (9, "INFO", "other", 1)
    assert row["instance"] == "h"


@pytest.mark.parametrize(
    "broken",
    [
        b"{",
        b"\x1f\x8bno gzip",
        b"x\x9cno zlib",
        gzip.compress(b"{" + b" " * (2 << 20), mtime=0),
        b"no json",
        b"[1]",
        b"\xff",
    ],
)
def test_what_is_no_gelf_is_kept_as_its_bytes_and_spoils_no_neighbour(broken: bytes) -> None:
    rows = decoded(b'{"short_message":"first"}', broken, b'{"short_message":"last"}')
    assert [row["message"] for row in rows if "heimdall.oddity" not in row] == ["first", "last"]
    (odd,) = [row for row in rows if "heimdall.oddity" in row]
    assert odd["heimdall.oddity"] == ["malformed"]
    assert broken.startswith(base64.b64decode(odd["heimdall.message_base64"])[:100])


def test_a_text_that_is_no_utf8_is_marked() -> None:
    rows = decoded(b'{"short_message":"a\xffb","_u":"x"}', b'{"short_message":"fine","_u":"y"}')
    assert {row["message"]: row["u"] for row in rows} == {"a�b": "x", "fine": "y"}


def chunks(message: bytes, *, id_: bytes = b"12345678", size: int = 10) -> list[bytes]:
    parts = [message[place : place + size] for place in range(0, len(message), size)]
    return [CHUNK_MAGIC + id_ + bytes([number, len(parts)]) + part for number, part in enumerate(parts)]


def test_chunks_in_any_order_and_sent_twice_make_one_message() -> None:
    assembler = ChunkAssembler(ManualClock())
    sent = chunks(DOCUMENT)
    found = [assembler.add(chunk, "h") for chunk in [*sent[1:], *sent[1:], sent[0]]]
    assert [message for message in found if message] == [DOCUMENT]
    assert assembler.size_bytes == 0


def test_messages_of_several_senders_under_one_id_stay_apart() -> None:
    assembler = ChunkAssembler(ManualClock())
    one, other = chunks(b"a" * 20), chunks(b"b" * 20)
    found = [
        assembler.add(chunk, host)
        for pair in zip(one, other, strict=True)
        for chunk, host in zip(pair, "xy", strict=True)
    ]
    assert found == [None, None, b"a" * 20, b"b" * 20]


def test_what_is_unfinished_after_five_seconds_is_given_up_and_counted() -> None:
    clock = ManualClock()
    assembler = ChunkAssembler(clock)
    assembler.add(chunks(DOCUMENT)[0], "h")
    clock.advance(4)
    assert assembler.expire() == 0
    clock.advance(2)
    assert (assembler.expire(), assembler.size_bytes) == (1, 0)


def test_unfinished_messages_hold_no_more_than_their_share() -> None:
    assembler = ChunkAssembler(ManualClock())
    for number in range(600):
        assembler.add(chunks(b"x" * 120_000, id_=number.to_bytes(8), size=60_000)[0], "h")
        assert assembler.size_bytes <= MAX_UNFINISHED_BYTES
    assert assembler.expire() == 600 - MAX_UNFINISHED_BYTES // 60_000


@pytest.mark.parametrize("header", [b"", b"12345678", b"12345678\x00\x00", b"12345678\x05\x03", b"12345678\x00\xff"])
def test_a_chunk_that_makes_no_sense_is_counted(header: bytes) -> None:
    assembler = ChunkAssembler(ManualClock())
    assert assembler.add(CHUNK_MAGIC + header, "h") is None
    assert assembler.expire() == 1

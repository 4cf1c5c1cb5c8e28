"""Laws of the journal export format that hold for any bytes at all."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from heimdall.ingest.decode.journal_export import ExportFraming, decode_journal_export
from heimdall.ingest.decode.json_schema import SchemaMemory
from heimdall.model.batch import LOG_SCHEMA

NOW_NS = 1_795_343_400_000_000_000
NAMES = st.sampled_from([b"MESSAGE", b"PRIORITY", b"_HOSTNAME", b"SYSLOG_IDENTIFIER", b"A", b"B", b"__CURSOR"])
TEXTS = st.text(st.characters(exclude_characters="\n", codec="utf-8"), max_size=12).map(str.encode)


def binary(name: bytes, value: bytes) -> bytes:
    return name + b"\n" + len(value).to_bytes(8, "little") + value + b"\n"


FIELDS = st.one_of(
    st.builds(lambda name, value: name + b"=" + value + b"\n", NAMES, TEXTS),
    st.builds(binary, NAMES, st.binary(max_size=20)),
)
ENTRIES = st.lists(FIELDS, min_size=1, max_size=6).map(lambda fields: b"A=1\n" + b"".join(fields) + b"\n")
CUTS = st.lists(st.integers(1, 40), min_size=1, max_size=10)


def decoded(body: bytes) -> list[dict[str, object]]:
    table = decode_journal_export(body, now_ns=NOW_NS, schemas=SchemaMemory()).table
    for spec in table.schema:
        assert spec.type == LOG_SCHEMA.field(spec.name).type
    for row in table.to_pylist():
        assert row.get("attributes") is None or json.loads(row["attributes"])
    return [{name: value for name, value in row.items() if value is not None} for row in table.to_pylist()]


@given(st.lists(ENTRIES, max_size=8), CUTS)
def test_entries_are_found_whole_however_they_are_cut_up(entries: list[bytes], sizes: list[int]) -> None:
    data = b"".join(entries)
    framing, pieces, place, turn = ExportFraming(), list[bytes](), 0, 0
    while place < len(data):
        pieces.append(framing.feed(data[place : place + sizes[turn % len(sizes)]]))
        place, turn = place + sizes[turn % len(sizes)], turn + 1
    assert framing.pending_bytes == 0
    assert b"".join(pieces) == data
    assert sum(len(decoded(piece)) for piece in pieces) == len(entries)


@given(st.lists(ENTRIES, min_size=1, max_size=8))
def test_an_entry_is_the_same_record_alone_as_among_others(entries: list[bytes]) -> None:
    alone = [repr(sorted(row.items())) for one in entries for row in decoded(one)]
    assert sorted(repr(sorted(row.items())) for row in decoded(b"".join(entries))) == sorted(alone)


@given(st.lists(st.one_of(ENTRIES, st.binary(max_size=40)), max_size=8))
def test_no_bytes_break_it(parts: list[bytes]) -> None:
    decoded(b"".join(parts))
    framing = ExportFraming()
    assert b"".join([*map(framing.feed, parts), framing.end()]) == b"".join(parts)

"""VictoriaLogs' rows: what is read as columns is what is read row by row."""

from __future__ import annotations

import tracemalloc
from collections import Counter
from contextlib import suppress

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from heimdall.ingest.decode.json import decode_fields, decode_json_texts
from heimdall.ingest.decode.json_schema import SchemaMemory
from heimdall.ingest.decode.victorialogs_columns import columns_of_rows
from heimdall.ingest.decode.victorialogs_rows import read_rows

NOW_NS = 1_795_348_800_000_000_000
_TENANT = bytes(8)

texts = st.one_of(
    st.sampled_from(
        [b"", b"x", b"\0" * 9, b'"', b"\\n\n", "ü".encode(), b"y" * 200, b"\0" * 17 + b"\1a", b"7", b"error"]
    ),
    st.text(max_size=12).map(str.encode),
)
names = st.sampled_from([b"", b"_msg", b"level", b"service", b"a.b", b"n", b"trace_id", "ö".encode()])
fields = st.lists(st.tuples(names, texts), max_size=6)
labels = st.sampled_from([(), ((b"app", b"cart"),), ((b"app", b"pay"),), ((b"app", b"a"), (b"pod", b"b"))])


def varint(number: int) -> bytes:
    found = b""
    while number >= 0x80:
        found += bytes([number & 0x7F | 0x80])
        number >>= 7
    return found + bytes([number])


def packed(text: bytes) -> bytes:
    return varint(len(text)) + text


def pairs(members: list[tuple[bytes, bytes]] | tuple[tuple[bytes, bytes], ...]) -> bytes:
    return varint(len(members)) + b"".join(packed(text) for pair in members for text in pair)


rows = st.builds(
    lambda time, labelled, members: _TENANT + packed(pairs(labelled)) + time.to_bytes(8, "big") + pairs(members),
    st.integers(NOW_NS - 10**15, NOW_NS),
    labels,
    fields,
)


def records(tables: list[tuple[tuple[str, ...], list[dict[str, object]]]]) -> Counter[str]:
    return Counter(f"{names} {sorted(row.items())}" for names, found in tables for row in found)


@given(st.lists(rows, min_size=16, max_size=40))
def test_columns_are_what_the_rows_say(sent: list[bytes]) -> None:
    body = b"".join(sent)
    streams = columns_of_rows(body)
    assert streams is not None
    schemas = SchemaMemory()
    read = [
        (each.labels, decode_fields(each.fields, now_ns=NOW_NS, schemas=schemas).table.to_pylist()) for each in streams
    ]
    wanted = [
        (each.labels, decode_json_texts(each.texts, now_ns=NOW_NS, schemas=schemas).table.to_pylist())
        for each in read_rows(body)
    ]
    assert records(as_objects(read)) == records(as_objects(wanted))


def as_objects(
    tables: list[tuple[tuple[str, ...], list[dict[str, object]]]],
) -> list[tuple[tuple[str, ...], list[dict[str, object]]]]:
    """Columns that are null throughout are left out or not; members of attributes stand in any order."""
    found = []
    for names, table in tables:
        rows = [{name: value for name, value in row.items() if value is not None} for row in table]
        for row in rows:
            for name in ("attributes", "message"):
                text = row.get(name)
                if isinstance(text, str) and text.startswith("{"):
                    with suppress(orjson.JSONDecodeError):
                        row[name] = sorted(orjson.loads(text).items())
        found.append((names, rows))
    return found


@given(st.lists(rows, min_size=16, max_size=24), st.integers(0, 10_000), st.binary(max_size=9))
def test_a_body_that_is_cut_off_or_spoilt_is_never_read_as_another(sent: list[bytes], at: int, junk: bytes) -> None:
    body = b"".join(sent)
    at %= len(body)
    for spoilt in (body[:at], body[:at] + junk + body[at:]):
        streams = columns_of_rows(spoilt)
        if streams is not None:
            assert sum(each.fields.count for each in streams) == sum(len(each.texts) for each in read_rows(spoilt))


@pytest.mark.parametrize("byte", [b"\0", b"\1", b"\x20", b"\x7f", b"\xff"])
def test_what_looks_like_rows_everywhere_takes_no_more_memory_than_a_few_bodies(byte: bytes) -> None:
    """A row may begin at each of its bytes, and each would have up to 127 fields."""
    body = byte * (400 << 10)
    tracemalloc.start()
    assert columns_of_rows(body) is None
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 100 * len(body)  # places of what may be beginnings, of which there are no more than records in a body


def test_a_name_that_no_column_can_have_is_read_row_by_row() -> None:
    sent = _TENANT + packed(pairs(())) + NOW_NS.to_bytes(8, "big") + pairs([(b"", b"text"), (b"l\0vel", b"x")])
    assert columns_of_rows(sent * 20) is None
    assert len(read_rows(sent * 20)[0].texts) == 20

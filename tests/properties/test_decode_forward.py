"""Laws of Fluent Forward decoding that hold for any bytes at all."""

from __future__ import annotations

import json

import msgpack
from hypothesis import given
from hypothesis import strategies as st

from heimdall.ingest.decode.forward import decode_forward
from heimdall.ingest.decode.json_schema import SchemaMemory
from heimdall.ingest.sources.forward import MessageStream, chunk_of
from heimdall.model.batch import LOG_SCHEMA

NOW_NS = 1_795_343_400_000_000_000
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**63), 2**64 - 1), st.floats(), st.text(max_size=10),
    st.binary(max_size=10), st.builds(msgpack.ExtType, st.integers(0, 127), st.binary(max_size=9)),
)  # fmt: skip
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=6) | st.integers(-(2**63), 2**64 - 1), inner, max_size=3)
    ),
    max_leaves=8,
)
RECORDS = st.dictionaries(st.text(max_size=6), VALUES, max_size=4)
ENTRIES = st.lists(st.tuples(st.integers(1_700_000_000, 1_795_000_000), RECORDS), max_size=6)


def check(messages: list[bytes]) -> int:
    decoded = decode_forward(messages, now_ns=NOW_NS, schemas=SchemaMemory())
    for spec in decoded.table.schema:
        assert spec.type == LOG_SCHEMA.field(spec.name).type
    if "attributes" in decoded.table.column_names:
        for text in decoded.table["attributes"].to_pylist():
            assert text is None or json.loads(text)
    return decoded.num_rows + decoded.rejected_count


@given(st.text(max_size=5), ENTRIES, st.booleans())
def test_every_entry_is_a_record_whatever_it_holds(tag: str, entries: list[object], packed: bool) -> None:
    body = b"".join(map(msgpack.packb, entries)) if packed else entries
    assert check([msgpack.packb([tag, body]), msgpack.packb([tag, 1_700_000_000, {"message": "last"}])]) == (
        len(entries) + 1
    )


@given(st.lists(VALUES, max_size=4))
def test_any_array_is_kept_somehow(parts: list[object]) -> None:
    assert check([msgpack.packb(parts)]) >= (0 if len(parts) >= 2 and parts[1] in ([], b"", "") else 1)


@given(ENTRIES, st.integers(0, 400), st.binary(min_size=1, max_size=4))
def test_a_mutated_message_costs_at_most_its_own_records(entries: list[object], place: int, bytes_: bytes) -> None:
    message = msgpack.packb(["app", b"".join(map(msgpack.packb, entries)), {"chunk": "x"}])
    mutated = message[:place] + bytes_ + message[place + len(bytes_) :]
    good = msgpack.packb(["app", 1_700_000_000, {"message": "good"}])
    chunk_of(mutated)
    table = decode_forward([good, mutated, good], now_ns=NOW_NS, schemas=SchemaMemory()).table
    assert [table["message"][0].as_py(), table["message"][-1].as_py()] == ["good", "good"]


@given(st.lists(st.binary(max_size=200), max_size=10))
def test_any_stream_of_bytes_ends_in_messages_or_in_a_refusal(pieces: list[bytes]) -> None:
    stream = MessageStream(500)
    for piece in pieces:
        for message in stream.feed(piece):
            chunk_of(message)
            check([message])
        assert stream.broken or stream.pending_bytes <= 500

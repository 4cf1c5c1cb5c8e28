"""Laws of GELF that hold for any bytes at all."""

from __future__ import annotations

import gzip
import json
import zlib

from hypothesis import example, given
from hypothesis import strategies as st

from heimdall.clock import ManualClock
from heimdall.ingest.decode.gelf import decode_gelf, decode_gelf_together, is_gelf
from heimdall.ingest.decode.json_schema import SchemaMemory
from heimdall.ingest.sources.gelf import MAX_UNFINISHED_BYTES, ChunkAssembler
from heimdall.model.batch import LOG_SCHEMA
from properties.together import check_together

NOW_NS = 1_795_343_400_000_000_000
NAMES = st.sampled_from(
    ["host", "short_message", "level", "_level", "_x", "_x.y", "^_.*$", "timestamp", "_id", "line", "version"]
)
# An epoch's fraction is read to a microsecond as a number and to a nanosecond as text, which depends on the neighbours.
FLOATS = st.floats().map(lambda number: float(int(number)) if 1e6 < abs(number) < 1e19 else number)
VALUES = st.one_of(st.text(max_size=12), st.integers(), FLOATS, st.none(), st.lists(st.integers(), max_size=2))
DOCUMENTS = st.dictionaries(NAMES | st.text(max_size=5), VALUES, max_size=6).map(lambda each: json.dumps(each).encode())
FORMS = st.sampled_from([bytes, gzip.compress, zlib.compress])
ANY = st.one_of(
    st.builds(lambda document, form: form(document), DOCUMENTS, FORMS),
    st.binary(min_size=1, max_size=40),
    st.builds(lambda a, place, b: a[:place] + b + a[place + 1 :], DOCUMENTS, st.integers(0, 60), st.binary(max_size=3)),
)


@given(st.lists(ANY, max_size=8))
def test_every_message_is_kept_whatever_its_bytes(documents: list[bytes]) -> None:
    decoded = decode_gelf(documents, now_ns=NOW_NS, schemas=SchemaMemory())
    assert decoded.num_rows == len(documents)
    for spec in decoded.table.schema:
        assert spec.type == LOG_SCHEMA.field(spec.name).type
    if "attributes" in decoded.table.column_names:
        for text in decoded.table["attributes"].to_pylist():
            assert text is None or json.loads(text)


def said(row: dict[str, object]) -> str:
    """What a record says; in which order its attributes stand depends on what stood first in the body."""
    attributes = row.get("attributes")
    members = sorted(json.loads(str(attributes)).items()) if attributes else []
    others = sorted((name, value) for name, value in row.items() if value is not None and name != "attributes")
    return repr((members, others))


@given(st.lists(DOCUMENTS, max_size=4), ANY)
def test_a_broken_message_does_not_change_its_neighbours(documents: list[bytes], odd: bytes) -> None:
    alone = decode_gelf(documents, now_ns=NOW_NS, schemas=SchemaMemory()).table.to_pylist()
    beside = decode_gelf([*documents, odd], now_ns=NOW_NS, schemas=SchemaMemory()).table.to_pylist()
    told = [said(row) for row in beside]
    for row in alone:
        assert said(row) in told


@given(st.lists(ANY | st.just(b'{"_log":"one","_stream":"stdout"}'), max_size=6))
@example([b'{"timestamp": ""}', b'{"timestamp": 1e+16}'])
@example([b'{"host": "", "level": null, "_level": ""}', b'{"host": 0}'])
@example([b'{"_level": ""}', b'{"level": ""}'])
@example([b'{"level": ""}', b'{"level": 0.0}', b'{"level": 3.5}'])
@example([b'{"short_message": "", "a": -21259392603758342144}', b'{"\0a": "", "b": [18446761116139782144]}'])
def test_messages_that_go_together_are_read_like_each_alone(documents: list[bytes]) -> None:
    check_together(
        documents,
        lambda given: decode_gelf_together(given, now_ns=NOW_NS, schemas=SchemaMemory()),
        lambda document: decode_gelf([document], now_ns=NOW_NS, schemas=SchemaMemory()),
        every=False,
    )
    parts = decode_gelf_together(documents, now_ns=NOW_NS, schemas=SchemaMemory()).parts
    assert not any(part for part, document in zip(parts, documents, strict=True) if not is_gelf(document))


@given(st.lists(st.binary(max_size=80).map(lambda rest: b"\x1e\x0f" + rest), max_size=40))
def test_any_chunks_are_bounded(datagrams: list[bytes]) -> None:
    assembler = ChunkAssembler(ManualClock())
    for datagram in datagrams:
        assembler.add(datagram, "h")
        assert 0 <= assembler.size_bytes <= MAX_UNFINISHED_BYTES

"""Laws of taking a syslog connection apart, however the network cuts it up."""

from __future__ import annotations

import json

from hypothesis import example, given
from hypothesis import strategies as st

from heimdall.ingest.sources.framing import Frames, SyslogFraming
from heimdall.ingest.sources.syslog import Received, decode_received
from heimdall.model.batch import LOG_SCHEMA

MAX_BYTES = 200
NOW_NS = 1_795_343_400_000_000_000

LINE = st.binary(max_size=60).map(lambda text: b"<14>" + text.translate(None, b"\n\x00"))
MESSAGE = st.binary(max_size=60).map(lambda text: b"<14>" + text)
CUTS = st.lists(st.integers(1, 40), min_size=1, max_size=30)


def cut_up(data: bytes, sizes: list[int]) -> list[bytes]:
    pieces, place, turn = [], 0, 0
    while place < len(data):
        size = sizes[turn % len(sizes)]
        pieces.append(data[place : place + size])
        place, turn = place + size, turn + 1
    return pieces


def records_of(frames: list[Frames]) -> list[bytes]:
    found: list[bytes] = []
    for each in frames:
        found += each.records if isinstance(each.records, list) else each.records.removesuffix(b"\n").split(b"\n")
    return found


def counts_agree(frames: list[Frames]) -> bool:
    return all(each.count == len(records_of([each])) for each in frames)


def taken_apart(data: bytes, sizes: list[int]) -> list[bytes]:
    framing = SyslogFraming(MAX_BYTES)
    frames: list[Frames] = []
    for piece in cut_up(data, sizes):
        frames += framing.feed(piece)
        assert framing.pending_bytes <= 2 * MAX_BYTES + 40
    frames += framing.end()
    assert counts_agree(frames)
    return records_of(frames)


@given(st.lists(LINE, min_size=1, max_size=20), CUTS, st.sampled_from([b"\n", b"\x00"]))
def test_lines_come_out_as_they_went_in(lines: list[bytes], sizes: list[int], end: bytes) -> None:
    assert taken_apart(b"".join(line + end for line in lines), sizes) == lines


@given(st.lists(MESSAGE, min_size=1, max_size=20), CUTS, st.sampled_from([b"", b"\n"]))
def test_counted_records_come_out_as_they_went_in_newlines_and_all(
    messages: list[bytes], sizes: list[int], after: bytes
) -> None:
    data = b"".join(b"%d %s%s" % (len(message), message, after) for message in messages)
    assert taken_apart(data, sizes) == messages


@given(st.lists(LINE, max_size=5), st.integers(MAX_BYTES + 1, 5 * MAX_BYTES), st.lists(LINE, max_size=5), CUTS)
def test_a_record_that_is_too_long_is_cut_and_its_neighbours_are_not(
    before: list[bytes], size: int, after: list[bytes], sizes: list[int]
) -> None:
    lines = [*before, b"<14>" + b"x" * size, *after]
    for whole in (b"".join(line + b"\n" for line in lines), b"".join(b"%d %s" % (len(m), m) for m in lines)):
        framing = SyslogFraming(MAX_BYTES)
        frames = [frame for piece in cut_up(whole, sizes) for frame in framing.feed(piece)] + framing.end()
        found = records_of(frames)
        assert [record for record in found if len(record) <= 64] == before + after
        long = next(record for record in found if len(record) > 64)
        assert long == lines[len(before)][: len(long)]
        marks = [mark for frame in frames for mark in frame.cut]
        # a line whose end is read in one go with its beginning may come whole
        assert len(long) == size + 4 or [mark.original_bytes for mark in marks] == [size + 4]


@given(st.binary(max_size=600), CUTS)
def test_no_bytes_break_it_and_nothing_is_made_up(data: bytes, sizes: list[int]) -> None:
    total = sum(map(len, taken_apart(data, sizes)))
    assert total <= len(data)


@given(
    st.binary(max_size=80).map(lambda text: b"12 <13>good one" + text),
    st.binary(max_size=80).filter(lambda text: b"\n" not in text),
    CUTS,
)
def test_what_is_no_count_costs_its_own_line_only(start: bytes, broken: bytes, sizes: list[int]) -> None:
    data = b"12 <13>good one" + b"x" + broken + b"\n" + b"13 <13>good last"
    found = taken_apart(data, sizes)
    assert found[0] == b"<13>good one"
    assert found[-1] == b"<13>good last"


HEADERS = st.sampled_from(
    [
        b"<34>1 2026-11-22T10:14:15Z h app - - - ",
        b"<34>1 2026-11-22T10:14:15Z h app 12 ID [a@1 b=\"c\\\"\" b=\"d\"] ",
        b"<34>Nov 22 10:14:15 h app[12]: ",
        b"CEF:0|v|p|1|id|name|5|version=2 src=1.2.3.4 src=2 ",
        b"LEEF:2.0|v|p|1|id|^|a=1^a=2^",
        b"LEEF:1.0|v|p|1|id|a=1\ta.b=2\t",
        b"<999>", b"",
    ]
)  # fmt: skip


@example([b'<34>1 - h app - - [a@1 b="c"]', b"<34>Nov 22 10:14:15 h app[12]:  \x80"])
@example([b"<34>1 - h app - - \xc3\xa9", b"<34>1 - h app - - [\xc3", b"<34>1 - h app - -\xc3\xa9 x"])
@given(st.lists(st.builds(lambda head, rest: head + rest, HEADERS, st.binary(max_size=50)), min_size=1, max_size=10))
def test_every_record_is_kept_whatever_its_bytes(records: list[bytes]) -> None:
    table = decode_received([Received(Frames(records), "192.0.2.1")], now_ns=NOW_NS).table
    assert table.num_rows == sum(1 for record in records if record.strip(b"\x00 \t\r\n\x0b\x0c"))
    for spec in table.schema:
        assert spec.type == LOG_SCHEMA.field(spec.name).type
    attributes = (
        [text for text in table["attributes"].to_pylist() if text] if "attributes" in table.column_names else []
    )
    for text in attributes:
        pairs = json.loads(text, object_pairs_hook=list)
        assert len({name for name, _ in pairs}) == len(pairs), "a name twice"

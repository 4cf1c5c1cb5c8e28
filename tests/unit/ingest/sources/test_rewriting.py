from __future__ import annotations

import gzip
import json
import os
import zlib
from collections.abc import Callable

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from heimdall.clock import SystemClock
from heimdall.ingest.sources.rewriting import JsonArray, Rewriting, Utf16, is_undecided, rewriting_of
from heimdall.ingest.sources.rewriting_csv import CsvTable
from heimdall.ingest.sources.sink import Chunk
from heimdall.ingest.sources.stdin import StdinSource

NESTED = [{"msg": 'a "quoted\\" [text],\n {', "tags": ["x", {"y": []}]}, {"path": "C:\\\\"}, {}]


def fed(rewriting: Rewriting, data: bytes, step: int) -> bytes:
    pieces = [data[place : place + step] for place in range(0, len(data), step)]
    return b"".join(rewriting.feed(piece, final=False) for piece in pieces) + rewriting.feed(b"", final=True)


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("step", [1, 3, 1000])
def test_each_element_of_an_array_is_a_line(indent: int | None, step: int) -> None:
    made = fed(JsonArray(), json.dumps(NESTED, indent=indent).encode() + b"\n", step)
    assert [json.loads(line) for line in made.split(b"\n") if line] == NESTED


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(
    st.lists(st.dictionaries(st.text(max_size=8), values, max_size=4), min_size=1, max_size=6),
    st.integers(1, 40),
    st.sampled_from([None, 1]),
)
def test_any_array_of_objects_keeps_its_elements(elements: list[object], step: int, indent: int | None) -> None:
    made = fed(JsonArray(), json.dumps(elements, indent=indent, ensure_ascii=False).encode("utf-8", "replace"), step)
    expected = json.loads(json.dumps(elements, ensure_ascii=False).encode("utf-8", "replace"))
    assert [json.loads(line) for line in made.split(b"\n") if line] == expected


def test_what_follows_an_array_stays_as_it_is() -> None:
    assert fed(JsonArray(), b'[{"a": 1}]\n[INFO] next {x}\n', 4) == b'{"a":1}\n\n[INFO] next {x}\n'


@pytest.mark.parametrize("coding", ["utf-16-le", "utf-16-be"])
def test_utf_16_becomes_utf_8(coding: str) -> None:
    assert fed(Utf16(), "\ufeffcafé 🎉\r\n".encode(coding), 3).decode() == "café 🎉\r\n"


@pytest.mark.parametrize(
    ("head", "rewritten"),
    [
        (b'[{"a"', JsonArray),
        (b'\xef\xbb\xbf [\n {\n "a"', JsonArray),
        (b"\xff\xfea\0", Utf16),
        (b"[INFO] x\n", None),
        (b"[[1]]\n", None),
    ],
)
def test_the_beginning_tells(head: bytes, rewritten: type | None) -> None:
    found = rewriting_of(head)
    assert found is None if rewritten is None else isinstance(found, rewritten)
    assert not is_undecided(head)


TABLE = (
    b"\xef\xbb\xbfTime;level;message;user id;zip\r\n"
    b'2026-11-22T10:00:00Z;info;"semi; ""quoted""\nsecond line";7;007\r\n'
    b"\r\n"
    b"2026-11-22T10:00:01Z;warn;plain;1.50;\n"
    b"one;two;three;four;five;six;seven\n"
    b"2026-11-22T10:00:02Z;error;last;x;12345678901234567890"
)


@pytest.mark.parametrize("step", [1, 7, 1000])
def test_rows_of_csv_are_objects_whatever_pieces_they_come_in(step: int) -> None:
    rewriting = rewriting_of(TABLE)
    assert isinstance(rewriting, CsvTable)
    lines = fed(rewriting, TABLE, step).decode().splitlines()
    assert [line if line.startswith("one") else json.loads(line) for line in lines if line.strip()] == [
        {"Time": "2026-11-22T10:00:00Z", "level": "info", "message": 'semi; "quoted"\nsecond line', "user id": 7,
         "zip": "007"},
        {"Time": "2026-11-22T10:00:01Z", "level": "warn", "message": "plain", "user id": 1.5},
        "one;two;three;four;five;six;seven",
        {"Time": "2026-11-22T10:00:02Z", "level": "error", "message": "last", "user id": "x",
         "zip": "12345678901234567890"},
    ]  # fmt: skip


@pytest.mark.parametrize(
    "head",
    [
        b"time,level,message",
        b"level,message\n",
        b"12:00, done, time\n",
        b"time, time\nx",
        b"the time, they say\n",
        b"time,level,message,\n",
        b"10 %, 3 MB/s\r20 %, 4 MB/s\n",
        b"time,level\r,message\n",
    ],
)
def test_what_names_no_columns_of_logs_is_no_csv(head: bytes) -> None:
    assert rewriting_of(head) is None


def test_rows_that_are_all_broken_are_kept_as_they_are() -> None:
    broken = b"".join(b"%d,a,b,c,d,e\n" % n for n in range(5000)) + b'9,"never closed\n' + b"x,y,z\n" * 3000
    made = fed(CsvTable(["time", "level", "message"], ","), b"time,level,message\n" + broken, 1 << 20)
    assert [line for line in made.split(b"\n") if not line.startswith(b"{")][:5000] == broken.split(b"\n")[:5000]
    assert b"never closed" in made
    assert b"x,y,z" in made or made.count(b'"message":"z"') > 2900


@pytest.mark.parametrize("pack", [gzip.compress, zlib.compress, zstandard.compress], ids=["gzip", "zlib", "zstd"])
def test_rows_are_not_unfolded(pack: Callable[[bytes], bytes]) -> None:
    head, rows = b"time,level,message\n", pack(b"2026-11-22T10:00:00Z,info,a\n" * 1000)
    rewriting = rewriting_of(head)
    assert rewriting is not None
    kept = rewriting.feed(head + rows, final=True)
    assert kept.removesuffix(b"\n") == rows.removesuffix(b"\n")


def test_an_array_in_a_pipe_is_read_by_element_however_it_comes() -> None:
    class Receiver:
        data = b""

        def send(self, chunk: Chunk) -> None:
            self.data += chunk.data

    reading, writing = os.pipe()
    receiver = Receiver()
    os.write(writing, b"[\n")
    os.write(writing, b'  {"a": 1},\n  {"a": 2}\n]\n')
    os.close(writing)
    StdinSource(reading, receiver, SystemClock()).run()
    os.close(reading)
    assert receiver.data.split() == [b'{"a":1}', b'{"a":2}']

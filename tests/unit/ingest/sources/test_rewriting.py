from __future__ import annotations

import json
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heimdall.clock import SystemClock
from heimdall.ingest.sources.rewriting import JsonArray, Rewriting, Utf16, is_undecided, rewriting_of
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


@given(st.lists(st.dictionaries(st.text(), values), min_size=1), st.integers(1, 40), st.sampled_from([None, 1]))
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
        (b"[INFO] x", None),
        (b"[[1]]", None),
    ],
)
def test_the_beginning_tells(head: bytes, rewritten: type | None) -> None:
    found = rewriting_of(head)
    assert found is None if rewritten is None else isinstance(found, rewritten)
    assert not is_undecided(head)


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

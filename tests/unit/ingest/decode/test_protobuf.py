"""Protobuf's wire format as no library writes it."""

from __future__ import annotations

import numpy as np
import pytest

from heimdall.ingest.decode.protobuf import Wire
from heimdall.ingest.decode.protobuf_fields import LENGTH, VARINT, WireFields


def read(message: bytes, times: int) -> WireFields:
    ends = np.arange(1, times + 1, dtype=np.int64) * len(message)
    return Wire(message * times).fields(ends - len(message), ends, most=100)


@pytest.mark.parametrize("times", [1, 100], ids=["one", "many"])
def test_a_tag_may_be_written_longer_than_it_need_be(times: int) -> None:
    found = read(b"\x8a\x00\x02hi\x90\x80\x00\x07", times)
    assert not found.broken.any()
    assert found.number.tolist() == [1] * times + [2] * times if times > 1 else [1, 2]
    assert len(found.select(1, LENGTH)) == times
    assert found.scalar(2, VARINT).tolist() == [7] * times


@pytest.mark.parametrize("times", [1, 100], ids=["one", "many"])
@pytest.mark.parametrize(
    "message", [b"\x80" * 12, b"\x0a\xff", b"\xff" * 4 + b"\x10", b"\x0a\x01x" + b"\x89" * 11], ids=range(4)
)
def test_a_tag_without_an_end_breaks_its_message(message: bytes, times: int) -> None:
    assert read(message, times).broken.all()


@pytest.mark.parametrize("number", [1, 15, 16, 20, 31, 32, 2**29 - 1])
@pytest.mark.parametrize("times", [1, 100], ids=["one", "many"])
def test_a_field_may_have_any_number(number: int, times: int) -> None:
    tag, left = b"", number << 3 | LENGTH
    while left >= 0x80:
        tag, left = tag + bytes([left & 0x7F | 0x80]), left >> 7
    found = read((tag + bytes([left]) + b"\x02hi") * 2, times)
    assert not found.broken.any()
    assert found.number.tolist() == [number] * 2 * times
    assert (found.end - found.start).tolist() == [2] * 2 * times

"""Protobuf's wire format, many messages at a time: the fields of all of them as columns, without an object a field.

Messages of one kind are read side by side: step k takes the k-th field of every message that has one, so a batch costs
as many steps as its longest message has fields. What few messages are left with (a request holds thousands of records
in one repeated field) is read one field after the other.
Source: protobuf documentation, "Encoding".
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import polars as pl
from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import DecodeError
from google.protobuf.message_factory import GetMessageClass

from heimdall.ingest.decode.protobuf_fields import (
    FIXED32,
    FIXED64,
    LENGTH,
    VARINT,
    Mask,
    Part,
    Places,
    WireFields,
)

_FEW = 24
"""Messages below which one field after the other is cheaper than a step over all of them (about 15 µs)."""

_PADDING = 32
"""Zero bytes after the data, so that a field cut off at its end can be read before that is seen."""

_SHORT = 128
"""Bytes of a text that is compared with others where they lie."""

_BEYOND = np.int64(1) << np.int64(40)
"""A length no body has."""

_WORTH_GUESSING = 4096
"""Bytes of a message below which its fields are read as quickly as they are guessed."""

_MOST_GUESSED = 2_000_000
"""Fields, for each of which there is an object for a moment: 100 MB. A body of the usual records has fewer."""

_LOOK_AFTER = 8
"""Steps after which it is known how long a field is."""

_CONTAINER = 100_000
"""Fields a message may have that is no record but holds records."""


class Wire:
    """The bytes of one body."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self._bytes = np.frombuffer(data + bytes(_PADDING), np.uint8)
        self._eights = np.lib.stride_tricks.sliding_window_view(self._bytes, 8)
        self._whole = pl.Series([data], dtype=pl.Binary)

    def fields(self, starts: Places, ends: Places, *, most: int) -> WireFields:
        """Fields of the messages at [start, end) of the data; those with more than `most` fields count as broken."""
        count = len(starts)
        broken = np.zeros(count, np.bool_)
        parts: list[Part] = []
        rows = np.flatnonzero(starts < ends)
        at, end = starts[rows], ends[rows]
        steps, looked = 0, False
        while len(rows) >= _FEW and steps < most:
            if steps == _LOOK_AFTER and not looked and most >= _CONTAINER and _is_long(rows, starts, at, end):
                looked = True
                at, taken = self._guessed_of_each(rows, at, end, most - steps, parts)
                steps += taken
                left = at < end
                rows, at, end = rows[left], at[left], end[left]
                continue
            number, kind, start, stop, value = self._step(at)
            good = (stop <= end) & (number > 0)
            if not good.all():
                broken[rows[~good]] = True
                rows, end = rows[good], end[good]
                number, kind = _at(number, good), _at(kind, good)
                start, stop, value = start[good], stop[good], value[good]
            parts.append(Part(rows, number, kind, start, stop, value, len(rows) == count))
            left = stop < end
            at = stop
            if not left.all():
                rows, at, end = rows[left], at[left], end[left]
            steps += 1
        if len(rows) >= _FEW:
            broken[rows] = True
        else:
            for row, place, stop_at in zip(rows.tolist(), at.tolist(), end.tolist(), strict=True):
                broken[row] |= not self._one_by_one(row, place, stop_at, most - steps, parts)
        return WireFields(count, parts, broken)

    def named(self, starts: Places, ends: Places) -> tuple[str, Places] | None:
        """The name (field 1) that all of these messages begin with, and where the content of the one other field they
        have (field 2) starts; None where they are otherwise."""
        first = int(starts[0])
        width = 3 + int(self._bytes[first + 1])
        prefix = self.data[first : first + width]
        if (
            prefix[:1] != b"\x0a"
            or width > 130
            or b"\0" in prefix[2:]
            or prefix[-1:] != b"\x12"
            or not bool((ends - starts > width).all())
        ):
            return None
        sent = np.lib.stride_tricks.sliding_window_view(self._bytes, width)[starts]
        if not bool((sent == np.frombuffer(prefix, np.uint8)).all()):
            return None
        content = self.content(starts + width, ends)
        try:
            return None if content is None else (prefix[2:-1].decode(), content)
        except UnicodeDecodeError:
            return None

    def content(self, at: Places, ends: Places) -> Places | None:
        """Where contents start whose lengths are at the places; None unless each goes up to its end."""
        length, start = self.varints(at)
        exact = (start <= ends) & (length == (ends - start).view(np.uint64))
        return start if bool(exact.all()) else None

    def are(self, places: Places, byte: int) -> bool:
        """Whether each place has that byte."""
        return bool((self._bytes[places] == byte).all())

    def fixed(self, starts: Places, size: int) -> npt.NDArray[np.uint8]:
        """`size` bytes from each place, at most 32; zeros behind the end of the data."""
        return np.lib.stride_tricks.sliding_window_view(self._bytes, size)[starts]

    def binary(self, starts: Places, ends: Places) -> pl.Series:
        """The bytes at [start, end); many of them share memory, for which the data is copied once."""
        if len(starts) < _FEW:
            few = [self.data[start:end] for start, end in zip(starts.tolist(), ends.tolist(), strict=True)]
            return pl.Series(few, dtype=pl.Binary)
        offset = pl.lit(pl.Series(starts, dtype=pl.Int64))
        length = pl.lit(pl.Series(ends - starts, dtype=pl.Int64))
        return pl.select(pl.lit(self._whole).bin.slice(offset, length)).to_series()

    def text(self, starts: Places, ends: Places) -> tuple[pl.Series, Mask | None]:
        """The same as text; and which of it is no UTF-8 (shown as U+FFFD), None when all of it is."""
        raw = self.binary(starts, ends)
        try:
            return raw.cast(pl.String), None
        except pl.exceptions.PolarsError:
            mended = [value.decode("utf-8", "replace") for value in raw.to_list()]  # some are no UTF-8: one by one
        text = pl.Series(mended, dtype=pl.String)
        return text, cast(Mask, (text.cast(pl.Binary) != raw).to_numpy())

    def texts_at(self, starts: Places, ends: Places, most: int) -> list[tuple[str, Mask | None]] | None:
        """The different texts that lie there, and where each does (None: everywhere): names of columns.

        None: one is no UTF-8, or cannot name a column (it holds NUL), or there are more than `most`.
        """
        if not len(starts):
            return []
        first = self.data[int(starts[0]) : int(ends[0])]
        if 0 < len(first) <= _SHORT and b"\0" not in first and bool((ends - starts == len(first)).all()):
            sent = np.lib.stride_tricks.sliding_window_view(self._bytes, len(first))[starts]
            if bool((sent == np.frombuffer(first, np.uint8)).all()):
                try:
                    return [(first.decode(), None)]
                except UnicodeDecodeError:
                    return None
        text, odd = self.text(starts, ends)
        distinct = [] if odd is not None else text.unique(maintain_order=True).to_list()
        if any("\0" in each for each in distinct):
            return None
        if len(distinct) == 1:
            return [(distinct[0], None)]
        return [(each, (text == each).to_numpy()) for each in distinct] if 0 < len(distinct) <= most else None

    def _step(self, at: Places) -> tuple[Places | int, Places | int, Places, Places, npt.NDArray[np.uint64]]:
        """The field at each place: number, kind, where its content starts, where it ends, its value."""
        first = int(self._bytes[at[0]])
        if first < 0x80 and self.are(at, first):
            return first >> 3, first & 7, *self._contents(first & 7, at + 1)
        tag, start = self.varints(at)
        start = np.minimum(start, len(self.data))  # where a tag is broken; its field then ends beyond its message
        number, kind = (tag >> np.uint64(3)).astype(np.int64), (tag & np.uint64(7)).astype(np.int64)
        if bool((kind == kind[0]).all()):
            return number, kind, *self._contents(int(kind[0]), start)
        begin, stop, value = start.copy(), start.copy(), np.zeros(len(at), np.uint64)
        for each in np.flatnonzero(np.bincount(kind)):
            rows = np.flatnonzero(kind == each)
            begin[rows], stop[rows], value[rows] = self._contents(int(each), start[rows])
        return number, kind, begin, stop, value

    def _contents(self, kind: int, at: Places) -> tuple[Places, Places, npt.NDArray[np.uint64]]:
        if kind == LENGTH:
            length, start = self.varints(at)
            return start, start + np.minimum(length, np.uint64(_BEYOND)).astype(np.int64), length
        if kind == VARINT:
            value, stop = self.varints(at)
            return at, stop, value
        if kind in (FIXED64, FIXED32):
            value = np.ascontiguousarray(self._eights[at]).view("<u8").reshape(-1)
            return (at, at + 8, value) if kind == FIXED64 else (at, at + 4, value & np.uint64(0xFFFFFFFF))
        return at, at + _BEYOND, np.zeros(len(at), np.uint64)

    def varints(self, at: Places) -> tuple[npt.NDArray[np.uint64], Places]:
        """Numbers at the places, and where each ends; beyond all data where one has more than ten bytes."""
        first = self._bytes[at]
        value, stop = (first & np.uint8(0x7F)).astype(np.uint64), at + 1
        more = np.flatnonzero(first >= 0x80)
        shift = 7
        while len(more):
            if shift > 63:
                stop[more] = _BEYOND
                break
            byte = self._bytes[stop[more]]
            value[more] |= (byte & np.uint8(0x7F)).astype(np.uint64) << np.uint64(shift)
            stop[more] += 1
            more = more[byte >= 0x80]
            shift += 7
        return value, stop

    def _one_by_one(self, row: int, at: int, end: int, most: int, parts: list[Part]) -> bool:
        """Add the fields in [at, end) of one message to `parts`; False when it is broken."""
        data = self.data
        found: list[tuple[int, int, int, int, int]] = []
        guessed: set[int] = set()
        try:
            while at < end:
                tag, start = varint(data, at)
                kind, value = tag & 7, 0
                if kind == LENGTH and data[at] == tag < 0x80:  # of one byte; it may be written longer than it need be
                    if found:
                        parts.append(_columns(row, found))
                        found = []
                    guess = tag not in guessed and end - at >= _WORTH_GUESSING
                    guessed.add(tag)
                    at, count = (self._guessed(row, tag, at, end, most, parts) if guess else None) or self._run(
                        row, tag, at, end, most, parts
                    )
                    most -= count
                    if at < 0:
                        return False
                    continue
                at = start
                if kind == LENGTH:
                    value, start = varint(data, at)
                    at = start + value
                elif kind == VARINT:
                    value, at = varint(data, at)
                elif kind in (FIXED64, FIXED32):
                    at += 8 if kind == FIXED64 else 4
                    value = int.from_bytes(data[start:at], "little")
                else:
                    at = end + 1
                most -= 1
                if at > end or tag < 8 or most < 0:
                    break
                found.append((tag >> 3, kind, start, at, value))
            else:
                return True
        except IndexError:
            pass
        finally:
            if found:
                parts.append(_columns(row, found))
        return False

    def _guessed_of_each(
        self, rows: Places, at: Places, ends: Places, most: int, parts: list[Part]
    ) -> tuple[Places, int]:
        """Where the messages go on after their runs of one field, and how many the longest run has."""
        stops, longest = at.copy(), 0
        for place, (row, start, end) in enumerate(zip(rows.tolist(), at.tolist(), ends.tolist(), strict=True)):
            tag = self.data[start]
            if end - start >= _WORTH_GUESSING and tag & 7 == LENGTH and tag < 0x80:
                found = self._guessed(row, tag, start, end, most, parts)
                if found is not None:
                    stops[place], longest = found[0], max(longest, found[1])
        return stops, longest

    def _guessed(self, row: int, tag: int, at: int, end: int, most: int, parts: list[Part]) -> tuple[int, int] | None:
        """What `_run` answers, of the first of its fields; None where they are to be read one by one.

        A protobuf library says how long all fields of this number are. Whether they follow each other from here on is
        then seen for all at once: each is where the one before it ends.
        """
        if tag < 8 or np.count_nonzero(self._bytes[at:end] == tag) > _MOST_GUESSED:
            return None
        try:
            found = _repeated(tag >> 3).FromString(self.data[at:end]).item
        except DecodeError:
            return None
        length = np.fromiter(map(len, found), np.int64, len(found))
        size = 2 + sum((length >> bits > 0).astype(np.int64) for bits in (7, 14, 21, 28, 35))
        stop = at + np.cumsum(length + size)
        place = np.concatenate(([at], stop[:-1]))
        told, start = self.varints(np.minimum(place + 1, end))
        good = (stop <= end) & (self._bytes[np.minimum(place, end)] == tag) & (told == length.view(np.uint64))
        good &= start + length == stop
        count = len(found) if good.all() else int(np.argmin(good))
        if not 0 < count <= most:
            return None
        start, stop = start[:count], stop[:count]
        owner, value = np.full(count, row, np.int64), length[:count].view(np.uint64)
        parts.append(Part(owner, tag >> 3, LENGTH, start, stop, value, False))
        return int(stop[-1]), count

    def _run(self, row: int, tag: int, at: int, end: int, most: int, parts: list[Part]) -> tuple[int, int]:
        """Fields of one number that follow each other: where they end (-1 = broken), and how many they are."""
        data = self.data
        starts: list[int] = []
        ends: list[int] = []
        add_start, add_end = starts.append, ends.append
        for _ in range(most if tag >= 8 else 0):
            if at >= end or data[at] != tag:
                break
            length, start = data[at + 1], at + 2
            if length >= 0x80:  # most records have a length of two bytes: a call for each is half of what they cost
                more = data[start]
                if more < 0x80:
                    length, start = length & 0x7F | more << 7, at + 3
                else:
                    length, start = varint(data, at + 1)
            at = start + length
            if at > end:
                at = -1
                break
            add_start(start)
            add_end(at)
        else:
            if at < end and data[at] == tag:
                at = -1
        start_at, end_at = np.array(starts, np.int64), np.array(ends, np.int64)
        owner = np.full(len(starts), row, np.int64)
        parts.append(Part(owner, tag >> 3, LENGTH, start_at, end_at, (end_at - start_at).view(np.uint64), False))
        return at, len(starts)


def varint(data: bytes, at: int) -> tuple[int, int]:
    """(an unsigned number of 64 bits, the place behind it). Raises IndexError at the end of the data, or after ten
    bytes."""
    value = data[at]
    if value < 0x80:
        return value, at + 1
    byte = data[at + 1]
    value = value & 0x7F | (byte & 0x7F) << 7
    if byte < 0x80:
        return value, at + 2
    at, shift = at + 2, 14
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & 0xFFFFFFFFFFFFFFFF, at
        shift += 7
        if shift > 63:
            raise IndexError


def _is_long(rows: Places, starts: Places, at: Places, ends: Places) -> bool:
    """Whether messages have more fields left, by what the first ones took, than there are messages.

    A step over all messages costs as much as looking at one message.
    """
    used = float((at - starts[rows]).sum()) / _LOOK_AFTER
    return float((ends - at).sum()) > used * len(rows)


def _at(column: Places | int, rows: Mask) -> Places | int:
    return column if isinstance(column, int) else column[rows]


@lru_cache(maxsize=16)
def _repeated(number: int) -> type[Any]:
    """A message with one repeated field of bytes."""
    file = FileDescriptorProto(name=f"run{number}.proto", package="heimdall.wire", syntax="proto3")
    file.message_type.add(name="Run").field.add(
        name="item", number=number, label=FieldDescriptorProto.LABEL_REPEATED, type=FieldDescriptorProto.TYPE_BYTES
    )
    pool = DescriptorPool()
    pool.Add(file)
    made: type[Any] = GetMessageClass(pool.FindMessageTypeByName("heimdall.wire.Run"))
    return made


def _columns(row: int, found: list[tuple[int, int, int, int, int]]) -> Part:
    number, kind, start, end, value = zip(*found, strict=True)
    return Part(
        np.full(len(found), row, np.int64),
        np.array(number, np.int64),
        np.array(kind, np.int64),
        np.array(start, np.int64),
        np.array(end, np.int64),
        np.array(value, np.uint64),
        False,
    )

"""Protobuf's wire format, many messages at a time: the fields of all of them as columns, without an object a field.

Messages of one kind are read side by side: step k takes the k-th field of every message that has one, so a batch costs
as many steps as its longest message has fields. What few messages are left with (a request holds thousands of records
in one repeated field) is read one field after the other.
Source: protobuf documentation, "Encoding".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import numpy as np
import numpy.typing as npt
import polars as pl

Places = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
_Part = tuple[Places, Places, Places, Places, Places, npt.NDArray[np.uint64]]
"""Message, number, kind, start, end, value of some fields."""

VARINT, FIXED64, LENGTH, FIXED32 = 0, 1, 2, 5

_FEW = 24
"""Messages below which one field after the other is cheaper than a step over all of them (about 15 µs)."""

_PADDING = 32
"""Zero bytes after the data, so that a field cut off at its end can be read before that is seen."""

_BEYOND = np.int64(1) << np.int64(40)
"""A length no body has."""


@dataclass(frozen=True, slots=True)
class WireFields:
    """One row a field. Rows of one message are in the order they were sent."""

    count: int
    """Of messages."""
    message: Places
    number: Places
    kind: Places
    start: Places
    end: Places
    """Where the content lies, for LENGTH."""
    value: npt.NDArray[np.uint64]
    """The content, for the other kinds."""
    broken: Mask
    """Messages that end inside a field, or are no messages; what was read of them before is there."""

    def select(self, number: int, kind: int) -> Places:
        """Rows of a repeated field, ordered by message."""
        rows = np.flatnonzero((self.number == number) & (self.kind == kind))
        owners = self.message[rows]
        if len(owners) < 2 or bool((owners[1:] >= owners[:-1]).all()):
            return rows
        return rows[np.argsort(owners, kind="stable")]

    def span(self, number: int) -> tuple[Places, Places]:
        """For each message where the content of a field lies (its last one); empty at 0 where there is none."""
        rows = np.flatnonzero((self.number == number) & (self.kind == LENGTH))
        start, end = np.zeros(self.count, np.int64), np.zeros(self.count, np.int64)
        owners = self.message[rows]
        start[owners], end[owners] = self.start[rows], self.end[rows]
        return start, end

    def scalar(self, number: int, kind: int) -> npt.NDArray[np.uint64]:
        """For each message the value of a field (its last one); 0 where there is none."""
        rows = np.flatnonzero((self.number == number) & (self.kind == kind))
        found = np.zeros(self.count, np.uint64)
        found[self.message[rows]] = self.value[rows]
        return found


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
        parts: list[_Part] = []
        rows = np.flatnonzero(starts < ends)
        at, end = starts[rows], ends[rows]
        steps = 0
        while len(rows) >= _FEW and steps < most:
            number, kind, start, stop, value = self._step(at)
            good = (stop <= end) & (number > 0)
            if not good.all():
                broken[rows[~good]] = True
                rows, end = rows[good], end[good]
                number, kind, start, stop, value = number[good], kind[good], start[good], stop[good], value[good]
            parts.append((rows, number, kind, start, stop, value))
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
        return _joined(count, parts, broken)

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

    def _step(self, at: Places) -> tuple[Places, Places, Places, Places, npt.NDArray[np.uint64]]:
        """The field at each place: number, kind, where its content starts, where it ends, its value."""
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

    def _one_by_one(self, row: int, at: int, end: int, most: int, parts: list[_Part]) -> bool:
        """Add the fields in [at, end) of one message to `parts`; False when it is broken."""
        data = self.data
        found: list[tuple[int, int, int, int, int]] = []
        try:
            while at < end:
                tag, start = _varint(data, at)
                kind, value = tag & 7, 0
                if kind == LENGTH and data[at] == tag < 0x80:  # of one byte; it may be written longer than it need be
                    if found:
                        parts.append(_columns(row, found))
                        found = []
                    at, count = self._run(row, tag, at, end, most, parts)
                    most -= count
                    if at < 0:
                        return False
                    continue
                at = start
                if kind == LENGTH:
                    value, start = _varint(data, at)
                    at = start + value
                elif kind == VARINT:
                    value, at = _varint(data, at)
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

    def _run(self, row: int, tag: int, at: int, end: int, most: int, parts: list[_Part]) -> tuple[int, int]:
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
                    length, start = _varint(data, at + 1)
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
        number, kind = np.full(len(starts), tag >> 3, np.int64), np.full(len(starts), LENGTH, np.int64)
        owner = np.full(len(starts), row, np.int64)
        parts.append((owner, number, kind, start_at, end_at, (end_at - start_at).astype(np.uint64)))
        return at, len(starts)


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """Raises IndexError at the end of the data, or after ten bytes."""
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


def _columns(row: int, found: list[tuple[int, int, int, int, int]]) -> _Part:
    number, kind, start, end, value = zip(*found, strict=True)
    return (
        np.full(len(found), row, np.int64),
        np.array(number, np.int64),
        np.array(kind, np.int64),
        np.array(start, np.int64),
        np.array(end, np.int64),
        np.array(value, np.uint64),
    )


def _joined(count: int, parts: list[_Part], broken: Mask) -> WireFields:
    nothing = np.zeros(0, np.int64)
    parts = parts or [(nothing, nothing, nothing, nothing, nothing, np.zeros(0, np.uint64))]
    message, number, kind, start, end, value = (np.concatenate(each) for each in zip(*parts, strict=True))
    return WireFields(count, message, number, kind, start, end, value, broken)

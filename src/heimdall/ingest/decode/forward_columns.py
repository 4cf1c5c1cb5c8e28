"""Entries of Fluent Forward, packed in msgpack one after the other → columns, without an object a record or a field.

Where an entry begins only the one before it tells. So every place that looks like a beginning (the bytes the first one
begins with, which say what its time is) is read at the same time; those that follow one from another, from the first
byte to the last, are the entries. What does not come out so, and what is better read entry by entry (lists and objects,
names whose values have several types, metadata, odd times, bytes that are no UTF-8), is `None`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import polars as pl

from heimdall.ingest.decode.followed import Followed, beginnings, followed
from heimdall.ingest.decode.protobuf import Wire
from heimdall.ingest.decode.protobuf_fields import Places

_SECOND_NS = 1_000_000_000
_FEWEST_ENTRIES = 16
"""Fewer are read sooner one by one."""
_MOST_ENTRIES = 200_000
_MOST_MEMBERS = 256
_MOST_NAMES = 128
"""A column costs some 0.1 ms, and eight bytes an entry, whether an entry has the member or not."""
_LONGEST_ENTRY = 128 << 10
"""Not a record that is too long, however much of it JSON would escape."""
_EXACT_INTEGERS = 2.0**53
"""Beyond, JSON's readers take another way."""

_NONE, _BOOL, _INT, _REAL, _TEXT, _OTHER = range(6)
_EVENT_TIME, _SECONDS = b"\x92\xd7\x00", b"\x92\xce"


@dataclass(frozen=True, slots=True)
class Entries:
    times_ns: Places
    frame: pl.DataFrame
    """A column a name; null where an entry has none or null."""
    each: Places
    """How many entries the messages have."""


@dataclass(slots=True)
class _Values:
    """Of some rows: what kind each is, and where its text lies; or its number (bits of a double) as `start`."""

    kind: npt.NDArray[np.uint8]
    start: Places
    end: Places
    stop: Places = field(default_factory=lambda: np.zeros(0, np.int64))
    """Where the next one begins."""


def columns_of_entries(packed: Sequence[bytes]) -> Entries | None:
    """The entries of messages that each hold whole ones; None where they are to be read one by one."""
    body = packed[0] if len(packed) == 1 else b"".join(packed)
    head = next((head for head in (_EVENT_TIME, _SECONDS) if body.startswith(head)), None)
    starts = None if head is None else beginnings(body, head, _MOST_ENTRIES)
    if head is None or starts is None or len(starts) < _FEWEST_ENTRIES:
        return None
    wire = Wire(body)
    time_at = starts + len(head)
    members = _members(wire, time_at + (8 if head == _EVENT_TIME else 4))
    rows = None if members is None else followed(starts, members[0], len(body), _LONGEST_ENTRY)
    if members is None or rows is None:
        return None
    edges = np.cumsum([0, *map(len, packed)])
    places = np.searchsorted(starts[rows.chosen], edges)
    if not bool((starts[rows.chosen][places[:-1]] == edges[:-1]).all()):
        return None  # one of the messages ends within an entry
    columns = _columns(wire, members[1], rows)
    if columns is None:
        return None
    parts = wire.fixed(time_at[rows.chosen], 8).view(">u4").astype(np.int64)
    times = parts[:, 0] * _SECOND_NS + (parts[:, 1] if head == _EVENT_TIME else 0)
    return Entries(times, pl.DataFrame(columns), np.diff(places))


_Members = list[tuple[Places, _Values, _Values]]
"""Rows, their names and their values."""


def _members(wire: Wire, at: Places) -> tuple[Places, _Members] | None:
    """Where each map at the places ends (−1: it is none), and its members; None when they take too much."""
    size = len(wire.data)
    room = max(size, 256 << 10)
    at = np.minimum(at, size)
    first = wire.fixed(at, 3)
    short = (first[:, 0] & 0xF0) == 0x80
    count = np.where(short, first[:, 0] & 0x0F, first[:, 1].astype(np.int64) << 8 | first[:, 2])
    good = (short | (first[:, 0] == 0xDE)) & (count <= _MOST_MEMBERS) & (at < size)
    at = np.minimum(np.where(short, at + 1, at + 3), size)
    found: _Members = []
    rows = np.flatnonzero(good & (count > 0))
    step = 0
    while len(rows):
        room -= len(rows) * 8
        if room < 0:
            return None
        names = _values(wire, at[rows])
        values = _values(wire, names.stop)
        fine = (names.kind == _TEXT) & (values.kind != _OTHER) & (values.stop <= size)
        good[rows] &= fine
        at[rows] = np.minimum(values.stop, size)
        found.append((rows, names, values))
        step += 1
        rows = rows[fine & (count[rows] > step)]
    return np.where(good, at, -1), found


def _values(wire: Wire, at: Places) -> _Values:
    """What stands at the places; anything but a text, a number, a truth and nothing is `_OTHER`."""
    size = len(wire.data)
    at = np.minimum(at, size)
    first = wire.fixed(at, 1).reshape(-1)
    found = _Values(np.full(len(at), _OTHER, np.uint8), np.zeros(len(at), np.int64), np.zeros(len(at), np.int64))
    found.stop = np.full(len(at), size + 1, np.int64)
    kinds = np.flatnonzero(np.bincount(_CLASSES[first], minlength=len(_READERS)))
    for each in kinds.tolist():
        reader = _READERS[each]
        if reader is None:
            continue
        rows = slice(None) if len(kinds) == 1 else np.flatnonzero(_CLASSES[first] == each)
        reader(wire, at[rows], found, rows)
    beyond = found.stop > size
    if beyond.any():
        found.kind[beyond], found.start[beyond], found.end[beyond] = _OTHER, 0, 0
    return found


_Rows = slice | Places
_Reader = Callable[[Wire, Places, _Values, _Rows], None]


def _text(width: int) -> _Reader:
    """A text whose length stands in the first byte, or in `width` bytes behind it."""

    def read(wire: Wire, at: Places, found: _Values, rows: _Rows) -> None:
        if width:
            length = _unsigned(wire, at + 1, width).view(np.int64)
        else:
            length = (wire.fixed(at, 1).reshape(-1) & 0x1F).astype(np.int64)
        start = at + 1 + width
        found.kind[rows], found.start[rows], found.end[rows] = _TEXT, start, start + length
        found.stop[rows] = start + length

    return read


def _number(width: int, kind: int, form: str) -> _Reader:
    def read(wire: Wire, at: Places, found: _Values, rows: _Rows) -> None:
        value = np.ascontiguousarray(wire.fixed(at + 1, width)).view(form).reshape(-1)
        if form == ">u8":
            found.kind[rows] = np.where(value >> np.uint64(63), _OTHER, kind)
        else:
            found.kind[rows] = kind
        exact = value.astype(np.float64).view(np.int64) if kind == _REAL else value.astype(np.int64)
        found.start[rows], found.stop[rows] = exact, at + 1 + width

    return read


def _in_itself(kind: int) -> _Reader:
    """Small numbers, nothing, false and true: their byte says it all."""

    def read(wire: Wire, at: Places, found: _Values, rows: _Rows) -> None:
        byte = wire.fixed(at, 1).reshape(-1)
        value = byte.view(np.int8).astype(np.int64) if kind == _INT else (byte & 1).astype(np.int64)
        found.kind[rows], found.start[rows], found.stop[rows] = kind, value, at + 1

    return read


def _unsigned(wire: Wire, at: Places, width: int) -> npt.NDArray[np.uint64]:
    return np.ascontiguousarray(wire.fixed(at, width)).view(f">u{width}").reshape(-1).astype(np.uint64)


_READERS: tuple[_Reader | None, ...] = (
    None,
    _in_itself(_INT), _text(0), _in_itself(_NONE), _in_itself(_BOOL), _text(1), _text(2), _text(4),
    _number(4, _REAL, ">f4"), _number(8, _REAL, ">f8"),
    _number(1, _INT, ">u1"), _number(2, _INT, ">u2"), _number(4, _INT, ">u4"), _number(8, _INT, ">u8"),
    _number(1, _INT, ">i1"), _number(2, _INT, ">i2"), _number(4, _INT, ">i4"), _number(8, _INT, ">i8"),
)  # fmt: skip
_CLASSES = np.zeros(256, np.uint8)
"""Which reader the first byte of a value asks for. Source: the specification of MessagePack, "Formats"."""
_CLASSES[:0x80] = _CLASSES[0xE0:] = 1
_CLASSES[0xA0:0xC0] = 2
_CLASSES[0xC0] = 3
_CLASSES[0xC2:0xC4] = 4
for _width, _byte in enumerate((0xD9, 0xDA, 0xDB)):
    _CLASSES[_byte] = _CLASSES[0xC4 + _width] = 5 + _width
_CLASSES[0xCA:0xD4] = np.arange(8, 18)


def _columns(wire: Wire, members: _Members, rows: Followed) -> list[pl.Series] | None:
    where: dict[str, _Values] = {}
    for owners, names, values in members:
        row, real = rows.of(owners)
        named = wire.texts_at(names.start[real], names.end[real], _MOST_NAMES)
        if named is None:
            return None
        for name, chosen in named:
            known = where.get(name)
            if known is None:
                if name.startswith("fluent.") or len(where) == _MOST_NAMES:
                    return None
                nothing = (np.zeros(rows.count, np.int64) for _ in range(2))
                known = where[name] = _Values(np.zeros(rows.count, np.uint8), *nothing)
            mine = row if chosen is None else row[chosen]
            if known.kind[mine].any():
                return None  # a name twice
            for whole, part in ((known.kind, values.kind), (known.start, values.start), (known.end, values.end)):
                whole[mine] = part[real] if chosen is None else part[real][chosen]
    columns = [_column(wire, values) for values in where.values()]
    if any(column is None for column in columns):
        return None
    return [column.alias(name) for name, column in zip(where, columns, strict=True) if column is not None]


def _column(wire: Wire, values: _Values) -> pl.Series | None:
    kinds = np.flatnonzero(np.bincount(values.kind)).tolist()
    there = [kind for kind in kinds if kind != _NONE]
    if len(there) > 1:
        return None
    kind = there[0] if there else _NONE
    if kind == _NONE:
        return pl.Series([None], dtype=pl.String).new_from_index(0, len(values.kind))
    if kind == _TEXT:
        column, odd = wire.text(values.start, values.end)
        if odd is not None:
            return None
    elif kind == _REAL:
        reals = values.start.view(np.float64)
        if not bool((np.abs(reals) < _EXACT_INTEGERS).all()):
            return None
        column = pl.Series(reals)
    else:
        column = pl.Series(values.start != 0) if kind == _BOOL else pl.Series(values.start)
    if len(kinds) == 1:
        return column
    return pl.select(pl.when(pl.lit(pl.Series(values.kind != _NONE))).then(pl.lit(column))).to_series()

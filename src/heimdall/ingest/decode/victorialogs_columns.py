"""VictoriaLogs' rows → columns, field after field over all rows, without an object a row or a field.

Where a row begins only the one before it tells. So every place that looks like a beginning (the account and project of
the first row) is read at the same time; those that follow one from another, from the first byte to the last, are the
rows. What does not come out so, and what is better read row by row (bytes that are no UTF-8, a time among the fields,
more names than columns should have), is `None`: `victorialogs_rows` reads it, with the same result.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from heimdall.ingest.decode.fields import Fields
from heimdall.ingest.decode.json import MAX_RECORD_BYTES, MAX_RECORDS
from heimdall.ingest.decode.json_text import json_objects
from heimdall.ingest.decode.protobuf import Mask, Places, Wire, varint

_TENANT_BYTES = _TIME_BYTES = 8
_FEWEST_ROWS = 16
"""Fewer are read sooner one by one."""
_MOST_FIELDS = 256
_MOST_NAMES = 128
"""A column costs some 0.1 ms, and eight bytes a row, whether a row has the field or not."""
_MEAN_FIELD_BYTES = 8
"""Of shorter ones the places would be many times what the body is; also those of what only looks like rows."""
_SMALL_BYTES = 256 << 10
"""Of which nobody asks what it takes."""
_LONGEST_ROW = MAX_RECORD_BYTES // 6
"""Not a record that is too long, however much of it JSON would escape."""
_Spans = list[tuple[Places, Places, Places]]
"""Rows, and where in each the text starts and ends."""


@dataclass(frozen=True, slots=True)
class Streams:
    """Rows of streams whose labels have these names."""

    labels: tuple[str, ...]
    fields: Fields


@dataclass(frozen=True, slots=True)
class _Read:
    """What may be rows: one element each; `end` is −1 where it is none."""

    labels: tuple[Places, Places]
    time: Places
    end: Places
    names: _Spans
    values: _Spans


def columns_of_rows(body: bytes) -> list[Streams] | None:
    """The rows of a body, those with the same names of labels together; None where they are to be read one by one."""
    starts = _beginnings(body)
    if not _FEWEST_ROWS <= len(starts) <= MAX_RECORDS:
        return None
    wire = Wire(body)
    read = _read(wire, starts)
    rows = None if read is None else _followed(starts, read.end, len(body))
    if read is None or rows is None or int((read.end - starts)[rows].max()) > _LONGEST_ROW:
        return None
    place = np.full(len(starts), -1, np.int64)
    place[rows] = np.arange(len(rows))
    columns = _columns(wire, read, place, len(rows))
    kinds = None if columns is None else _kinds(wire, read.labels[0][rows], read.labels[1][rows])
    if columns is None or kinds is None:
        return None
    times = wire.fixed(read.time[rows], _TIME_BYTES).view(">i8").reshape(-1).astype(np.int64)
    frame = pl.DataFrame([pl.Series("_time", times), *columns])
    names, kind = kinds
    if len(names) == 1:
        return [Streams(names[0], _fields(frame))]
    return [Streams(each, _fields(frame.filter(pl.Series(kind == code)))) for code, each in enumerate(names)]


def _fields(frame: pl.DataFrame) -> Fields:
    some = [column for column in frame.get_columns() if column.null_count() < len(column)]
    return Fields(pl.DataFrame(some), frame.height, raw=lambda: json_objects(some))


def _beginnings(body: bytes) -> Places:
    """Where the bytes stand that the body begins with."""
    tenant, places = body[:_TENANT_BYTES], list[int]()
    at = 0
    while at >= 0 and len(places) <= MAX_RECORDS:
        places.append(at)
        at = body.find(tenant, at + 1)
    return np.array(places, np.int64)


def _read(wire: Wire, starts: Places) -> _Read | None:
    size = len(wire.data)
    room = max(size, _SMALL_BYTES)
    good = np.ones(len(starts), np.bool_)
    label_start, label_end = _text(wire, starts + _TENANT_BYTES, good)
    number, at = wire.varints(np.minimum(label_end + _TIME_BYTES, size))
    good &= at <= size
    left = np.where(good & (number <= _MOST_FIELDS), number, 0).astype(np.int64)
    good &= number <= _MOST_FIELDS
    names: _Spans = []
    values: _Spans = []
    rows = np.flatnonzero(left)
    at = np.where(good, at, 0)
    step = 0
    while len(rows):
        room -= len(rows) * _MEAN_FIELD_BYTES
        if room < 0:
            return None
        fine = np.ones(len(rows), np.bool_)
        name_start, name_end = _text(wire, at[rows], fine)
        value_start, value_end = _text(wire, name_end, fine)
        good[rows] &= fine
        at[rows] = value_end
        some = fine & (value_end > value_start)
        names.append((rows[some], name_start[some], name_end[some]))
        values.append((rows[some], value_start[some], value_end[some]))
        step += 1
        rows = rows[fine & (left[rows] > step)]
    return _Read((label_start, label_end), label_end, np.where(good, at, -1), names, values)


def _text(wire: Wire, at: Places, good: Mask) -> tuple[Places, Places]:
    """Where the texts lie whose lengths stand at the places; `good` becomes false for one that does not end."""
    size = len(wire.data)
    length, start = wire.varints(np.minimum(at, size))
    good &= (at < size) & (start <= size) & (length <= np.uint64(size))
    end = np.where(good, start + np.minimum(length, np.uint64(size)).astype(np.int64), 0)
    good &= end <= size
    return np.where(good, start, 0), np.where(good, end, 0)


def _followed(starts: Places, ends: Places, size: int) -> Places | None:
    """Those that come one after the other, from the first to the end of the body."""
    if bool((ends[:-1] == starts[1:]).all()) and ends[-1] == size:
        return np.arange(len(starts))
    following = np.searchsorted(starts, ends)
    there = (ends >= 0) & (following < len(starts)) & (starts[np.minimum(following, len(starts) - 1)] == ends)
    step, found = np.where(there, following, -1).tolist(), [0]
    last = np.flatnonzero(ends == size)
    ending = set(last.tolist())
    while found[-1] not in ending:
        if (following_one := step[found[-1]]) < 0:
            return None
        found.append(following_one)
    return np.array(found, np.int64)


def _columns(wire: Wire, read: _Read, place: Places, count: int) -> list[pl.Series] | None:
    """A column a name, in the order in which they come; of a name twice the later one that says something."""
    where: dict[str, tuple[Places, Places]] = {}
    for (owners, name_start, name_end), (_, start, end) in zip(read.names, read.values, strict=True):
        rows = place[owners]
        real = rows >= 0
        if not real.all():
            rows, name_start, name_end, start, end = (each[real] for each in (rows, name_start, name_end, start, end))
        named = _named(wire, name_start, name_end)
        if named is None:
            return None
        for name, chosen in named:
            known = where.get(name)
            if known is None:
                if name == "_time" or len(where) == _MOST_NAMES:
                    return None
                known = where[name] = (np.zeros(count, np.int64), np.zeros(count, np.int64))
            mine = slice(None) if chosen is None else chosen
            known[0][rows[mine]], known[1][rows[mine]] = start[mine], end[mine]
    columns = []
    for name, (start, end) in where.items():
        text, odd = wire.text(start, end)
        if odd is not None:
            return None
        there = end > start
        if not there.all():
            text = pl.select(pl.when(pl.lit(pl.Series(there))).then(pl.lit(text))).to_series()
        columns.append(text.alias(name))
    return columns


def _named(wire: Wire, start: Places, end: Places) -> list[tuple[str, Mask | None]] | None:
    """The names at the places and where each stands (None: everywhere); None where one is no UTF-8."""
    if not len(start):
        return []
    text, odd = wire.text(start, end)
    if odd is not None:
        return None
    distinct = text.unique(maintain_order=True).to_list()
    if len(distinct) == 1:
        return [(distinct[0] or "_msg", None)]
    if len(distinct) > _MOST_NAMES:
        return None
    return [(name or "_msg", (text == name).to_numpy()) for name in distinct]


def _kinds(wire: Wire, start: Places, end: Places) -> tuple[list[tuple[str, ...]], npt.NDArray[np.int64]] | None:
    """The sets of names that the labels have, and which each row has."""
    encoded = wire.binary(start, end).to_arrow().dictionary_encode()
    kinds: dict[tuple[str, ...], int] = {}
    codes = []
    for labels in encoded.dictionary.to_pylist():
        try:
            names = _names(labels)
        except IndexError:
            return None
        codes.append(kinds.setdefault(names, len(kinds)))
    return list(kinds), np.array(codes, np.int64)[encoded.indices.to_numpy()]


def _names(labels: bytes) -> tuple[str, ...]:
    """Raises IndexError where the labels are cut off."""
    count, at = varint(labels, 0)
    found = []
    for _ in range(count):
        size, at = varint(labels, at)
        found.append(labels[at : at + size].decode("utf-8", "replace"))
        size, at = varint(labels, at + size)
        at += size
        if at > len(labels):
            raise IndexError
    return tuple(found)

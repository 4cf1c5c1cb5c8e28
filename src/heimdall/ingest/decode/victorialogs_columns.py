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
from heimdall.ingest.decode.followed import Followed, beginnings, followed
from heimdall.ingest.decode.json import MAX_RECORD_BYTES, MAX_RECORDS
from heimdall.ingest.decode.json_text import json_objects
from heimdall.ingest.decode.protobuf import Wire, varint
from heimdall.ingest.decode.protobuf_fields import Mask, Places

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
    starts = beginnings(body, body[:_TENANT_BYTES], MAX_RECORDS)
    if starts is None or len(starts) < _FEWEST_ROWS:
        return None
    wire = Wire(body)
    read = _read(wire, starts)
    rows = None if read is None else followed(starts, read.end, len(body), _LONGEST_ROW)
    if read is None or rows is None:
        return None
    columns = _columns(wire, read, rows)
    labels = (read.labels[0][rows.chosen], read.labels[1][rows.chosen])
    kinds = None if columns is None else _kinds(wire, *labels)
    if columns is None or kinds is None:
        return None
    times = wire.fixed(read.time[rows.chosen], _TIME_BYTES).view(">i8").reshape(-1).astype(np.int64)
    frame = pl.DataFrame([pl.Series("_time", times), *columns])
    names, kind = kinds
    if len(names) == 1:
        return [Streams(names[0], _fields(frame))]
    return [Streams(each, _fields(frame.filter(pl.Series(kind == code)))) for code, each in enumerate(names)]


def _fields(frame: pl.DataFrame) -> Fields:
    some = [column for column in frame.get_columns() if column.null_count() < len(column)]
    return Fields(pl.DataFrame(some), frame.height, raw=lambda: json_objects(some))


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


def _columns(wire: Wire, read: _Read, rows: Followed) -> list[pl.Series] | None:
    """A column a name, in the order in which they come; of a name twice the later one that says something."""
    where: dict[str, tuple[Places, Places]] = {}
    for (owners, name_start, name_end), (_, start, end) in zip(read.names, read.values, strict=True):
        row, real = rows.of(owners)
        named = wire.texts_at(name_start[real], name_end[real], _MOST_NAMES)
        if named is None:
            return None
        for sent, chosen in named:
            name = sent or "_msg"
            known = where.get(name)
            if known is None:
                if name == "_time" or len(where) == _MOST_NAMES:
                    return None
                known = where[name] = (np.zeros(rows.count, np.int64), np.zeros(rows.count, np.int64))
            mine = slice(None) if chosen is None else chosen
            known[0][row[mine]], known[1][row[mine]] = start[real][mine], end[real][mine]
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

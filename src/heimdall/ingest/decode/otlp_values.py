"""OTLP's `AnyValue` in protobuf → JSON text, many values at a time; what is nested is read level by level."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from heimdall.ingest.decode.json_text import json_values
from heimdall.ingest.decode.pairs import Pairs, joined_texts, objects_of, pairs_of
from heimdall.ingest.decode.protobuf import Wire
from heimdall.ingest.decode.protobuf_fields import FIXED64, LENGTH, VARINT, Mask, Places, Selected

STRING, BOOL, INT, DOUBLE, ARRAY, KEYS_AND_VALUES, BYTES = range(1, 8)
NOTHING = 0

_WIRE_KIND = np.array([-1, LENGTH, VARINT, VARINT, FIXED64, LENGTH, LENGTH, LENGTH], np.int64)
"""By field number."""

MAX_FIELDS = 4096
"""Of one record, object or list; thirty times what OpenTelemetry's own limit lets through."""

MAX_DEPTH = 100
"""Of values inside values: what protobuf's own decoders take."""


@dataclass(frozen=True, slots=True)
class AnyValues:
    """What each value is, and where: the last field that was set counts."""

    kind: Places
    start: Places
    end: Places
    value: npt.NDArray[np.uint64]
    broken: Mask

    def at(self, rows: Places) -> AnyValues:
        return AnyValues(self.kind[rows], self.start[rows], self.end[rows], self.value[rows], self.broken[rows])


@dataclass(frozen=True, slots=True)
class Texts:
    """JSON text of each value; those that are `broken` or hold bytes that are no UTF-8 (`odd`)."""

    json: pl.Series
    broken: Mask
    odd: Mask


def any_values(wire: Wire, starts: Places, ends: Places) -> AnyValues:
    fields = wire.fields(starts, ends, most=MAX_FIELDS)
    known = (fields.number <= BYTES) & (_WIRE_KIND[np.minimum(fields.number, BYTES)] == fields.kind)
    owner, count = fields.message, len(starts)
    if len(owner) == count and known.all() and bool((owner == np.arange(count)).all()):  # each has one field
        return AnyValues(fields.number, fields.start, fields.end, fields.value, fields.broken)
    rows = np.flatnonzero(known)
    owner = owner[rows]
    kind, start, end = (np.zeros(count, np.int64) for _ in range(3))
    value = np.zeros(count, np.uint64)
    kind[owner], start[owner], end[owner] = fields.number[rows], fields.start[rows], fields.end[rows]
    value[owner] = fields.value[rows]
    return AnyValues(kind, start, end, value, fields.broken)


def json_of(wire: Wire, values: AnyValues, depth: int = 0) -> Texts:
    count = len(values.kind)
    if depth > MAX_DEPTH:
        return Texts(_full("null", count), np.ones(count, np.bool_), np.zeros(count, np.bool_))
    broken, odd = values.broken.copy(), np.zeros(count, np.bool_)
    json = _full("null", count)
    for kind in np.flatnonzero(np.bincount(values.kind, minlength=1)).tolist():
        if kind == NOTHING:
            continue
        rows = np.flatnonzero(values.kind == kind)
        found = _of_kind(wire, kind, values, rows, depth)
        broken[rows] |= found.broken
        odd[rows] |= found.odd
        json = found.json if len(rows) == count else json.scatter(pl.Series(rows), found.json)
    return Texts(json, broken, odd)


def attributes_of(wire: Wire, sent: Selected, depth: int = 0) -> tuple[Pairs, Mask, Mask]:
    """The `KeyValue` messages; which of them are broken, which hold odd bytes."""
    fields = wire.fields(sent.start, sent.end, most=MAX_FIELDS)
    names, odd_names = wire.text(*fields.span(1))
    values = json_of(wire, any_values(wire, *fields.span(2)), depth)
    odd = values.odd if odd_names is None else values.odd | odd_names
    return pairs_of(sent.message, names, values.json), fields.broken | values.broken, odd


def _of_kind(wire: Wire, kind: int, values: AnyValues, rows: Places, depth: int) -> Texts:
    start, end = values.start[rows], values.end[rows]
    if kind == ARRAY:
        return _arrays(wire, start, end, depth)
    if kind == KEYS_AND_VALUES:
        return _objects(wire, start, end, depth)
    good, odd = _none(rows), None
    if kind == STRING:
        text, odd = wire.text(start, end)
        json = json_values(text)
    elif kind == BYTES:
        json = json_values(wire.binary(start, end).bin.encode("base64"))
    elif kind == BOOL:
        json = pl.Series(values.value[rows] != 0).cast(pl.String)
    elif kind == INT:
        json = pl.Series(values.value[rows].view(np.int64)).cast(pl.String)
    else:
        json = _reals(values.value[rows].view(np.float64))
    return Texts(json, good, good if odd is None else odd)


def _reals(values: npt.NDArray[np.float64]) -> pl.Series:
    """Those JSON cannot write by name, in quotes."""
    json = json_values(pl.Series(values))
    rows = np.flatnonzero(~np.isfinite(values))
    if not len(rows):
        return json
    return json.scatter(pl.Series(rows), pl.Series([f'"{values[row]}"' for row in rows], dtype=pl.String))


def _arrays(wire: Wire, starts: Places, ends: Places, depth: int) -> Texts:
    fields = wire.fields(starts, ends, most=MAX_FIELDS)
    sent = fields.select(1, LENGTH)
    owner = sent.message
    inner = json_of(wire, any_values(wire, sent.start, sent.end), depth + 1)
    text = joined_texts(inner.json, np.searchsorted(owner, np.arange(len(starts) + 1)))
    json = pl.select(pl.concat_str(pl.lit("["), pl.lit(text), pl.lit("]"))).to_series()
    return Texts(json, _any_of(owner, inner.broken, fields.broken), _any_of(owner, inner.odd, _none(starts)))


def _objects(wire: Wire, starts: Places, ends: Places, depth: int) -> Texts:
    fields = wire.fields(starts, ends, most=MAX_FIELDS)
    sent = fields.select(1, LENGTH)
    pairs, broken, odd = attributes_of(wire, sent, depth + 1)
    json = objects_of(pairs, len(starts)).fill_null("{}")
    return Texts(json, _any_of(sent.message, broken, fields.broken), _any_of(sent.message, odd, _none(starts)))


def _any_of(owner: Places, inner: Mask, outer: Mask) -> Mask:
    found = outer.copy()
    found[owner[inner]] = True
    return found


def _none(starts: Places) -> Mask:
    return np.zeros(len(starts), np.bool_)


def _full(text: str, count: int) -> pl.Series:
    return pl.Series([text], dtype=pl.String).new_from_index(0, count)

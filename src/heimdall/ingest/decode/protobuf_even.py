"""Names and values of records that all have the same names in the same order → a column a name.

What one statement of a program logs again and again looks like this, and so does what a collector adds to every record.
It is checked for all records at once, so neither a name nor a value is looked at by itself; None says that some record
is otherwise, or holds what is better read value by value (bytes that are no UTF-8, objects, a name twice).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import polars as pl

from heimdall.ingest.decode.otlp_values import BOOL, BYTES, DOUBLE, INT, STRING, any_values
from heimdall.ingest.decode.pairs import Even, are_few
from heimdall.ingest.decode.protobuf import Wire
from heimdall.ingest.decode.protobuf_fields import Places, Selected

_TEXT_TAG = STRING << 3 | 2


def even_texts(wire: Wire, sent: Selected) -> Even | None:
    """`LabelPairAdapter`s of Loki: both fields are text."""
    return _even(wire, sent, _texts)


def even_values(wire: Wire, sent: Selected) -> Even | None:
    """`KeyValue`s of OTLP, where each name has one type of value."""
    return _even(wire, sent, _any_values)


def _even(wire: Wire, sent: Selected, read: Callable[[Wire, Places, Places], pl.Series | None]) -> Even | None:
    if not sent.each or not are_few(sent.each, len(sent) // sent.each):
        return None
    columns: dict[str, pl.Series] = {}
    for start, end in zip(sent.start.reshape(-1, sent.each).T, sent.end.reshape(-1, sent.each).T, strict=True):
        found = wire.named(start, end)
        if found is None or found[0] in columns:
            return None
        values = read(wire, found[1], end)
        if values is None:
            return None
        columns[found[0]] = values.alias(found[0])
    return Even(tuple(columns.values()))


def _texts(wire: Wire, start: Places, end: Places) -> pl.Series | None:
    text, odd = wire.text(start, end)
    return text if odd is None else None


def _any_values(wire: Wire, start: Places, end: Places) -> pl.Series | None:
    if bool((start < end).all()) and wire.are(start, _TEXT_TAG):
        content = wire.content(start + 1, end)
        if content is not None:
            return _texts(wire, content, end)
    values = any_values(wire, start, end)
    kind = int(values.kind[0])
    if values.broken.any() or not bool((values.kind == kind).all()):
        return None
    if kind == STRING:
        return _texts(wire, values.start, values.end)
    if kind == BYTES:
        return wire.binary(values.start, values.end).bin.encode("base64")
    if kind == BOOL:
        return pl.Series(values.value != 0)
    if kind == INT:
        return pl.Series(values.value.view(np.int64))
    reals = values.value.view(np.float64)
    return pl.Series(reals) if kind == DOUBLE and bool(np.isfinite(reals).all()) else None

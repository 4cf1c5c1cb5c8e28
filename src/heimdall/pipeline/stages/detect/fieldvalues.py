"""Which values the fields of a batch's records have, to be judged for rare ones.

Attributes are text here, and parsing each would cost as much as decoding it did: one pass of one regular expression
cuts out pairs of a name and a short text or whole number, wherever they are nested.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
import orjson
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from heimdall.insight.conformal import Rows
from heimdall.insight.detectors.values import Occurrences
from heimdall.insight.examples import CHARACTERS
from heimdall.insight.step import distinct_of
from heimdall.model.batch import LOG_SCHEMA

MOST_RECORDS: Final = 1_024
"""Records that are looked at together: of level warn and above first, then every so many. A live stream's batches are
smaller, so several are. Larger: rarer values of a flood are seen, 2 µs each."""

_COLUMNS: Final = ("instance", "region", "environment")
_NAME: Final = r"[A-Za-z_@][0-9A-Za-z_@.-]*"
_VALUE: Final = r'(?:"[^"\\]+"|-?[0-9]{1,5}[,}])'
"""No long counted repetitions: each of their steps is a state of the automaton, which is built for every batch."""
_LONGEST: Final = 200
"""Characters of a pair beyond which it is nobody's status, host or user agent."""
_PAIR: Final = rf'"{_NAME}": ?{_VALUE}'
_WARN: Final = 13


def occurrences(table: pa.Table, steps: Rows, services: Rows, is_open: Callable[[str], bool]) -> Occurrences | None:
    """Of each step, service, field and value that the records chosen have, in a fixed order; None without any. `steps`
    and `services`: of each record. `is_open`: whether nobody wants to know of a field of this name."""
    grave = table.column("severity_number").to_numpy() >= _WARN
    chosen = _chosen(grave)
    parts = [_of_column(table.column(name), chosen, name) for name in _COLUMNS if name in table.column_names]
    if "attributes" in table.column_names:
        parts.append(_of_attributes(table.column("attributes"), chosen))
    texts = [text for names, _, _ in parts for text in names]
    if not texts:
        return None
    starts = np.cumsum([0, *(len(names) for names, _, _ in parts)])
    codes = np.concatenate([own + start for (_, own, _), start in zip(parts, starts.tolist(), strict=False)])
    rows = np.concatenate([own for _, _, own in parts])
    named, codes = _named(texts, codes, is_open)
    rows, codes = rows[codes >= 0], codes[codes >= 0]
    places = (steps[rows] - int(steps.min())) * (int(services.max()) + 1) + services[rows]
    distinct, first, at = distinct_of(places * len(named) + codes)
    records = np.bincount(at, minlength=len(distinct))
    is_grave = np.bincount(at, weights=grave[rows], minlength=len(distinct)) > 0
    rows, codes = rows[first], codes[first]
    columns = (steps[rows], services[rows], codes, records, is_grave, rows)
    found = list(zip(*(column.tolist() for column in columns), strict=True))

    def show(row: int, name: str) -> tuple[int, str, str]:
        template, message = (table.column(column)[row].as_py() for column in ("template_id", "message"))
        attributes = table.column("attributes")[row].as_py() if "attributes" in table.column_names else None
        return int(template), str(message)[:CHARACTERS], _path(attributes, name)

    return Occurrences(named, found, show)


def _named(texts: list[str], codes: Rows, is_open: Callable[[str], bool]) -> tuple[list[tuple[str, str]], Rows]:
    """Names and values in place of the texts that have them, -1 for those of open fields. A number's text ends with
    what stands behind it."""
    places: dict[tuple[str, str], int] = {}
    for_text = []
    open_names: dict[str, bool] = {}
    for text in texts:
        end = text.index('"', 1)
        name = text[1:end]
        skipped = open_names.get(name)
        if skipped is None:
            skipped = open_names[name] = is_open(name)
        for_text.append(-1 if skipped else places.setdefault((name, text[end + 2 :].strip(' ",}')), len(places)))
    return list(places), np.array(for_text, np.int64)[codes]


def _path(attributes: str | None, name: str) -> str:
    """Full name of a field, as queries know it, by the first place that has it."""
    if name in _COLUMNS or not attributes:
        return name
    try:
        inside = [("", orjson.loads(attributes))]
    except orjson.JSONDecodeError:
        return name
    for prefix, held in inside:
        if isinstance(held, dict) and name in held:
            return f"attributes.{name}" if not prefix and name in LOG_SCHEMA.names else prefix + name
        inside += [(f"{prefix}{key}.", each) for key, each in held.items()] if isinstance(held, dict) else []
    return name


def _chosen(grave: NDArray[np.bool_]) -> Rows:
    size = len(grave)
    if size <= MOST_RECORDS:
        return np.arange(size)
    first = np.flatnonzero(grave)[: MOST_RECORDS // 2]
    every = np.arange(0, size, -(-size // (MOST_RECORDS - len(first))))
    return np.unique(np.concatenate([first, every]))


_Pairs = tuple[list[str], Rows, Rows]
"""Texts of pairs; which of them each record has; the records' rows."""


def _of_column(column: pa.ChunkedArray, chosen: Rows, name: str) -> _Pairs:
    if column.null_count == len(column):
        return [], chosen[:0], chosen[:0]
    codes, texts = encoded(column if len(chosen) == len(column) else column.take(pa.array(chosen)))
    there = codes >= 0
    return [f'"{name}":"{text}"' for text in texts], codes[there], chosen[there]


def _of_attributes(column: pa.ChunkedArray, chosen: Rows) -> _Pairs:
    if column.null_count == len(column):
        return [], chosen[:0], chosen[:0]
    text = pl.Series("text", column if len(chosen) == len(column) else column.take(pa.array(chosen)))
    found = text.str.extract_all(_PAIR)
    sizes = found.list.len().fill_null(0).to_numpy()
    codes, texts = encoded(found.filter(sizes > 0).explode().to_arrow())
    rows = np.repeat(chosen, sizes)
    short = np.array([len(text) <= _LONGEST for text in texts], np.bool_)[codes]
    return texts, codes[short], rows[short]


def encoded(values: pa.Array | pa.ChunkedArray) -> tuple[Rows, list[str]]:
    """(which of the texts each value is, -1 for none; the texts)."""
    if isinstance(values, pa.ChunkedArray):
        values = values.unify_dictionaries() if pa.types.is_dictionary(values.type) else values
        values = values.combine_chunks()
        values = values.chunk(0) if isinstance(values, pa.ChunkedArray) else values
    if not pa.types.is_dictionary(values.type):
        values = values.dictionary_encode()
    codes = pc.fill_null(values.indices.cast(pa.int64()), -1).to_numpy(zero_copy_only=False)
    return np.asarray(codes, np.int64), values.dictionary.to_pylist()

"""A batch as rules read it: each column's different values once, and attributes parsed only where somebody asks."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import orjson
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from heimdall.insight.rules.literals import FOLDED
from heimdall.model.severity import level_of
from heimdall.query.fields import ATTRIBUTES, attribute_path, canonical
from heimdall.query.frame.values import attribute_values, json_text
from heimdall.query.types import Type

Rows = NDArray[np.int64]
"""Row numbers, rising."""

NO_ROWS: Rows = np.empty(0, np.int64)
_ODD_ESCAPE = re.compile(r"(?:^|[^\\])(?:\\\\)*\\[u/]")


class Units:
    """A text column's different values, and where each stands. Nulls are no value."""

    def __init__(self, column: pa.ChunkedArray) -> None:
        is_encoded = pa.types.is_dictionary(column.type)
        encoded = column.unify_dictionaries() if is_encoded else pc.dictionary_encode(column)
        array = encoded.combine_chunks()
        if isinstance(array, pa.ChunkedArray):
            array = array.chunk(0)
        self.values = pl.Series("values", array.dictionary, dtype=pl.String)
        self.codes: Rows = pc.fill_null(array.indices, -1).to_numpy(zero_copy_only=False).astype(np.int64)
        """Of each record; -1 where the value is missing."""
        self._order: Rows | None = None
        self._starts: Rows = NO_ROWS

    def rows(self, units: Rows) -> Rows:
        """Records that have one of these values."""
        if not len(units):
            return NO_ROWS
        if self._order is None:
            self._order = np.argsort(self.codes, kind="stable")
            self._starts = np.searchsorted(self.codes[self._order], np.arange(len(self.values) + 1))
        starts, ends = self._starts[units], self._starts[units + 1]
        lengths = ends - starts
        places = np.arange(int(lengths.sum())) + np.repeat(
            starts - np.concatenate(([0], lengths.cumsum()[:-1])), lengths
        )
        return np.sort(self._order[places])


class RuleColumns:
    """The columns of one batch, read on demand. Made for one batch and thrown away with it."""

    def __init__(self, table: pa.Table) -> None:
        self.table = table
        self.size = int(table.num_rows)
        self.all_rows: Rows = np.arange(self.size)
        self._units: dict[str, Units] = {}
        self._objects: dict[int, Any] = {}
        self._frame: pl.DataFrame | None = None

    @property
    def frame(self) -> pl.DataFrame:
        if self._frame is None:
            made = pl.from_arrow(self.table)
            assert isinstance(made, pl.DataFrame)
            self._frame = made
        return self._frame

    def times_ns(self) -> NDArray[np.int64]:
        return np.asarray(self.table.column("timestamp").cast(pa.int64()).to_numpy(), np.int64)

    def observed_ns(self) -> NDArray[np.int64]:
        name = "observed_timestamp" if "observed_timestamp" in self.table.column_names else "timestamp"
        return np.asarray(self.table.column(name).cast(pa.int64()).to_numpy(), np.int64)

    def units(self, column: str) -> Units:
        """Different values of a text column; the column may be left out."""
        found = self._units.get(column)
        if found is None:
            if column in self.table.column_names:
                own = self.table.column(column)
            else:
                own = pa.chunked_array([pa.nulls(self.size, pa.large_string())])
            found = self._units[column] = Units(own)
        return found

    def haystack(self, column: str) -> pl.Series:
        """Values of `units(column)` as literals are looked for: JSON that has needless escapes also without them."""
        values = self.units(column).values
        if column != ATTRIBUTES or not len(values):
            return values
        odd = values.str.contains_any(["\\u", "\\/"])
        if not odd.any():
            return values
        texts = values.to_list()
        for place in np.flatnonzero(odd.to_numpy()).tolist():
            if _ODD_ESCAPE.search(texts[place]):
                texts[place] = f"{texts[place]}\n{_plain(texts[place])}"
        return pl.Series(values.name, texts, dtype=pl.String)

    def attribute(self, field: str, units: Rows) -> list[str | None]:
        """JSON text of a sender's field in these values of `attributes`; of `attributes` itself, all of it."""
        values = self.units(ATTRIBUTES).values
        if field == ATTRIBUTES:
            return list(values.gather(units).to_list())
        path = attribute_path(field)
        found: list[str | None] = []
        for unit in units.tolist():
            own = self._objects.get(unit)
            if own is None:
                own = self._objects[unit] = _decoded(str(values[unit]))
            if path in own:
                value = own[path]
                if isinstance(value, str):
                    found.append(orjson.dumps(value).decode())
                    continue
                if value is not None and not isinstance(value, dict):
                    found.append(json_text(value))
                    continue
            elif "." not in path:
                found.append(None)
                continue
            found.append(attribute_values(str(values[unit]), (path,))[0])
        return found

    def texts(self, field: str, rows: Rows) -> tuple[Rows, Sequence[str]]:
        """A field's value as text in these records, as (place among the texts, the different texts); "" = missing."""
        own = canonical(field)
        if own is not None and own.type is Type.TEXT and own.source == field and not own.width:
            units = self.units(field)
            used, place = _distinct(units.codes[rows], len(units.values))
            names = ["" if code < 0 else str(units.values[code]) for code in used.tolist()]
            return place, names
        if own is None:
            units = self.units(ATTRIBUTES)
            used, place = _distinct(units.codes[rows], len(units.values))
            known = used[used >= 0]
            read = [""] * int((used < 0).sum()) + [
                "" if value is None else plain_text(value) for value in self.attribute(field, known)
            ]
        else:
            column = self.table.column(own.source) if own.source in self.table.column_names else None
            if column is None:
                return np.zeros(len(rows), np.int64), [""]
            encoded = pc.dictionary_encode(column.take(pa.array(rows))).combine_chunks()
            if isinstance(encoded, pa.ChunkedArray):
                encoded = encoded.chunk(0)
            place = pc.fill_null(encoded.indices, len(encoded.dictionary)).to_numpy(zero_copy_only=False)
            read = [_shown(value, own.type) for value in encoded.dictionary.to_pylist()]
            read.append("")
        names = sorted(set(read))
        where = {name: number for number, name in enumerate(names)}
        return np.array([where[name] for name in read], np.int64)[place.ravel()], names


def found_literals(haystack: pl.Series, literals: Sequence[str]) -> dict[str, Rows]:
    """For each literal (lower-case) the values it stands in, ASCII case aside: one pass over the text for all."""
    if not literals or not len(haystack):
        return {}
    hits = haystack.str.extract_many([*literals, *FOLDED], ascii_case_insensitive=True, overlapping=True)
    counts = hits.list.len().to_numpy()
    total = int(counts.sum())
    if not total:
        return {}
    places = np.repeat(np.arange(len(haystack)), counts)
    flat = hits.explode(empty_as_null=False)
    encoded = pc.dictionary_encode(flat.to_arrow())
    names = [_lower(str(name)) for name in encoded.dictionary.to_pylist()]
    codes = encoded.indices.to_numpy(zero_copy_only=False)
    order = np.argsort(codes, kind="stable")
    bounds = np.searchsorted(codes[order], np.arange(len(names) + 1))
    found: dict[str, list[Rows]] = {}
    for code, name in enumerate(names):
        found.setdefault(name, []).append(places[order[bounds[code] : bounds[code + 1]]])
    return {name: np.unique(np.concatenate(parts)) for name, parts in found.items()}


def _distinct(codes: Rows, size: int) -> tuple[Rows, Rows]:
    """Different codes (from -1 on, below `size`), rising, and the place of each among them."""
    if size > 4 * len(codes) + 1_000:
        used, place = np.unique(codes, return_inverse=True)
        return used, place.ravel()
    present = np.bincount(codes + 1, minlength=size + 1) > 0
    return np.flatnonzero(present) - 1, (np.cumsum(present) - 1)[codes + 1]


def _shown(value: object, own: Type) -> str:
    """As a query would print it, and find it again: a level by its name."""
    if own is Type.LEVEL and isinstance(value, int):
        return level_of(value).value
    return value.hex() if isinstance(value, bytes) else str(value)


def _lower(text: str) -> str:
    return text.encode().lower().decode()


def _decoded(text: str) -> dict[str, Any]:
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}


def _plain(text: str) -> str:
    try:
        return orjson.dumps(orjson.loads(text)).decode()
    except orjson.JSONDecodeError:
        return text


def plain_text(value: str) -> str:
    """JSON text as HQL reads it as text: a string without its quotes."""
    return str(orjson.loads(value)) if value.startswith('"') else value

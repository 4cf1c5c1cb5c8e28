"""Names and values beside a record, many records at a time → canonical columns and one JSON object a record."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import cast

import numpy as np
import numpy.typing as npt
import orjson
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from heimdall.ingest.decode.canonical import canonical_of
from heimdall.ingest.decode.json_merge import merged_text
from heimdall.ingest.decode.json_text import json_members, json_objects, json_values

Places = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

_FEW_NAMES = 16
"""So many are cheaper as columns, however few the records are."""

_MOST_NAMES = 64
"""A column costs some 0.1 ms whatever its length."""

_BITS = 62
"""Distinct names up to which one integer says which of them a record has."""


@dataclass(frozen=True, slots=True)
class Pairs:
    """Row i: record `owner[i]` has the name `names[codes[i]]` = `values[i]`. Owners never fall."""

    owner: Places
    codes: Places
    names: Sequence[str]
    """Each name once."""
    values: pl.Series
    """JSON text, not null."""

    def __len__(self) -> int:
        return len(self.owner)

    def where(self, mask: Mask) -> Pairs:
        return Pairs(self.owner[mask], self.codes[mask], self.names, self.values.filter(pl.Series(mask)))


@dataclass(frozen=True, slots=True)
class Even:
    """The same for records that all have the same names, each once: a column a name, of texts or numbers, none null."""

    columns: tuple[pl.Series, ...]
    """At least one."""

    def pairs(self) -> Pairs:
        count, each = len(self.columns[0]), len(self.columns)
        order = np.arange(count * each).reshape(each, count).T.ravel()
        values = pl.concat([json_values(column) for column in self.columns]).gather(pl.Series(order))
        names = [column.name for column in self.columns]
        return Pairs(np.repeat(np.arange(count), each), np.tile(np.arange(each), count), names, values)

    def taken(self, columns: Collection[str]) -> tuple[dict[str, pl.Series], list[pl.Series]]:
        """What `taken` answers; the columns that are left may be none."""
        found: dict[str, pl.Series] = {}
        left = {column.name: column for column in self.columns}
        ranked = [(known[1], name, known[0]) for name in left if (known := canonical_of(name)) is not None]
        for _, name, wanted in sorted(ranked):
            values = left[name]
            if wanted in columns and wanted not in found and (values.dtype == pl.String or values.dtype.is_integer()):
                found[wanted] = left.pop(name).cast(pl.String)
        return found, list(left.values())


def are_few(names: int, records: int) -> bool:
    """Whether so many names, which all records have, are cheaper as columns than pair by pair."""
    return 0 < names <= max(_FEW_NAMES, min(records, _MOST_NAMES))


def pairs_of(owner: Places, names: pl.Series, values: pl.Series) -> Pairs:
    """`names`: String, one a row."""
    encoded = _large(names).dictionary_encode()
    return Pairs(owner, encoded.indices.to_numpy().astype(np.int64), encoded.dictionary.to_pylist(), values)


def constant(name: str, owner: Places, values: pl.Series) -> Pairs:
    """One name for several records, in their order."""
    return Pairs(owner, np.zeros(len(owner), np.int64), [name], values)


def joined(parts: Iterable[Pairs]) -> Pairs:
    """Pairs of the same records; a record's own keep the order of the parts."""
    some = [part for part in parts if len(part)]
    if len(some) == 1:
        return some[0]
    if not some:
        nothing = np.zeros(0, np.int64)
        return Pairs(nothing, nothing, [], pl.Series([], dtype=pl.String))
    known: dict[str, int] = {}
    codes = []
    for part in some:
        place = np.array([known.setdefault(name, len(known)) for name in part.names], np.int64)
        codes.append(place[part.codes])
    owner = np.concatenate([part.owner for part in some])
    order = np.argsort(owner, kind="stable")
    values = pl.concat([part.values for part in some]).gather(pl.Series(order))
    return Pairs(owner[order], np.concatenate(codes)[order], list(known), values)


def taken(
    pairs: Pairs, columns: Collection[str], count: int, stated: Mapping[str, Mask] = MappingProxyType({})
) -> tuple[dict[str, pl.Series], Pairs]:
    """Texts and whole numbers that fill canonical `columns`, and the pairs that are left.

    A record's most telling name wins (`heimdall.ingest.decode.canonical`); what is another kind of value stays, and so
    does all that would fill a column which the record has from elsewhere: `stated`, a mask of records by column.
    """
    known = [canonical_of(name) for name in pairs.names]
    wanted = {column for each in known if each is not None and (column := each[0]) in columns}
    if not wanted:
        return {}, pairs
    found: dict[str, pl.Series] = {}
    gone = np.zeros(len(pairs), np.bool_)
    for column in sorted(wanted):
        ranks = np.array([each[1] if each is not None and each[0] == column else -1 for each in known], np.int64)
        rank = ranks[pairs.codes]
        wanted_rows = rank >= 0
        if column in stated:
            wanted_rows &= ~stated[column][pairs.owner]
        rows = np.flatnonzero(wanted_rows)
        values = pairs.values.gather(pl.Series(rows))
        usable = cast(Mask, values.str.starts_with('"').to_numpy())
        if not usable.all():
            usable = usable | cast(Mask, values.str.contains(r"^-?\d+$").to_numpy())
            rows, values = rows[usable], values.filter(pl.Series(usable))
        owners = pairs.owner[rows]
        if not bool((owners[1:] > owners[:-1]).all()):  # some record has two names for it
            order = np.lexsort((rank[rows], owners))
            order = order[np.concatenate(([True], owners[order][1:] != owners[order][:-1]))]
            rows, owners, values = rows[order], owners[order], values.gather(pl.Series(order))
        gone[rows] = True
        texts = unquoted(values)
        if len(rows) < count:
            texts = pl.Series([None], dtype=pl.String).new_from_index(0, count).scatter(pl.Series(owners), texts)
        found[column] = texts
    return found, pairs.where(~gone)


def unquoted(values: pl.Series) -> pl.Series:
    """The text of JSON strings; other values as they stand."""
    plain = values.str.strip_prefix('"').str.strip_suffix('"')
    rows = values.str.contains("\\", literal=True).arg_true()
    if not len(rows):
        return plain
    exact = [str(orjson.loads(value)) for value in values.gather(rows).to_list()]
    return plain.scatter(rows, pl.Series(exact, dtype=pl.String))


def objects_of(pairs: Pairs, count: int) -> pl.Series:
    """For each of `count` records its pairs as one JSON object; null where there is none.

    Of a name that a record has twice the last value counts.
    """
    if not len(pairs):
        return pl.Series([None], dtype=pl.String).new_from_index(0, count)
    if _repeats(pairs):
        pairs = pairs.where(_last_of_each(pairs))
    keys = pl.Series([f"{orjson.dumps(name).decode()}:" for name in pairs.names], dtype=pl.String)
    members = pl.select(pl.concat_str(pl.lit(keys.gather(pl.Series(pairs.codes))), pl.lit(pairs.values))).to_series()
    offsets = np.searchsorted(pairs.owner, np.arange(count + 1))
    text = joined_texts(members, offsets)
    some = pl.Series(offsets[1:] > offsets[:-1])
    braced = pl.concat_str(pl.lit("{"), pl.lit(text), pl.lit("}"))
    return pl.select(braced if bool(some.all()) else pl.when(pl.lit(some)).then(braced)).to_series()


def joined_texts(texts: pl.Series, offsets: Places) -> pl.Series:
    """Texts [offsets[i], offsets[i + 1]) with commas between them, for each i."""
    lists = pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), _large(texts))
    return cast(pl.Series, pl.from_arrow(pc.binary_join(lists, pa.scalar(",", pa.large_string()))))


def over(objects: pl.Series, pairs: Pairs, outer: Sequence[str], names: Collection[str], codes: Places) -> pl.Series:
    """`objects` (of `pairs`) with the members of `outer[codes[i]]` before their own; their own win.

    `outer`: JSON objects, empty for none; `names`: every name in them.
    """
    if not any(outer):
        return objects
    before = pl.Series([text or None for text in outer], dtype=pl.String).gather(pl.Series(codes))
    opened = pl.Series([text[:-1] + "," if text else None for text in outer], dtype=pl.String).gather(pl.Series(codes))
    both = pl.concat_str(pl.lit(opened), pl.lit(objects).str.slice(1))
    text = pl.select(pl.coalesce(both, pl.lit(before), pl.lit(objects))).to_series()
    clashing = np.array([name in names for name in pairs.names], np.bool_)
    if not clashing.any():
        return text
    rows = np.unique(pairs.owner[clashing[pairs.codes]])
    exact = [merged_text(before[row], objects[row]) for row in rows.tolist()]
    return text.scatter(pl.Series(rows), pl.Series(exact, dtype=pl.String))


def objects_over(columns: Sequence[pl.Series], outer: Sequence[str], codes: Places) -> pl.Series | None:
    """One JSON object a record: the members of `outer[codes[i]]`, then one a column; None where there are none.

    `outer`: JSON objects, empty for none; no column has one of their names.
    """
    if not any(outer):
        return json_objects(columns) if columns else None
    if len(outer) == 1:
        if not columns:
            return pl.Series(outer).new_from_index(0, len(codes))
        return json_objects(columns, before=outer[0][1:-1])
    members = pl.Series([f",{text[1:-1]}" if text else None for text in outer], dtype=pl.String)
    return json_objects([], [members.gather(pl.Series(codes)), *(json_members(column) for column in columns)])


def _repeats(pairs: Pairs) -> bool:
    """Whether some record has a name twice."""
    starts = np.flatnonzero(np.concatenate(([True], pairs.owner[1:] != pairs.owner[:-1])))
    if len(pairs.names) <= _BITS:
        bits = np.int64(1) << pairs.codes
        # different powers of two add up to what their bits say; equal ones carry
        return bool((np.add.reduceat(bits, starts) != np.bitwise_or.reduceat(bits, starts)).any())
    both = np.sort(pairs.owner * len(pairs.names) + pairs.codes, kind="stable")
    return bool((both[1:] == both[:-1]).any())


def _last_of_each(pairs: Pairs) -> Mask:
    both = pairs.owner * len(pairs.names) + pairs.codes
    order = np.argsort(both, kind="stable")
    ends = np.concatenate((both[order][1:] != both[order][:-1], [True]))
    last = np.zeros(len(pairs), np.bool_)
    last[order[ends]] = True
    return last


def _large(text: pl.Series) -> pa.Array:
    array = text.to_arrow().cast(pa.large_string())
    return array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array

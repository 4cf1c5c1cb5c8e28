"""JSON inside the message (container wrappers, loggers behind loggers): the inner record takes the outer one's place.

`{"log":"{\"level\":\"warn\",\"msg\":\"slow\"}\n","stream":"stdout","time":"…"}` is the record the program wrote, with
what the wrapper knows besides. An outer field that says something else under the same name becomes `outer.<name>`.
"""

from __future__ import annotations

from typing import cast

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from heimdall.ingest.decode.fields import Canonical
from heimdall.ingest.decode.json_merge import merged_objects
from heimdall.ingest.decode.json_records import parse_record
from heimdall.ingest.decode.json_schema import SchemaMemory
from heimdall.model.batch import LOG_SCHEMA

_MAX_LAYERS = 3
"""Program, container runtime, collector: more wrapping than that stays text."""


def unwrapped(outer: Canonical, *, now_ns: int, schemas: SchemaMemory, layers: int = _MAX_LAYERS) -> Canonical:
    """The same records, those whose message is a JSON object merged with what it says."""
    message = outer.table["message"].combine_chunks()
    starts = cast(pl.Series, pl.from_arrow(pc.starts_with(message, "{"))) & outer.own_message
    if layers == 0 or not starts.any():
        return outer
    rows = starts.arg_true()
    lines = [text.encode() for text in message.take(rows.to_arrow()).to_pylist()]
    from heimdall.ingest.decode.json import canonical_of_lines  # noqa: PLC0415  (they call each other)

    good = list(range(len(lines)))
    inner = canonical_of_lines(lines, now_ns=now_ns, schemas=schemas)
    if inner is None:
        good = [place for place, line in enumerate(lines) if _is_object(line)]
        inner = canonical_of_lines([lines[place] for place in good], now_ns=now_ns, schemas=schemas)
    if inner is None:
        return outer
    inner = unwrapped(inner, now_ns=now_ns, schemas=schemas, layers=layers - 1)
    return _merged(outer, inner, rows.gather(good))


def _is_object(line: bytes) -> bool:
    if not line.rstrip().endswith(b"}"):
        return False
    try:
        parse_record(line)
    except ValueError:
        return False
    return True


def _merged(outer: Canonical, inner: Canonical, rows: pl.Series) -> Canonical:
    height = outer.table.num_rows
    place = pl.Series([None], dtype=pl.UInt32).new_from_index(0, height)
    place = place.scatter(rows, pl.int_range(len(rows), dtype=pl.UInt32, eager=True))
    index = place.to_arrow()
    columns: dict[str, pa.Array] = {}
    for name in LOG_SCHEMA.names:
        mine = outer.table[name].combine_chunks() if name in outer.table.column_names else None
        theirs = inner.table[name].combine_chunks().take(index) if name in inner.table.column_names else None
        if mine is not None and theirs is not None:
            columns[name] = (
                _merged_objects(mine, theirs, outer.attribute_names) if name == "attributes" else _first(theirs, mine)
            )
        elif mine is not None or theirs is not None:
            columns[name] = theirs if mine is None else mine
    names = (
        outer.attribute_names | inner.attribute_names
        if outer.attribute_names is not None and inner.attribute_names is not None
        else None
    )
    return Canonical(pa.table(columns), outer.own_message, names)


def _first(one: pa.Array, other: pa.Array) -> pa.Array:
    if pa.types.is_dictionary(one.type):
        return pc.coalesce(one.dictionary_decode(), other.dictionary_decode()).dictionary_encode()
    return pc.coalesce(one, other)


def _merged_objects(outer: pa.Array, inner: pa.Array, names: frozenset[str] | None) -> pa.Array:
    text = merged_objects(cast(pl.Series, pl.from_arrow(outer)), cast(pl.Series, pl.from_arrow(inner)), names)
    return text.to_arrow().cast(pa.large_string())

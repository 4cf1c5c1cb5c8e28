"""Which session a record belongs to, so that the order of records in it can be judged.

The narrowest key that a record has says it: its trace, else its request, its user's session, or the thread or process
that wrote it. What a key is worth shows in the records: one that never comes twice has no order, and is never odd.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

KEYS: Final = ("request_id", "session_id")
"""Columns that name a session where there is no trace, in this order."""

_WRITER: Final = (
    r'"(?:thread|thread[._](?:name|id)|process[._]thread[._](?:name|id)|pid|process[._]pid)": ?("[^"\\]+"|[0-9]+)'
)
_PLACE: Final = ("service", "instance")
"""A thread or process is one of its own in each of these."""


WRITERS_OF: Final = 1_024
"""Records of a batch whose thread or process is looked for, 1 µs each: neighbours, so that their order stays whole."""


def sessions_of(table: pa.Table) -> NDArray[np.uint64]:
    """64 bits of the session of each record; 0 where there is none."""
    found = _traces(table)
    for name in KEYS:
        if name in table.column_names and not found.all():
            found = np.where(found == 0, _hashed(table.column(name), name), found)
    if "attributes" in table.column_names and not found.all():
        found[:WRITERS_OF] = np.where(found[:WRITERS_OF] == 0, _writers(table.slice(0, WRITERS_OF)), found[:WRITERS_OF])
    return found


def _hashed(column: pa.ChunkedArray, name: str) -> NDArray[np.uint64]:
    if column.null_count == len(column):
        return np.zeros(len(column), np.uint64)
    text = pl.Series(name, column.cast(pa.large_string()))
    hashes = pl.concat([pl.Series(name, [name], pl.String), text]).hash(seed=1).to_numpy()
    there = (text.is_not_null() & (text != "")).fill_null(False).to_numpy()
    return np.asarray(np.where(there, hashes[1:] ^ hashes[0] | np.uint64(1), np.uint64(0)), np.uint64)


def _writers(table: pa.Table) -> NDArray[np.uint64]:
    """Of the thread or process in each record's attributes, with where it runs."""
    column = table.column("attributes")
    if column.null_count == len(column):
        return np.zeros(len(column), np.uint64)
    writer = pl.Series("writer", column).str.extract(_WRITER, 1)
    places = [
        pl.Series(name, table.column(name).cast(pa.large_string())) for name in _PLACE if name in table.column_names
    ]
    text = pl.select(pl.concat_str([*places, writer], separator="\0", ignore_nulls=True)).to_series()
    hashes = text.hash(seed=2).to_numpy() | np.uint64(1)
    return np.asarray(np.where(writer.is_not_null().to_numpy(), hashes, np.uint64(0)), np.uint64)


def _traces(table: pa.Table) -> NDArray[np.uint64]:
    """64 bits of each trace id; 0 where there is none."""
    if "trace_id" not in table.column_names or table.column("trace_id").null_count == table.num_rows:
        return np.zeros(table.num_rows, np.uint64)
    column = table.column("trace_id").combine_chunks()
    if isinstance(column, pa.ChunkedArray):
        column = column.chunk(0)
    filled = pc.fill_null(column, pa.scalar(bytes(16), pa.binary(16)))
    words = np.frombuffer(filled.buffers()[1], np.uint64, count=2 * len(filled), offset=filled.offset * 16)
    return np.asarray(words[::2] ^ words[1::2], np.uint64)

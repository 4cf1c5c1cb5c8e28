"""Which session a record belongs to, so that the order of records in it can be judged.

The narrowest key that a record has says it: its trace, else its request, its user's session, or the thread or process
that wrote it. What a key is worth shows in the records: one that never comes twice has no order, and is never odd.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from heimdall.insight.conformal import Rows
from heimdall.pipeline.stages.detect.fieldvalues import encoded

KEYS: Final = ("request_id", "session_id")
"""Columns that name a session where there is no trace, in this order."""

_WRITER: Final = (
    r'"(?:thread|thread[._](?:name|id)|process[._]thread[._](?:name|id)|pid|process[._]pid)": ?'
    r'(?P<writer>"[^"\\]+"|[0-9]+)'
)
_MULTIPLIER: Final = np.uint64(0x9E3779B97F4A7C15)
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
    codes, texts = encoded(column)
    there = np.array([*map(bool, texts), False])[codes]
    return _mixed(np.where(there, codes, -1), KEYS.index(name))


def _writers(table: pa.Table) -> NDArray[np.uint64]:
    """Of the thread or process in each record's attributes, with where it runs."""
    column = table.column("attributes")
    if column.null_count == len(column):
        return np.zeros(len(column), np.uint64)
    writers, _ = encoded(pc.struct_field(pc.extract_regex(column, pattern=_WRITER), "writer"))
    codes = writers
    for name in _PLACE:
        if name in table.column_names:
            own, texts = encoded(table.column(name))
            codes = codes * (len(texts) + 1) + own + 1
    return _mixed(np.where(writers < 0, -1, codes), len(KEYS))


def _mixed(codes: Rows, kind: int) -> NDArray[np.uint64]:
    """Numbers below 0 as 0, others spread over 64 bits: of one batch only, which is all that they are compared in."""
    spread = (codes.astype(np.uint64) * np.uint64(len(KEYS) + 1) + np.uint64(kind + 1)) * _MULTIPLIER
    return np.asarray(np.where(codes < 0, np.uint64(0), spread), np.uint64)


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

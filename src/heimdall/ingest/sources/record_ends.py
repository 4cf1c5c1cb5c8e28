"""Where a chunk of a growing stream may end: before the last record, which may yet go on."""

from __future__ import annotations

import polars as pl

from heimdall.ingest.decode.container_log import unwrap
from heimdall.ingest.decode.lines import lines_of
from heimdall.ingest.decode.multiline import continuations
from heimdall.ingest.decode.recognise import known_lines
from heimdall.ingest.decode.text import MAX_RECORD_BYTES

_WINDOW_BYTES = 16 << 10
"""Looked at from the end; grown eightfold until a record begins in it."""


def closed_records_end(data: bytes) -> int:
    """How many bytes of `data` (whole lines) hold records that nothing can continue any more."""
    window = _WINDOW_BYTES
    while True:
        begin = 0 if window >= len(data) else data.find(b"\n", len(data) - window) + 1
        start = _last_start(data[begin:])
        if start > 0 or begin == 0:
            break
        window *= 8
    if start == 0 and len(data) > MAX_RECORD_BYTES:
        return len(data)  # one record, and over the limit: its end would be cut anyway
    return begin + start


def _last_start(data: bytes) -> int:
    """Offset of the first line of the last record; the length of `data` when that record cannot go on."""
    lines = lines_of(data)
    texts = lines if lines.dtype == pl.String else lines_of(data.decode("latin-1").encode())
    rows = texts.str.strip_chars_end("\r").str.contains(r"[^\s\x00]").arg_true()
    if rows.is_empty():
        return len(data)
    kept = texts.gather(rows)
    wrapped = unwrap(kept)
    inner = kept if wrapped is None else wrapped.lines
    known, joins = known_lines(inner)
    continues = continuations(inner, known, joins, more_follows=True)
    if wrapped is None:
        if not joins[-1]:
            return len(data)
        line = int(rows[int((~continues).arg_true()[-1])])
    else:
        starts = pl.DataFrame({"row": wrapped.rows, "stream": wrapped.streams}).filter(~continues)
        line = int(rows[int(starts.group_by("stream").agg(pl.col("row").max())["row"].min())])  # type: ignore[arg-type]
    return len(b"\n".join(data.split(b"\n", line)[:line])) + (1 if line else 0)

"""Loki's `PushRequest` in protobuf → records. Source: Grafana Loki, pkg/push/push.proto."""

from __future__ import annotations

import numpy as np
import polars as pl

from heimdall.errors import InvalidInput, TooLarge
from heimdall.ingest.decode.decoded import Decoded, RejectedList
from heimdall.ingest.decode.json import MAX_RECORDS
from heimdall.ingest.decode.json_schema import SchemaMemory
from heimdall.ingest.decode.json_text import json_values
from heimdall.ingest.decode.loki import decode_entries, parse_labels
from heimdall.ingest.decode.otlp_values import MAX_FIELDS
from heimdall.ingest.decode.pairs import pairs_of
from heimdall.ingest.decode.protobuf import LENGTH, VARINT, Places, Wire, WireFields

_STREAMS, _LABELS, _ENTRIES, _TIMESTAMP, _LINE, _METADATA = 1, 1, 2, 1, 2, 3
_SECONDS, _NANOS, _NAME, _VALUE = 1, 2, 1, 2

_SECOND_NS = 1_000_000_000
_MOST_SECONDS = 2**63 // _SECOND_NS - 1


def decode_loki_protobuf(body: bytes, *, now_ns: int, schemas: SchemaMemory) -> Decoded:
    """Records of one request, decompressed. A malformed entry is rejected alone.

    Raises:
        InvalidInput: it is no such request.
        TooLarge: more than `MAX_RECORDS` entries.
    """
    wire = Wire(body)
    request = _messages(wire, np.zeros(1, np.int64), np.array([len(body)], np.int64))
    rows = request.select(_STREAMS, LENGTH)
    sent = _messages(wire, request.start[rows], request.end[rows])
    labels, _ = wire.text(*sent.span(_LABELS))
    known: dict[str, int] = {}
    codes = np.array([known.setdefault(text, len(known)) for text in labels.to_list()], np.int64)
    streams = [parse_labels(text) for text in known]
    rows = sent.select(_ENTRIES, LENGTH)
    if len(rows) > MAX_RECORDS:
        raise TooLarge(f"more than {MAX_RECORDS} entries in one request; send smaller batches")
    entries = wire.fields(sent.start[rows], sent.end[rows], most=MAX_FIELDS)
    stamps = wire.fields(*entries.span(_TIMESTAMP), most=MAX_FIELDS)
    pair_rows = entries.select(_METADATA, LENGTH)
    pairs = wire.fields(entries.start[pair_rows], entries.end[pair_rows], most=MAX_FIELDS)
    broken = entries.broken | stamps.broken
    broken[entries.message[pair_rows][pairs.broken]] = True
    rejected = RejectedList()
    for row in np.flatnonzero(broken).tolist():
        start = int(sent.start[rows[row]])
        rejected.add(row + 1, "not an entry", body[start : min(int(sent.end[rows[row]]), start + 200)])
    lines, odd_lines = wire.text(*entries.span(_LINE))
    names, odd_names = wire.text(*pairs.span(_NAME))
    values, odd_values = wire.text(*pairs.span(_VALUE))
    odd = np.zeros(len(rows), np.bool_) if odd_lines is None else odd_lines.copy()
    for some in (odd_names, odd_values):
        if some is not None:
            odd[entries.message[pair_rows][some]] = True
    good = ~broken
    place = np.cumsum(good) - 1
    owner = entries.message[pair_rows]
    kept = good[owner]
    keep_pairs = pl.Series(kept)
    metadata = pairs_of(place[owner[kept]], names.filter(keep_pairs), json_values(values.filter(keep_pairs)))
    return decode_entries(
        streams,
        codes[sent.message[rows]][good],
        _times(stamps)[good],
        lines.filter(pl.Series(good)),
        metadata,
        odd[good],
        rejected,
        now_ns=now_ns,
        schemas=schemas,
    )


def _times(stamps: WireFields) -> Places:
    seconds = stamps.scalar(_SECONDS, VARINT).view(np.int64)
    nanos = stamps.scalar(_NANOS, VARINT).view(np.int64)
    return np.clip(seconds, 0, _MOST_SECONDS) * _SECOND_NS + np.clip(nanos, 0, _SECOND_NS - 1)


def _messages(wire: Wire, starts: Places, ends: Places) -> WireFields:
    fields = wire.fields(starts, ends, most=2 * MAX_RECORDS)
    if fields.broken.any():
        raise InvalidInput("the body is no PushRequest in protobuf")
    return fields

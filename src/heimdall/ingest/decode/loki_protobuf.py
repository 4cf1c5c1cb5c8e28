"""Loki's `PushRequest` in protobuf → records. Source: Grafana Loki, pkg/push/push.proto."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl

from heimdall.errors import InvalidInput, TooLarge
from heimdall.ingest.decode.decoded import Decoded, RejectedList, Together
from heimdall.ingest.decode.json import MAX_RECORDS
from heimdall.ingest.decode.json_schema import SchemaMemory
from heimdall.ingest.decode.json_text import json_values
from heimdall.ingest.decode.loki import decode_entries, parse_labels
from heimdall.ingest.decode.otlp_values import MAX_FIELDS
from heimdall.ingest.decode.pairs import Even, Pairs, pairs_of
from heimdall.ingest.decode.protobuf import Wire
from heimdall.ingest.decode.protobuf_even import even_texts
from heimdall.ingest.decode.protobuf_fields import LENGTH, VARINT, Mask, Places, WireFields
from heimdall.ingest.decode.protobuf_together import decode_together

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
    return _read(body, now_ns, schemas)[0]


def decode_loki_protobuf_together(bodies: list[bytes], *, now_ns: int, schemas: SchemaMemory) -> Together[Decoded]:
    """Records of several small requests in one go; raises what `decode_loki_protobuf` would for one of them."""
    return decode_together(bodies, lambda body: _read(body, now_ns, schemas))


def _read(body: bytes, now_ns: int, schemas: SchemaMemory) -> tuple[Decoded, Places]:
    """Its records, and where each entry begins."""
    wire = Wire(body)
    request = _messages(wire, np.zeros(1, np.int64), np.array([len(body)], np.int64))
    found = request.select(_STREAMS, LENGTH)
    sent = _messages(wire, found.start, found.end)
    labels, _ = wire.text(*sent.span(_LABELS))
    known: dict[str, int] = {}
    codes = np.array([known.setdefault(text, len(known)) for text in labels.to_list()], np.int64)
    streams = [parse_labels(text) for text in known]
    found = sent.select(_ENTRIES, LENGTH)
    if len(found) > MAX_RECORDS:
        raise TooLarge(f"more than {MAX_RECORDS} entries in one request; send smaller batches")
    entries = wire.fields(found.start, found.end, most=MAX_FIELDS)
    stamps = wire.fields(*entries.span(_TIMESTAMP), most=MAX_FIELDS)
    metadata, broken_pairs, odd = _metadata(wire, entries)
    broken = entries.broken | stamps.broken | broken_pairs
    rejected = RejectedList()
    for row in np.flatnonzero(broken).tolist():
        start = int(found.start[row])
        rejected.add(row + 1, "not an entry", body[start : min(int(found.end[row]), start + 200)])
    lines, odd_lines = wire.text(*entries.span(_LINE))
    if odd_lines is not None:
        odd |= odd_lines
    stream, times = codes[found.message], _times(stamps)
    if broken.any():
        good = ~broken
        stream, times, odd, lines = stream[good], times[good], odd[good], lines.filter(pl.Series(good))
        every = metadata.pairs() if isinstance(metadata, Even) else metadata
        kept = every.where(good[every.owner])
        metadata = replace(kept, owner=(np.cumsum(good) - 1)[kept.owner])
    decoded = decode_entries(streams, stream, times, lines, metadata, odd, rejected, now_ns=now_ns, schemas=schemas)
    return decoded, found.start


def _metadata(wire: Wire, entries: WireFields) -> tuple[Pairs | Even, Mask, Mask]:
    """Of the entries; and which of them are broken by it, which have bytes that are no UTF-8 in it."""
    sent = entries.select(_METADATA, LENGTH)
    columns = even_texts(wire, sent)
    broken, odd = np.zeros(entries.count, np.bool_), np.zeros(entries.count, np.bool_)
    if columns is not None:
        return columns, broken, odd
    pairs = wire.fields(sent.start, sent.end, most=MAX_FIELDS)
    broken[sent.message[pairs.broken]] = True
    names, odd_names = wire.text(*pairs.span(_NAME))
    values, odd_values = wire.text(*pairs.span(_VALUE))
    for some in (odd_names, odd_values):
        if some is not None:
            odd[sent.message[some]] = True
    return pairs_of(sent.message, names, json_values(values)), broken, odd


def _times(stamps: WireFields) -> Places:
    seconds = stamps.scalar(_SECONDS, VARINT).view(np.int64)
    nanos = stamps.scalar(_NANOS, VARINT).view(np.int64)
    return np.clip(seconds, 0, _MOST_SECONDS) * _SECOND_NS + np.clip(nanos, 0, _SECOND_NS - 1)


def _messages(wire: Wire, starts: Places, ends: Places) -> WireFields:
    fields = wire.fields(starts, ends, most=2 * MAX_RECORDS)
    if fields.broken.any():
        raise InvalidInput("the body is no PushRequest in protobuf")
    return fields

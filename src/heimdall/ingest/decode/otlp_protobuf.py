"""`ExportLogsServiceRequest` in protobuf → columns, without an object a record or a field."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import polars as pl
import pyarrow as pa
from google.protobuf.message import DecodeError
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from heimdall.errors import InvalidInput, TooLarge
from heimdall.ingest.decode.decoded import Decoded, RejectedList, Together
from heimdall.ingest.decode.fields import EARLIEST_NS, MAX_AHEAD_NS, Canonical, finished
from heimdall.ingest.decode.json import MAX_RECORDS, joined
from heimdall.ingest.decode.json_nested import unwrapped
from heimdall.ingest.decode.json_schema import SchemaMemory
from heimdall.ingest.decode.json_text import json_values
from heimdall.ingest.decode.levels import parse_levels
from heimdall.ingest.decode.oddity import ODDITY_FIELD, RAW_MESSAGE_FIELD, Oddity
from heimdall.ingest.decode.otlp import OPEN_COLUMNS, Origin, binary, filled, make_origin, origin_columns, real
from heimdall.ingest.decode.otlp_values import MAX_FIELDS, STRING, AnyValues, any_values, attributes_of, json_of
from heimdall.ingest.decode.pairs import Even, Pairs, constant, objects_of, objects_over, over, taken
from heimdall.ingest.decode.pairs import joined as joined_pairs
from heimdall.ingest.decode.protobuf import Wire
from heimdall.ingest.decode.protobuf_even import even_values
from heimdall.ingest.decode.protobuf_fields import FIXED32, FIXED64, LENGTH, VARINT, Mask, Places, WireFields
from heimdall.ingest.decode.protobuf_together import decode_together
from heimdall.model.batch import LOG_SCHEMA

_PIECE_BYTES = 8 << 20
"""Of records, made into columns at a time."""

_RESOURCE_LOGS, _RESOURCE, _SCOPE_LOGS, _SCOPE, _LOG_RECORDS = 1, 1, 2, 1, 2
_TIME, _SEVERITY, _SEVERITY_TEXT, _BODY, _ATTRIBUTES, _DROPPED, _FLAGS = 1, 2, 3, 5, 6, 7, 8
_TRACE_ID, _SPAN_ID, _OBSERVED, _EVENT_NAME = 9, 10, 11, 12
"""Field numbers of opentelemetry/proto/logs/v1/logs.proto."""


@dataclass(frozen=True, slots=True)
class _Records:
    """Where the log records lie, and whose they are."""

    starts: Places
    ends: Places
    origin: Places
    origins: list[Origin]

    def __len__(self) -> int:
        return len(self.starts)

    def at(self, rows: slice | Mask) -> _Records:
        return _Records(self.starts[rows], self.ends[rows], self.origin[rows], self.origins)


def decode_otlp_protobuf(body: bytes, *, now_ns: int, schemas: SchemaMemory | None = None) -> Decoded:
    """Records of one request. A malformed record is rejected alone.

    Raises:
        InvalidInput: it is no such request.
        TooLarge: more than `MAX_RECORDS` records.
    """
    return _read(body, now_ns, schemas or SchemaMemory())[0]


def decode_otlp_protobuf_together(bodies: list[bytes], *, now_ns: int, schemas: SchemaMemory) -> Together[Decoded]:
    """Records of several small requests in one go; raises what `decode_otlp_protobuf` would for one of them."""
    return decode_together(bodies, lambda body: _read(body, now_ns, schemas))


def _read(body: bytes, now_ns: int, schemas: SchemaMemory) -> tuple[Decoded, Places]:
    """Its records, and where each begins."""
    wire = Wire(body)
    rejected = RejectedList()
    tables: list[pa.Table] = []
    every = _records(wire)
    for first, records in _pieces(every):
        tables.append(_table(wire, records, np.arange(first, first + len(records)), now_ns, schemas, rejected))
    return rejected.decoded(joined(tables)), every.starts


def _records(wire: Wire) -> _Records:
    request = _messages(wire, np.zeros(1, np.int64), np.array([len(wire.data)], np.int64))
    sent = request.select(_RESOURCE_LOGS, LENGTH)
    resource_logs = _messages(wire, sent.start, sent.end)
    sent = resource_logs.select(_SCOPE_LOGS, LENGTH)
    of_resource = sent.message
    scope_logs = _messages(wire, sent.start, sent.end)
    sent = scope_logs.select(_LOG_RECORDS, LENGTH)
    if len(sent) > MAX_RECORDS:
        raise TooLarge(f"more than {MAX_RECORDS} records in one request; send smaller batches")
    resources = wire.binary(*resource_logs.span(_RESOURCE)).gather(pl.Series(of_resource)).to_list()
    scopes = wire.binary(*scope_logs.span(_SCOPE)).to_list()
    origins, codes = _origins(zip(resources, scopes, strict=True))
    return _Records(sent.start, sent.end, np.array(codes, np.int64)[sent.message], origins)


def _messages(wire: Wire, starts: Places, ends: Places) -> WireFields:
    fields = wire.fields(starts, ends, most=2 * MAX_RECORDS)
    if fields.broken.any():
        raise InvalidInput("the body is no ExportLogsServiceRequest in protobuf")
    return fields


def _origins(sent: Iterable[tuple[bytes, bytes]]) -> tuple[list[Origin], list[int]]:
    """Each resource and scope once, and which of them each pair is."""
    known: dict[tuple[bytes, bytes], int] = {}
    codes = [known.setdefault(pair, len(known)) for pair in sent]
    return [_origin(*pair) for pair in known], codes


def _origin(resource: bytes, scope: bytes) -> Origin:
    try:
        described = Resource.FromString(resource)
        by = InstrumentationScope.FromString(scope)
    except DecodeError as exc:
        raise InvalidInput(f"a resource or scope is no protobuf: {exc}") from exc
    return make_origin(_pairs(described.attributes), by.name, by.version, _pairs(by.attributes))


def _pieces(records: _Records) -> Iterator[tuple[int, _Records]]:
    """(number of its first record, from 1; records)."""
    sizes = np.cumsum(records.ends - records.starts)
    first = 0
    while first < len(records):
        before = sizes[first - 1] if first else 0
        last = max(int(np.searchsorted(sizes, before + _PIECE_BYTES, side="right")), first + 1)
        yield first + 1, records.at(slice(first, last))
        first = last


def _table(
    wire: Wire, records: _Records, numbers: Places, now_ns: int, schemas: SchemaMemory, rejected: RejectedList
) -> pa.Table:
    fields = wire.fields(records.starts, records.ends, most=MAX_FIELDS)
    count = len(records)
    sent = fields.select(_ATTRIBUTES, LENGTH)
    attributes: Pairs | Even | None = even_values(wire, sent)
    broken_pairs = odd_pairs = np.zeros(len(sent), np.bool_)
    if attributes is None:
        attributes, broken_pairs, odd_pairs = attributes_of(wire, sent)
    body = any_values(wire, *fields.span(_BODY))
    message, structured, bad = _message(wire, body)
    broken = fields.broken | body.broken | bad.broken
    broken[sent.message[broken_pairs]] = True
    if broken.any():
        for row in np.flatnonzero(broken).tolist():
            raw = wire.data[records.starts[row] : min(records.ends[row], records.starts[row] + 200)]
            rejected.add(int(numbers[row]), "not a log record", raw)
        good = ~broken
        if not good.any():
            return LOG_SCHEMA.empty_table().select([spec.name for spec in LOG_SCHEMA if not spec.nullable])
        return _table(wire, records.at(good), numbers[good], now_ns, schemas, rejected)
    odd = bad.odd.copy()
    odd[sent.message[odd_pairs]] = True
    columns: dict[str, pa.Array] = {**origin_columns(records.origins, records.origin)}
    extra: list[Pairs] = []
    columns["timestamp"], extra_times, late = _times(fields, now_ns)
    columns["severity_number"], texts = _severities(wire, fields)
    columns["trace_flags"] = _flags(fields)
    for name, number, size in (("trace_id", _TRACE_ID, 16), ("span_id", _SPAN_ID, 8)):
        columns[name], others = _id(wire, fields, number, name, size)
        extra.append(others)
    events, event_names = _event_names(wire, fields)
    silent = pl.Series(body.kind == 0)
    if len(events) and silent.any():
        message = pl.select(pl.when(pl.lit(silent)).then(pl.lit(event_names)).otherwise(pl.lit(message))).to_series()
    extra += [events, _dropped(fields), texts, extra_times, structured, bad.raw, _oddities(late, odd)]
    outer = frozenset(name for origin in records.origins for name in origin.members)
    objects, found, names = _attributes(attributes, joined_pairs(extra), _stated(columns), outer, records)
    columns |= {name: filled(columns.get(name), name, values) for name, values in found.items()}
    if objects is not None:
        columns["attributes"] = objects.to_arrow().cast(pa.large_string())
    columns["message"] = message.to_arrow().cast(pa.large_string())
    some = {name: columns[name] for name in LOG_SCHEMA.names if name in columns and columns[name].null_count < count}
    whole = Canonical(pa.table(some), pl.Series(body.kind <= STRING), outer | names)
    return finished(unwrapped(whole, now_ns=now_ns, schemas=schemas).table, now_ns=now_ns)


def _attributes(
    sent: Pairs | Even, extra: Pairs, stated: Mapping[str, Mask], outer: frozenset[str], records: _Records
) -> tuple[pl.Series | None, dict[str, pl.Series], frozenset[str]]:
    """As JSON objects, the resource's first; those that fill columns; and the names of the records' own that are left.

    `outer`: the names of the resources' and scopes' attributes.
    """
    texts = [f"{{{origin.text}}}" if origin.text else "" for origin in records.origins]
    if isinstance(sent, Even):
        found, columns = sent.taken(OPEN_COLUMNS)
        names = frozenset(column.name for column in columns)
        if not len(extra) and stated.keys().isdisjoint(found) and outer.isdisjoint(names):
            return objects_over(columns, texts, records.origin), found, names
        sent = sent.pairs()
    found, left = taken(joined_pairs([sent, extra]), OPEN_COLUMNS, len(records), stated)
    objects = over(objects_of(left, len(records)), left, texts, outer, records.origin)
    return objects, found, frozenset(left.names)


def _stated(columns: Mapping[str, pa.Array]) -> dict[str, Mask]:
    """Where the resource says what a column holds."""
    return {
        name: cast(Mask, column.is_valid().to_numpy(zero_copy_only=False))
        for name, column in columns.items()
        if name in OPEN_COLUMNS and column.null_count < len(column)
    }


@dataclass(frozen=True, slots=True)
class _Bad:
    broken: Mask
    odd: Mask
    raw: Pairs
    """The bytes of messages that are no UTF-8."""


def _message(wire: Wire, body: AnyValues) -> tuple[pl.Series, Pairs, _Bad]:
    """The body as text; bodies that are none also as `body`, with their types."""
    count = len(body.kind)
    is_text = body.kind <= STRING
    empty = np.zeros(count, np.int64)
    text, not_utf8 = wire.text(np.where(is_text, body.start, empty), np.where(is_text, body.end, empty))
    odd = np.zeros(count, np.bool_) if not_utf8 is None else not_utf8
    rows = np.flatnonzero(odd)
    raw = wire.binary(body.start[rows], body.end[rows]).bin.encode("base64")
    originals = constant(RAW_MESSAGE_FIELD, rows, json_values(raw, plain=True))
    broken = np.zeros(count, np.bool_)
    rows = np.flatnonzero(~is_text)
    if not len(rows):
        return text, joined_pairs([]), _Bad(broken, odd, originals)
    found = json_of(wire, body.at(rows))
    broken[rows] |= found.broken
    odd = odd.copy()
    odd[rows] |= found.odd
    shown = found.json.str.strip_prefix('"').str.strip_suffix('"')
    typed = ~cast(Mask, found.json.str.starts_with('"').to_numpy())
    kept = constant("body", rows[typed], found.json.filter(pl.Series(typed)))
    return text.scatter(pl.Series(rows), shown), kept, _Bad(broken, odd, originals)


def _times(fields: WireFields, now_ns: int) -> tuple[pa.Array, Pairs, Mask]:
    """The record's time, else the observed one, else now; times a log cannot have stay as they were sent."""
    sent, observed = fields.scalar(_TIME, FIXED64), fields.scalar(_OBSERVED, FIXED64)
    first, last = np.uint64(EARLIEST_NS), np.uint64(now_ns + MAX_AHEAD_NS)
    good, stated = (sent >= first) & (sent <= last), sent != 0
    seen = (observed >= first) & (observed <= last) & ~stated
    time = np.where(good, sent, np.where(seen, observed, np.uint64(now_ns))).astype(np.int64)
    late = stated & ~good
    rows = np.flatnonzero(late)
    kept = constant("time_unix_nano", rows, pl.Series(sent[rows]).cast(pl.String))
    return pa.array(time, pa.int64()).cast(LOG_SCHEMA.field("timestamp").type), kept, late


def _severities(wire: Wire, fields: WireFields) -> tuple[pa.Array, Pairs]:
    """The numbers, or what the text says where there is none; and texts of no known level."""
    sent = fields.scalar(_SEVERITY, VARINT)
    number = np.where((sent > 0) & (sent <= 24), sent, np.uint64(0)).astype(np.uint8)
    start, end = fields.span(_SEVERITY_TEXT)
    rows = np.flatnonzero(end > start)
    if not len(rows):
        return pa.array(number), joined_pairs([])
    texts = wire.text(start[rows], end[rows])[0]
    levels = parse_levels(texts)
    told = levels.fill_null(0).to_numpy()
    number[rows] = np.where(sent[rows] == 0, told, number[rows])
    unknown = rows[cast(Mask, levels.is_null().to_numpy())]
    return pa.array(number), constant("severity_text", unknown, json_values(texts.filter(levels.is_null())))


def _flags(fields: WireFields) -> pa.Array:
    flags = fields.scalar(_FLAGS, FIXED32)
    return pa.array((flags & np.uint64(0xFF)).astype(np.uint8), mask=flags == 0)


def _id(wire: Wire, fields: WireFields, number: int, name: str, size: int) -> tuple[pa.Array, Pairs]:
    """Ids of the right size as bytes; others in hexadecimal, as an attribute."""
    start, end = fields.span(number)
    length = end - start
    right = length == size
    raw = np.ascontiguousarray(wire.fixed(np.where(right, start, 0), size))
    right &= (raw.view(np.uint64) != 0).any(axis=1)
    validity = np.packbits(right, bitorder="little")
    buffers = [pa.py_buffer(validity), pa.py_buffer(raw)]
    column = pa.FixedSizeBinaryArray.from_buffers(pa.binary(size), len(start), buffers)
    rows = np.flatnonzero((length > 0) & (length != size))
    return column, constant(name, rows, json_values(wire.binary(start[rows], end[rows]).bin.encode("hex")))


def _event_names(wire: Wire, fields: WireFields) -> tuple[Pairs, pl.Series]:
    start, end = fields.span(_EVENT_NAME)
    rows = np.flatnonzero(end > start)
    if not len(rows):
        return joined_pairs([]), pl.Series([], dtype=pl.String)
    texts = wire.text(start, end)[0]
    return constant("event_name", rows, json_values(texts.gather(pl.Series(rows)))), texts


def _dropped(fields: WireFields) -> Pairs:
    dropped = fields.scalar(_DROPPED, VARINT) & np.uint64(0xFFFFFFFF)
    rows = np.flatnonzero(dropped)
    return constant("dropped_attributes_count", rows, pl.Series(dropped[rows]).cast(pl.String))


def _oddities(late: Mask, odd: Mask) -> Pairs:
    rows = np.flatnonzero(late | odd)
    marks = np.where(late[rows], np.where(odd[rows], 2, 0), 1)
    texts = (f'["{Oddity.TIME_OUT_OF_RANGE}"]', f'["{Oddity.INVALID_UTF8}"]')
    both = f'["{Oddity.TIME_OUT_OF_RANGE}","{Oddity.INVALID_UTF8}"]'
    return constant(ODDITY_FIELD, rows, pl.Series([*texts, both]).gather(pl.Series(marks)))


def _pairs(pairs: Iterable[KeyValue]) -> dict[str, Any]:
    return {pair.key: _value(pair.value) for pair in pairs}


def _value(value: AnyValue) -> Any:
    # the decoder refuses messages nested deeper than 100, which bounds this recursion
    kind = value.WhichOneof("value")
    if kind == "double_value":
        return real(value.double_value)
    if kind == "kvlist_value":
        return _pairs(value.kvlist_value.values)
    if kind == "array_value":
        return [_value(element) for element in value.array_value.values]
    if kind == "bytes_value":
        return binary(value.bytes_value)
    return getattr(value, kind) if kind else None

"""Messages whose schema a registry has (Avro, Protobuf, JSON Schema) → records, a schema's at a time.

Such a message begins with a zero byte and the schema's id; Protobuf then says which message of its file it is.
Source: Confluent Platform, "Schema Registry serializers and deserializers", wire format.
"""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
import polars as pl
import pyarrow as pa
from google.protobuf.descriptor_pb2 import FileDescriptorProto

from heimdall.bus.registry.protobuf import parse_protobuf
from heimdall.bus.registry.schema import RegistryError
from heimdall.ingest.decode.avro import AvroSchema, avro_columns, avro_schema, datum_text
from heimdall.ingest.decode.fields import Fields, canonical, finished
from heimdall.ingest.decode.hints import NO_HINTS
from heimdall.ingest.decode.json import joined
from heimdall.ingest.decode.json_schema import SchemaMemory
from heimdall.ingest.decode.json_text import json_objects
from heimdall.ingest.decode.kafka import Messages
from heimdall.ingest.decode.payloads import Format, PayloadsDecoded, decode_payloads, with_envelopes
from heimdall.ingest.decode.protobuf import Wire
from heimdall.ingest.decode.protobuf_fields import Mask, Places
from heimdall.ingest.decode.protobuf_messages import ProtobufType, message_columns, message_text, protobuf_type

_HEAD_BYTES = 5
_MAX_INDEXES = 16
_MAX_COMPILED = 1000
"""Schemas ready to read with; a cluster has hundreds."""

Columns = Callable[[Wire, Places, Places], tuple[pl.DataFrame, Mask]]


@dataclass(frozen=True, slots=True)
class RegisteredSchema:
    text: str
    """Avro and JSON Schema as JSON, Protobuf as a FileDescriptorProto in base64."""
    type: Literal["AVRO", "JSON", "PROTOBUF"]
    references: tuple[str, ...] = ()
    """Texts of the schemas it uses, those that are used by others first."""


@dataclass(frozen=True, slots=True)
class _Reader:
    columns: Columns | None
    text: Callable[[bytes], bytes]
    """One message as JSON or text. Raises ValueError with the reason."""


@dataclass(slots=True)
class Readers:
    """What is made once a schema. Used by one thread."""

    _known: OrderedDict[tuple[int, tuple[int, ...]], _Reader] = field(default_factory=OrderedDict)

    def reader(self, schema_id: int, schema: RegisteredSchema, indexes: tuple[int, ...]) -> _Reader:
        """Raises ValueError: the schema cannot be used, with the reason."""
        key = (schema_id, indexes)
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = _made(schema, indexes)
            if len(self._known) > _MAX_COMPILED:
                self._known.popitem(last=False)
        self._known.move_to_end(key)
        return known


def schema_id_of(value: bytes) -> int | None:
    """None: it does not begin as such a message does."""
    return int.from_bytes(value[1:_HEAD_BYTES]) if value[:1] == b"\0" and len(value) >= _HEAD_BYTES else None


def decode_registered(
    messages: Messages,
    found: dict[int, RegisteredSchema | str],
    readers: Readers,
    format: Format,
    *,
    now_ns: int,
    schemas: SchemaMemory,
) -> PayloadsDecoded:
    """Records of `messages`. `found`: each schema id they name → its schema, or why there is none.

    Messages that name no schema are read as `decode_payloads` does. One that cannot be read does not take the others
    with it.
    """
    groups: dict[tuple[int, tuple[int, ...]], list[tuple[int, int]]] = defaultdict(list)
    plain: list[tuple[int, bytes]] = []
    undecodable: list[tuple[int, str]] = []
    for place, value in enumerate(messages.values):
        schema_id = schema_id_of(value)
        schema = None if schema_id is None else found[schema_id]
        if schema_id is None or schema is None:
            plain.append((place, value))
        elif isinstance(schema, str):
            undecodable.append((place, schema))
        elif schema.type == "JSON":
            plain.append((place, value[_HEAD_BYTES:]))
        elif schema.type == "AVRO":
            groups[schema_id, ()].append((place, _HEAD_BYTES))
        else:
            indexes, begin = _indexes(value)
            if begin < 0:
                undecodable.append((place, "the message does not say which of its schema's messages it is"))
            else:
                groups[schema_id, indexes].append((place, begin))
    tables: list[pa.Table] = []
    for (schema_id, indexes), members in groups.items():
        known = found[schema_id]
        try:
            reader = readers.reader(schema_id, known, indexes)  # type: ignore[arg-type]  # texts are gone above
        except ValueError as exc:
            undecodable += [(place, f"schema {schema_id}: {exc}") for place, _ in members]
            continue
        if reader.columns is not None:
            _by_columns(reader.columns, messages, members, tables, undecodable, now_ns)
        else:
            _one_by_one(reader.text, messages, members, plain, undecodable)
    if plain:
        plain.sort()
        places = [place for place, _ in plain]
        texts = replace(messages.at(places), values=[value for _, value in plain])
        decoded = decode_payloads(texts, format, now_ns=now_ns, schemas=schemas)
        tables.append(decoded.table)
        undecodable += [(places[place], reason) for place, reason in decoded.undecodable]
    undecodable.sort()
    whole = joined([table for table in tables if table.num_rows])
    return PayloadsDecoded(whole, (), len(undecodable), tuple(undecodable))


def _by_columns(
    read: Columns,
    messages: Messages,
    members: list[tuple[int, int]],
    tables: list[pa.Table],
    undecodable: list[tuple[int, str]],
    now_ns: int,
) -> None:
    places = np.array([place for place, _ in members], np.int64)
    values = [messages.values[place] for place, _ in members]
    ends = np.cumsum(np.fromiter(map(len, values), np.int64, len(values)))
    starts = np.concatenate((np.zeros(1, np.int64), ends[:-1])) + np.array([begin for _, begin in members], np.int64)
    frame, good = read(Wire(b"".join(values)), starts, ends)
    if not good.all():
        undecodable += [(place, "it is not what its schema says") for place in places[~good].tolist()]
        frame, places = frame.filter(pl.Series(good)), places[good]
    if not len(places):
        return
    own = [column for column in frame.get_columns() if column.null_count() < len(column)]

    def raw() -> pl.Series:
        return json_objects(own).fill_null("{}") if own else pl.Series(["{}"]).new_from_index(0, len(places))

    fields = Fields(pl.DataFrame(own) if own else frame, len(places), raw=raw)
    table = finished(canonical(fields, now_ns=now_ns, hints=NO_HINTS).table, now_ns=now_ns)
    tables.append(with_envelopes(table, messages.at(places.tolist()), now_ns=now_ns))


def _one_by_one(
    read: Callable[[bytes], bytes],
    messages: Messages,
    members: list[tuple[int, int]],
    plain: list[tuple[int, bytes]],
    undecodable: list[tuple[int, str]],
) -> None:
    for place, begin in members:
        try:
            plain.append((place, read(messages.values[place][begin:])))
        except ValueError as exc:
            undecodable.append((place, str(exc)))


def _made(schema: RegisteredSchema, indexes: tuple[int, ...]) -> _Reader:
    if schema.type == "AVRO":
        return _avro(avro_schema(schema.text, schema.references))
    try:
        files: list[FileDescriptorProto] = [parse_protobuf(text) for text in (*schema.references, schema.text)]
    except RegistryError as exc:
        raise ValueError(str(exc)) from exc
    return _protobuf(protobuf_type(files, indexes))


def _avro(schema: AvroSchema) -> _Reader:
    read = schema.read
    columns: Columns | None = None
    if read is not None:
        columns = lambda wire, starts, ends: avro_columns(read, wire, starts, ends)  # noqa: E731  (one of two forms)
    return _Reader(columns, lambda datum: datum_text(schema, datum))


def _protobuf(kind: ProtobufType) -> _Reader:
    columns: Columns | None = None
    if kind.by_columns:
        columns = lambda wire, starts, ends: message_columns(kind.descriptor, wire, starts, ends)  # noqa: E731
    return _Reader(columns, lambda message: message_text(kind, message))


def _indexes(value: bytes) -> tuple[tuple[int, ...], int]:
    """Which message of the file it is, and where it begins; -1 where that cannot be read."""
    count, at = _zigzag(value, _HEAD_BYTES)
    if count == 0 and at > 0:
        return (0,), at
    if at < 0 or not 0 < count <= _MAX_INDEXES:
        return (), -1
    indexes: list[int] = []
    for _ in range(count):
        index, at = _zigzag(value, at)
        if at < 0 or index < 0:
            return (), -1
        indexes.append(index)
    return tuple(indexes), at


def _zigzag(value: bytes, at: int) -> tuple[int, int]:
    number = shift = 0
    for place in range(at, min(at + 5, len(value))):
        number |= (value[place] & 0x7F) << shift
        if value[place] < 0x80:
            return number >> 1 ^ -(number & 1), place + 1
        shift += 7
    return 0, -1


def ids_of(values: Sequence[bytes]) -> set[int]:
    """Schema ids that the messages name."""
    return {schema_id for value in values if (schema_id := schema_id_of(value)) is not None}

"""Protobuf messages of one type → columns, with its descriptor, without an object a record or a field.

Scalar fields, enums and messages inside are read so, `google.protobuf.Timestamp` as nanoseconds. A type with repeated
fields, maps, groups or itself inside is not: `message_text` reads one message with the library then. A field that is
not on the wire is null, whatever its default.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson
import polars as pl
from google.protobuf import json_format
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import DecodeError
from google.protobuf.message_factory import GetMessageClass

from heimdall.ingest.decode.protobuf import Wire
from heimdall.ingest.decode.protobuf_fields import FIXED32, FIXED64, LENGTH, VARINT, Mask, Places, WireFields

_F = FieldDescriptor
_MAX_DEPTH = 8
_MAX_FIELDS = 10_000
_TIMESTAMP = "google.protobuf.Timestamp"


@dataclass(frozen=True, slots=True)
class ProtobufType:
    """Made once a schema and message type."""

    descriptor: Descriptor
    by_columns: bool


def protobuf_type(files: Sequence[FileDescriptorProto], indexes: Sequence[int]) -> ProtobufType:
    """The type at `indexes` (in its file, in that type, …) of the last of `files`; those it uses come before it.

    Raises:
        ValueError: there is none, or the files do not fit together.
    """
    pool = DescriptorPool()
    for known in _well_known():
        pool.Add(known)
    try:
        for file in files:
            if not file.name.startswith("google/protobuf/"):
                pool.Add(file)
        message: Any = files[-1]
        nested = message.message_type
        path = [files[-1].package] if files[-1].package else []
        for index in indexes:
            message = nested[index]
            nested = message.nested_type
            path.append(message.name)
        descriptor = pool.FindMessageTypeByName(".".join(path))
    except (IndexError, KeyError, TypeError) as exc:
        raise ValueError(f"the schema has no such message: {exc}") from exc
    return ProtobufType(descriptor, _has_columns(descriptor, 0))


def message_columns(descriptor: Descriptor, wire: Wire, starts: Places, ends: Places) -> tuple[pl.DataFrame, Mask]:
    """A column a field, and which messages are whole; rows of the others say nothing."""
    fields = wire.fields(starts, ends, most=_MAX_FIELDS)
    good = ~fields.broken
    columns = []
    for field in descriptor.fields:
        values, whole = _column(field, wire, fields)
        good &= whole
        columns.append(values.alias(field.name))
    return pl.DataFrame(columns), good


def message_text(kind: ProtobufType, message: bytes) -> bytes:
    """One message as a JSON object, fields under their own names.

    Raises:
        ValueError: it is no message of the type.
    """
    try:
        read = GetMessageClass(kind.descriptor).FromString(message)
        return orjson.dumps(json_format.MessageToDict(read, preserving_proto_field_name=True))
    except (DecodeError, json_format.Error, TypeError, ValueError) as exc:
        raise ValueError(f"no message of its schema: {exc}") from exc


def _has_columns(descriptor: Descriptor, depth: int) -> bool:
    if depth > _MAX_DEPTH or not descriptor.fields:
        return False
    return all(
        not field.is_repeated
        and field.type != _F.TYPE_GROUP
        and (
            field.type != _F.TYPE_MESSAGE
            or field.message_type.full_name == _TIMESTAMP
            or (
                not field.message_type.full_name.startswith("google.protobuf.")
                and _has_columns(field.message_type, depth + 1)
            )
        )
        for field in descriptor.fields
    )


def _column(field: FieldDescriptor, wire: Wire, fields: WireFields) -> tuple[pl.Series, Mask]:
    """Its value of each message, null where it is not on the wire; and where it is whole."""
    kind = _WIRE_KIND.get(field.type, VARINT)
    rows = np.flatnonzero((fields.number == field.number) & (fields.kind == kind))
    there = np.zeros(fields.count, np.bool_)
    there[fields.message[rows]] = True
    whole = np.ones(fields.count, np.bool_)
    if field.type == _F.TYPE_MESSAGE:
        start, end = fields.span(field.number)
        if field.message_type.full_name == _TIMESTAMP:
            values = _times(wire.fields(start, end, most=_MAX_FIELDS))
        else:
            inner, whole = message_columns(field.message_type, wire, start, end)
            values = inner.to_struct()
        whole = whole | ~there
    elif field.type == _F.TYPE_STRING:
        values, odd = wire.text(*fields.span(field.number))
        whole = whole if odd is None else ~odd
    elif field.type == _F.TYPE_BYTES:
        values = wire.binary(*fields.span(field.number)).bin.encode("base64")
    else:
        values = _scalars(field, fields.scalar(field.number, kind))
    if there.all():
        return values, whole
    return pl.select(pl.when(pl.lit(pl.Series(there))).then(pl.lit(values))).to_series(), whole


def _scalars(field: FieldDescriptor, sent: Any) -> pl.Series:
    kind = field.type
    if kind == _F.TYPE_BOOL:
        return pl.Series(sent != 0)
    if kind == _F.TYPE_ENUM:
        numbers = pl.Series(sent.view(np.int64)).cast(pl.Int32, strict=False)
        names = {value.number: value.name for value in field.enum_type.values}
        known = numbers.replace_strict(names, default=None, return_dtype=pl.String)
        return pl.select(pl.coalesce(pl.lit(known), pl.lit(numbers.cast(pl.String)))).to_series()
    if kind in (_F.TYPE_DOUBLE, _F.TYPE_FLOAT):
        raw = sent.view(np.float64) if kind == _F.TYPE_DOUBLE else sent.astype(np.uint32).view(np.float32)
        values = pl.Series(raw.astype(np.float64))
        return pl.select(pl.when(pl.lit(values).is_finite()).then(pl.lit(values))).to_series()
    if kind in (_F.TYPE_SINT32, _F.TYPE_SINT64):
        return pl.Series((sent >> np.uint64(1)).astype(np.int64) ^ -(sent & np.uint64(1)).astype(np.int64))
    if kind in (_F.TYPE_UINT64, _F.TYPE_FIXED64):
        return pl.Series(sent)
    if kind in (_F.TYPE_UINT32, _F.TYPE_FIXED32):
        return pl.Series(sent.astype(np.uint32).astype(np.int64))
    if kind in (_F.TYPE_INT32, _F.TYPE_SFIXED32):
        return pl.Series(sent.astype(np.uint32).view(np.int32).astype(np.int64))
    return pl.Series(sent.view(np.int64))


def _times(fields: WireFields) -> pl.Series:
    """In ns since 1970."""
    seconds, nanos = fields.scalar(1, VARINT).view(np.int64), fields.scalar(2, VARINT).view(np.int64)
    good = (np.abs(seconds) < 9_000_000_000) & (nanos >= 0) & (nanos < 1_000_000_000)
    return pl.Series(np.where(good, seconds * 1_000_000_000 + nanos, 0))


def _well_known() -> list[FileDescriptorProto]:
    from google.protobuf import (  # noqa: PLC0415  (only where schemas are Protobuf)
        any_pb2,
        duration_pb2,
        empty_pb2,
        field_mask_pb2,
        struct_pb2,
        timestamp_pb2,
        wrappers_pb2,
    )

    modules = (any_pb2, duration_pb2, empty_pb2, field_mask_pb2, struct_pb2, timestamp_pb2, wrappers_pb2)
    return [FileDescriptorProto.FromString(module.DESCRIPTOR.serialized_pb) for module in modules]


_WIRE_KIND = {
    _F.TYPE_DOUBLE: FIXED64,
    _F.TYPE_FIXED64: FIXED64,
    _F.TYPE_SFIXED64: FIXED64,
    _F.TYPE_FLOAT: FIXED32,
    _F.TYPE_FIXED32: FIXED32,
    _F.TYPE_SFIXED32: FIXED32,
    _F.TYPE_STRING: LENGTH,
    _F.TYPE_BYTES: LENGTH,
    _F.TYPE_MESSAGE: LENGTH,
}
"""How a type is written; VARINT for the others."""

"""Protobuf schemas as descriptors, and whether one reads the bytes another wrote.

A text is a `FileDescriptorProto` in base64, the form in which the registry's protocol carries compiled schemas.
Source: Protocol Buffers language guide, "Updating A Message Type".
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from typing import Any

from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto, FileDescriptorProto
from google.protobuf.message import DecodeError

from heimdall.bus.registry.schema import invalid_schema

_F = FieldDescriptorProto
_GROUPS: tuple[frozenset[Any], ...] = (
    frozenset({_F.TYPE_INT32, _F.TYPE_UINT32, _F.TYPE_INT64, _F.TYPE_UINT64, _F.TYPE_BOOL}),
    frozenset({_F.TYPE_SINT32, _F.TYPE_SINT64}),
    frozenset({_F.TYPE_STRING, _F.TYPE_BYTES}),
    frozenset({_F.TYPE_FIXED32, _F.TYPE_SFIXED32}),
    frozenset({_F.TYPE_FIXED64, _F.TYPE_SFIXED64}),
)
"""Types of one group are read as each other."""


def parse_protobuf(text: str) -> FileDescriptorProto:
    """
    Raises:
        RegistryError: it is no descriptor, with the reason.
    """
    if "syntax" in text or "message " in text:
        raise invalid_schema(
            "send Protobuf schemas compiled, as a FileDescriptorProto in base64: .proto text is not read"
        )
    try:
        found = FileDescriptorProto.FromString(base64.b64decode(text, validate=True))
    except (binascii.Error, ValueError, DecodeError):
        raise invalid_schema("it is no FileDescriptorProto in base64") from None
    if not found.name or not (found.message_type or found.enum_type):
        raise invalid_schema("the file has no name, or neither messages nor enums")
    return found


def protobuf_problems(reader: FileDescriptorProto, writer: FileDescriptorProto) -> tuple[str, ...]:
    """Why `reader` cannot read all that `writer` wrote; empty when it can."""
    if reader.package != writer.package:
        return (f"package {writer.package or '(none)'} became {reader.package or '(none)'}",)
    return tuple(_messages(reader.message_type, writer.message_type, ""))


def _messages(readers: Any, writers: Any, path: str) -> Iterator[str]:
    known = {message.name: message for message in readers}
    for written in writers:
        where = f"{path}/{written.name}"
        if written.name not in known:
            yield f"{where}: the message is gone"
            continue
        yield from _fields(known[written.name], written, where)
        yield from _messages(known[written.name].nested_type, written.nested_type, where)


def _fields(reader: DescriptorProto, writer: DescriptorProto, where: str) -> Iterator[str]:
    written = {each.number: each for each in writer.field}
    for each in reader.field:
        source = written.get(each.number)
        if source is None:
            if each.label == _F.LABEL_REQUIRED:
                yield f"{where}/{each.name}: is required now"
        elif not _same_wire(each, source):
            yield f"{where}/{each.name}: field {each.number} changed its type"
        elif (each.label == _F.LABEL_REPEATED) != (source.label == _F.LABEL_REPEATED) and not _is_text(each):
            yield f"{where}/{each.name}: field {each.number} changed between one and many"
    for source in writer.field:
        if source.label == _F.LABEL_REQUIRED and source.number not in {each.number for each in reader.field}:
            yield f"{where}/{source.name}: a required field is gone"
    yield from _oneofs(reader, writer, where)


def _oneofs(reader: DescriptorProto, writer: DescriptorProto, where: str) -> Iterator[str]:
    """Fields that were apart and may now push each other out."""
    written = {each.number: each for each in writer.field}
    for place, oneof in enumerate(reader.oneof_decl):
        members = [each for each in reader.field if each.HasField("oneof_index") and each.oneof_index == place]
        apart = [
            each for each in members if not each.proto3_optional and each.number in written
            and not written[each.number].HasField("oneof_index")
        ]  # fmt: skip
        if len(apart) > 1:
            yield f"{where}/{oneof.name}: {', '.join(each.name for each in apart)} were not in a oneof before"


def _same_wire(one: FieldDescriptorProto, other: FieldDescriptorProto) -> bool:
    if one.type == other.type:
        return str(one.type_name).rpartition(".")[2] == str(other.type_name).rpartition(".")[2]
    return any(one.type in group and other.type in group for group in _GROUPS)


def _is_text(each: FieldDescriptorProto) -> bool:
    return int(each.type) in (_F.TYPE_STRING, _F.TYPE_BYTES, _F.TYPE_MESSAGE)

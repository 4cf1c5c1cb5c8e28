"""Avro and Protobuf by columns: what the libraries read, of whatever was written with any schema, and of noise."""

from __future__ import annotations

import base64
import io
import json
import re
from typing import Any

import fastavro
import numpy as np
import orjson
from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto
from google.protobuf.message_factory import GetMessageClass
from hypothesis import given
from hypothesis import strategies as st

from heimdall.ingest.decode.avro import avro_columns, avro_schema, datum_text
from heimdall.ingest.decode.json_schema import SchemaMemory
from heimdall.ingest.decode.kafka import Messages
from heimdall.ingest.decode.protobuf import Wire
from heimdall.ingest.decode.protobuf_messages import message_columns, message_text, protobuf_type
from heimdall.ingest.decode.registered import Readers, RegisteredSchema, decode_registered

NOW_NS = 1_795_348_800_000_000_000
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
LONG = st.integers(-(2**63), 2**63 - 1)
REAL = st.floats(allow_nan=False, allow_infinity=False)

PLAIN: list[tuple[Any, st.SearchStrategy[Any]]] = [
    ("boolean", st.booleans()),
    ("int", st.integers(-(2**31), 2**31 - 1)),
    ("long", LONG),
    ("double", REAL),
    ("float", st.floats(width=32, allow_nan=False, allow_infinity=False)),
    ("string", TEXT),
    ("null", st.none()),
    ({"type": "enum", "name": "Level", "symbols": ["INFO", "ERROR"]}, st.sampled_from(["INFO", "ERROR"])),
]


@st.composite
def avro_records(draw: st.DrawFn) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """A schema and records of it."""
    names: dict[str, Any] = {}
    values: dict[str, st.SearchStrategy[Any]] = {}
    enums = 0
    for place in range(draw(st.integers(1, 5))):
        kind, value = draw(st.sampled_from(PLAIN))
        if isinstance(kind, dict):
            enums += 1
            kind = kind | {"name": f"Level{enums}"}
        if kind != "null" and draw(st.booleans()):
            first = draw(st.booleans())
            kind, value = (["null", kind] if first else [kind, "null"]), st.none() | value
        names[f"f{place}"], values[f"f{place}"] = kind, value
    fields = [{"name": name, "type": kind} for name, kind in names.items()]
    inner = {
        "type": "record",
        "name": "Inner",
        "fields": [{"name": "x", "type": "long"}, {"name": "y", "type": "string"}],
    }
    if draw(st.booleans()):
        fields.append({"name": "inner", "type": ["null", inner]})
        values["inner"] = st.none() | st.fixed_dictionaries({"x": LONG, "y": TEXT})
    schema = {"type": "record", "name": "R", "fields": fields}
    return schema, draw(st.lists(st.fixed_dictionaries(values), min_size=1, max_size=6))


def written(schema: Any, record: Any) -> bytes:
    out = io.BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema(schema), record)
    return out.getvalue()


def spans(parts: list[bytes]) -> tuple[Wire, np.ndarray, np.ndarray]:
    ends = np.cumsum([len(part) for part in parts]).astype(np.int64)
    return Wire(b"".join(parts)), ends - np.array([len(part) for part in parts]), ends


@given(avro_records())
def test_avro_columns_are_what_the_library_reads(sent: tuple[dict[str, Any], list[dict[str, Any]]]) -> None:
    schema, records = sent
    made = avro_schema(json.dumps(schema))
    assert made.read is not None
    data = [written(schema, record) for record in records]
    frame, good = avro_columns(made.read, *spans(data))
    assert good.all()
    assert frame.to_dicts() == [fastavro.schemaless_reader(io.BytesIO(each), made.parsed, None) for each in data]


@given(avro_records(), st.data())
def test_a_broken_datum_spoils_no_other(sent: tuple[dict[str, Any], list[dict[str, Any]]], data: st.DataObject) -> None:
    schema, records = sent
    made = avro_schema(json.dumps(schema))
    assert made.read is not None
    whole = [written(schema, record) for record in records]
    torn = [each[: data.draw(st.integers(0, len(each)))] for each in whole]
    noise = data.draw(st.lists(st.binary(max_size=20), max_size=4))
    frame, good = avro_columns(made.read, *spans([*torn, *whole, *noise]))
    assert good[len(torn) : len(torn) + len(whole)].all()
    rows = frame.to_dicts()
    for place, each in enumerate([*torn, *whole]):
        if good[place]:
            assert rows[place] == fastavro.schemaless_reader(io.BytesIO(each), made.parsed, None)
        else:
            assert len(each) < len(whole[place % len(whole)])


_F = FieldDescriptorProto
SCALARS: list[tuple[Any, st.SearchStrategy[Any]]] = [
    (_F.TYPE_INT32, st.integers(-(2**31), 2**31 - 1)),
    (_F.TYPE_INT64, LONG),
    (_F.TYPE_UINT32, st.integers(0, 2**32 - 1)),
    (_F.TYPE_SINT64, LONG),
    (_F.TYPE_SFIXED32, st.integers(-(2**31), 2**31 - 1)),
    (_F.TYPE_FIXED64, st.integers(0, 2**64 - 1)),
    (_F.TYPE_BOOL, st.booleans()),
    (_F.TYPE_DOUBLE, REAL),
    (_F.TYPE_STRING, TEXT),
    (_F.TYPE_ENUM, st.sampled_from([0, 1, 7])),
]


@st.composite
def protobuf_files(draw: st.DrawFn) -> tuple[FileDescriptorProto, list[dict[str, Any]]]:
    """A file with a message of optional fields, and values of them."""
    file = FileDescriptorProto(name="r.proto", package="p", syntax="proto2")
    level = file.enum_type.add(name="Level")
    for name, number in (("INFO", 0), ("ERROR", 1), ("ODD", 7)):
        level.value.add(name=name, number=number)
    inner = file.message_type.add(name="Inner")
    inner.field.add(name="x", number=1, type=_F.TYPE_INT64, label=_F.LABEL_OPTIONAL)
    message = file.message_type.add(name="R")
    values: dict[str, st.SearchStrategy[Any]] = {}
    for place in range(draw(st.integers(1, 5))):
        kind, value = draw(st.sampled_from(SCALARS))
        field = message.field.add(name=f"f{place}", number=draw(st.integers(1, 9)) * 10 + place, type=kind)
        field.label = _F.LABEL_OPTIONAL
        if kind == _F.TYPE_ENUM:
            field.type_name = ".p.Level"
        values[f"f{place}"] = value
    if draw(st.booleans()):
        message.field.add(name="inner", number=100, type=_F.TYPE_MESSAGE, type_name=".p.Inner", label=_F.LABEL_OPTIONAL)
        values["inner"] = st.fixed_dictionaries({}, optional={"x": LONG})
    return file, draw(st.lists(st.fixed_dictionaries({}, optional=values), min_size=1, max_size=6))


@given(protobuf_files(), st.lists(st.binary(max_size=12), max_size=3))
def test_protobuf_columns_are_what_was_written(
    sent: tuple[FileDescriptorProto, list[dict[str, Any]]], noise: list[bytes]
) -> None:
    file, records = sent
    kind = protobuf_type([file], [1])
    assert kind.by_columns
    message = GetMessageClass(kind.descriptor)
    data = [message(**record).SerializeToString() for record in records]
    frame, good = message_columns(kind.descriptor, *spans([*noise, *data]))
    assert good[len(noise) :].all()
    for row, record in zip(frame.to_dicts()[len(noise) :], records, strict=True):
        for name in frame.columns:
            expected = record.get(name)
            field = kind.descriptor.fields_by_name[name]
            if expected is not None and field.enum_type is not None:
                expected = field.enum_type.values_by_number[expected].name
            if isinstance(expected, dict):
                expected = {"x": None} | expected
            assert row[name] == expected or (row[name] is None and expected is None)


REPEATED = {"type": "record", "name": "T", "fields": [{"name": "message", "type": "string"},
            {"name": "tags", "type": {"type": "array", "items": "string"}}]}  # fmt: skip
FLAT = {"type": "record", "name": "T", "fields": [{"name": "message", "type": "string"}]}


@given(st.lists(st.binary(max_size=24) | TEXT.map(lambda text: b"\0\0\0\0\1" + written(FLAT, {"message": text}))
                | TEXT.map(lambda text: b"\0\0\0\0\2" + written(REPEATED, {"message": text, "tags": [text]}))
                | st.binary(max_size=12).map(lambda data: b"\0\0\0\0\3" + data)
                | st.binary(max_size=12).map(lambda data: b"\0\0\0\0\1" + data), max_size=8))  # fmt: skip
def test_every_message_is_a_record_or_told_why_not(values: list[bytes]) -> None:
    file = FileDescriptorProto(name="r.proto", syntax="proto3")
    file.message_type.add(name="R").field.add(name="n", number=1, type=_F.TYPE_INT64, label=_F.LABEL_OPTIONAL)
    found: dict[int, RegisteredSchema | str] = {
        1: RegisteredSchema(json.dumps(FLAT), "AVRO"),
        2: RegisteredSchema(json.dumps(REPEATED), "AVRO"),
        3: RegisteredSchema(base64.b64encode(file.SerializeToString()).decode(), "PROTOBUF"),
    }
    ids = {int.from_bytes(value[1:5]) for value in values if value[:1] == b"\0" and len(value) >= 5}
    found |= {schema_id: "there is none" for schema_id in ids if schema_id not in found}
    count = len(values)
    messages = Messages("t", 0, values, [None] * count, [()] * count, range(count), [0] * count)
    decoded = decode_registered(messages, found, Readers(), "auto", now_ns=NOW_NS, schemas=SchemaMemory())
    offsets = [orjson.loads(text)["messaging.kafka.offset"] for text in decoded.table["attributes"].to_pylist()] \
        if decoded.num_rows else []  # fmt: skip
    undecodable = [place for place, _ in decoded.undecodable]
    assert len(set(offsets)) == len(offsets)
    assert not set(offsets) & set(undecodable)
    silent = set(range(count)) - set(offsets) - set(undecodable)
    assert not any(re.search(r"[^\s\0]", values[place].decode("utf-8", "replace")) for place in silent)


@given(TEXT)
def test_one_by_one_reads_what_columns_do_not(text: str) -> None:
    made = avro_schema(json.dumps(REPEATED))
    assert made.read is None
    assert orjson.loads(datum_text(made, written(REPEATED, {"message": text, "tags": [text]}))) == {
        "message": text,
        "tags": [text],
    }
    file = FileDescriptorProto(name="r.proto", syntax="proto3")
    file.message_type.add(name="R").field.add(name="tags", number=1, type=_F.TYPE_STRING, label=_F.LABEL_REPEATED)
    kind = protobuf_type([file], [0])
    assert not kind.by_columns
    data = GetMessageClass(kind.descriptor)(tags=[text]).SerializeToString()
    assert orjson.loads(message_text(kind, data)) == {"tags": [text]}

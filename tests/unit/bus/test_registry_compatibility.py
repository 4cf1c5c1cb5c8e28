"""What a subject's level allows, and the reason it gives where it does not."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto

from heimdall.bus.registry.avro import avro_problems, parse_avro
from heimdall.bus.registry.compatibility import check_schema, problems
from heimdall.bus.registry.json_schema import json_problems, parse_json_schema
from heimdall.bus.registry.protobuf import parse_protobuf, protobuf_problems
from heimdall.bus.registry.schema import Level, RegistryError, Schema


def record(*fields: dict[str, Any], **more: Any) -> str:
    return json.dumps({"type": "record", "name": "Order", "namespace": "shop", "fields": list(fields)} | more)


ID = {"name": "id", "type": "long"}
NOTE = {"name": "note", "type": "string"}
NOTE_OR_NOT = {"name": "note", "type": ["null", "string"], "default": None}

AVRO = {
    "a field with a default": (record(ID, NOTE_OR_NOT), record(ID), ""),
    "a field without": (
        record(ID, NOTE),
        record(ID),
        "/note: the field is not in what was written, and has no default",
    ),
    "a field less": (record(ID), record(ID, NOTE), ""),
    "a wider number": (record({"name": "id", "type": "double"}), record(ID), ""),
    "a narrower number": (record({"name": "id", "type": "int"}), record(ID), "/id: int cannot read long"),
    "text of bytes": ('"string"', '"bytes"', ""),
    "one more alternative": ('["null","string"]', '"string"', ""),
    "one alternative less": ('"string"', '["null","string"]', "/: string cannot read null"),
    "an alias": (record({"name": "key", "type": "long", "aliases": ["id"]}), record(ID), ""),
    "another name": (
        record(ID),
        record(ID, name="Bill"),
        "/: shop.Order cannot read shop.Bill, which has another name",
    ),
    "a renamed record": (record(ID, aliases=["Bill"]), record(ID, name="Bill"), ""),
    "an item": ('{"type":"array","items":"int"}', '{"type":"array","items":"long"}', "/array: int cannot read long"),
    "a symbol less": (
        '{"type":"enum","name":"E","symbols":["A"]}',
        '{"type":"enum","name":"E","symbols":["A","B"]}',
        "/: enum E lacks B and has no default",
    ),
    "a symbol less with a default": (
        '{"type":"enum","name":"E","symbols":["A"],"default":"A"}',
        '{"type":"enum","name":"E","symbols":["A","B"]}',
        "",
    ),
    "a size": (
        '{"type":"fixed","name":"F","size":4}',
        '{"type":"fixed","name":"F","size":8}',
        "/: F has size 4, not 8",
    ),
    "a type within itself": (
        record(ID, {"name": "next", "type": ["null", "Order"], "default": None}),
        record(ID, {"name": "next", "type": ["null", "Order"], "default": None}),
        "",
    ),
}


@pytest.mark.parametrize(("reader", "writer", "reason"), AVRO.values(), ids=AVRO)
def test_what_an_avro_reader_can_read(reader: str, writer: str, reason: str) -> None:
    assert "; ".join(avro_problems(parse_avro(reader), parse_avro(writer))) == reason


@pytest.mark.parametrize(
    "text",
    [
        "{",
        '{"type":"record"}',
        '{"type":"record","name":"R"}',
        '"nothing"',
        '["int","int"]',
        '[["int"]]',
        '{"type":"enum","name":"E","symbols":[]}',
        '{"type":"fixed","name":"F","size":-1}',
        '{"type":"record","name":"1R","fields":[]}',
        '{"type":"array"}',
        "7",
        "[" * 5_000,
        record(ID, ID),
        record({"name": "n", "type": "int", "default": "x"}),
    ],
)
def test_what_is_no_avro_schema_is_refused(text: str) -> None:
    with pytest.raises(RegistryError, match="invalid schema"):
        parse_avro(text)


def open_object(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


def closed_object(**properties: Any) -> dict[str, Any]:
    return open_object(**properties) | {"additionalProperties": False}


WORD, NUMBER = {"type": "string"}, {"type": "number"}

JSON = {
    "a property more in a closed object": (closed_object(a=WORD, b=WORD), closed_object(a=WORD), ""),
    "a property less in a closed object": (
        closed_object(a=WORD),
        closed_object(a=WORD, b=WORD),
        "/b: nothing is allowed any more",
    ),
    "a property more in an open object": (
        open_object(a=WORD),
        open_object(),
        "/a: the types array, boolean, integer, null, number, object are not allowed any more",
    ),
    "a property less in an open object": (open_object(), open_object(a=WORD), ""),
    "required": (open_object(a=WORD) | {"required": ["a"]}, open_object(a=WORD), "/a: is required now"),
    "required no more": (open_object(a=WORD), open_object(a=WORD) | {"required": ["a"]}, ""),
    "a wider type": (NUMBER, {"type": "integer"}, ""),
    "a narrower type": ({"type": "integer"}, NUMBER, "/: the types number are not allowed any more"),
    "one more type": ({"type": ["string", "null"]}, WORD, ""),
    "a value less": ({"enum": ["a"]}, {"enum": ["a", "b"]}, '/: the values "b" are not allowed any more'),
    "a higher bound": ({"type": "number", "maximum": 9}, {"type": "number", "maximum": 5}, ""),
    "a lower bound": ({"type": "number", "maximum": 5}, {"type": "number", "maximum": 9}, "/: maximum is narrower"),
    "a new bound": ({"type": "string", "minLength": 2}, WORD, "/: minLength is narrower"),
    "an item": (
        {"type": "array", "items": WORD},
        {"type": "array", "items": NUMBER},
        "/[]: the types number are not allowed any more",
    ),
    "an alternative more": ({"oneOf": [WORD, NUMBER]}, {"oneOf": [WORD]}, ""),
    "an alternative less": (
        {"oneOf": [WORD]},
        {"oneOf": [WORD, NUMBER]},
        "/: none of the alternatives allows what was allowed before",
    ),
    "a word nobody knows": (
        {"type": "string", "pattern": "a"},
        WORD,
        "/: pattern changed, which is not known to be safe",
    ),
    "a definition": (
        {"$defs": {"w": NUMBER}, "$ref": "#/$defs/w"},
        {"$defs": {"w": WORD}, "$ref": "#/$defs/w"},
        "/: the types string are not allowed any more",
    ),
    "notes": ({"type": "string", "title": "new"}, {"type": "string", "title": "old"}, ""),
}


@pytest.mark.parametrize(("reader", "writer", "reason"), JSON.values(), ids=JSON)
def test_what_a_json_schema_allows_of_another(reader: Any, writer: Any, reason: str) -> None:
    found = json_problems(parse_json_schema(json.dumps(reader)), parse_json_schema(json.dumps(writer)))
    assert "; ".join(found) == reason


@pytest.mark.parametrize("text", ["{", "[]", '{"type":"text"}', '{"properties":[]}', '{"items":7}'])
def test_what_is_no_json_schema_is_refused(text: str) -> None:
    with pytest.raises(RegistryError, match="invalid schema"):
        parse_json_schema(text)


F = FieldDescriptorProto


def message(*fields: tuple[str, int, Any], label: Any = F.LABEL_OPTIONAL, name: str = "Order", oneof: str = "") -> str:
    file = FileDescriptorProto(name="order.proto", package="shop", syntax="proto3")
    made = file.message_type.add(name=name)
    if oneof:
        made.oneof_decl.add(name=oneof)
    for called, number, kind in fields:
        made.field.add(name=called, number=number, type=kind, label=label, **({"oneof_index": 0} if oneof else {}))
    return base64.b64encode(file.SerializeToString()).decode()


A, B = ("a", 1, F.TYPE_INT32), ("b", 2, F.TYPE_STRING)

PROTOBUF = {
    "a field more": (message(A, B), message(A), ""),
    "a field less": (message(A), message(A, B), ""),
    "a wider number": (message(("a", 1, F.TYPE_INT64)), message(A), ""),
    "another type": (message(("a", 1, F.TYPE_STRING)), message(A), "/Order/a: field 1 changed its type"),
    "many": (message(A, label=F.LABEL_REPEATED), message(A), "/Order/a: field 1 changed between one and many"),
    "required": (message(A, label=F.LABEL_REQUIRED), message(B), "/Order/a: is required now"),
    "a message less": (message(A, name="Bill"), message(A), "/Order: the message is gone"),
    "into a oneof": (message(A, B, oneof="which"), message(A, B), "/Order/which: a, b were not in a oneof before"),
}


@pytest.mark.parametrize(("reader", "writer", "reason"), PROTOBUF.values(), ids=PROTOBUF)
def test_what_a_protobuf_reader_can_read(reader: str, writer: str, reason: str) -> None:
    assert "; ".join(protobuf_problems(parse_protobuf(reader), parse_protobuf(writer))) == reason


@pytest.mark.parametrize("text", ["", "!", 'syntax = "proto3"; message A {}', "AAAA"])
def test_what_is_no_compiled_protobuf_schema_is_refused(text: str) -> None:
    with pytest.raises(RegistryError, match="invalid schema"):
        parse_protobuf(text)


OLD, MIDDLE, NEW = record(ID), record(ID, NOTE_OR_NOT), record(ID, NOTE)
"""NEW reads MIDDLE only where no note is null, so not at all, and OLD not; OLD reads both."""


@pytest.mark.parametrize(
    ("level", "new", "earlier", "allowed"),
    [
        (Level.NONE, NEW, [OLD], True),
        (Level.BACKWARD, NEW, [OLD], False),
        (Level.FORWARD, NEW, [OLD], True),
        (Level.FULL, NEW, [OLD], False),
        (Level.FULL, MIDDLE, [OLD], True),
        (Level.BACKWARD, record(ID, {**NOTE, "default": ""}), [NEW, OLD], True),
        (Level.BACKWARD, NEW, [OLD, NEW], True),
        (Level.BACKWARD_TRANSITIVE, NEW, [OLD, NEW], False),
        (Level.FORWARD_TRANSITIVE, OLD, [NEW, OLD], False),
        (Level.FORWARD, OLD, [NEW, OLD], True),
        (Level.FULL_TRANSITIVE, MIDDLE, [OLD, MIDDLE], True),
    ],
)
def test_levels(level: Level, new: str, earlier: list[str], allowed: bool) -> None:
    found = problems((Schema(new), ()), [(Schema(text), ()) for text in earlier], level)
    assert (found == ()) is allowed


def test_a_subject_stays_with_its_kind_of_schema() -> None:
    assert problems((Schema("{}", "JSON"), ()), [(Schema(OLD), ())], Level.BACKWARD) == (
        "the schema is JSON, an earlier one AVRO",
    )


def test_a_schema_may_name_those_it_builds_on() -> None:
    builds = record({"name": "paid", "type": "shop.Money"})
    money = '{"type":"record","name":"Money","namespace":"shop","fields":[]}'
    check_schema(Schema(builds), [money])
    with pytest.raises(RegistryError, match="unknown type"):
        check_schema(Schema(builds), [])

"""May a subject go from these schemas to that one?"""

from __future__ import annotations

import json
from collections.abc import Sequence

from heimdall.bus.registry.avro import avro_problems, parse_avro
from heimdall.bus.registry.json_schema import json_problems, parse_json_schema
from heimdall.bus.registry.protobuf import parse_protobuf, protobuf_problems
from heimdall.bus.registry.schema import Level, Schema


def check_schema(schema: Schema, references: Sequence[str]) -> None:
    """`references`: texts of what the schema builds on, the deepest first.

    Raises:
        RegistryError: it is not valid, with the reason.
    """
    match schema.type:
        case "AVRO":
            parse_avro(schema.text, references)
        case "JSON":
            parse_json_schema(schema.text)
        case "PROTOBUF":
            parse_protobuf(schema.text)


def normal_text(schema: Schema) -> str:
    """The same for texts that differ in white space only."""
    if schema.type == "PROTOBUF":
        return "".join(schema.text.split())
    try:
        return json.dumps(json.loads(schema.text), separators=(",", ":"), ensure_ascii=False)
    except ValueError:
        return schema.text.strip()


Checked = tuple[Schema, Sequence[str]]
"""A schema, and the texts of what it builds on."""


def problems(new: Checked, earlier: Sequence[Checked], level: Level) -> tuple[str, ...]:
    """Why `level` does not allow `new` after `earlier` (oldest first); empty when it does."""
    if level is Level.NONE or not earlier:
        return ()
    found: list[str] = []
    for old in earlier if level.transitive else earlier[-1:]:
        if old[0].type != new[0].type:
            return (f"the schema is {new[0].type}, an earlier one {old[0].type}",)
        if level.backward:
            found += [f"{each} (reading what was written before)" for each in _problems(new, old)]
        if level.forward:
            found += [f"{each} (read by earlier readers)" for each in _problems(old, new)]
    return tuple(dict.fromkeys(found))


def _problems(reader: Checked, writer: Checked) -> tuple[str, ...]:
    match reader[0].type:
        case "AVRO":
            return avro_problems(parse_avro(reader[0].text, reader[1]), parse_avro(writer[0].text, writer[1]))
        case "JSON":
            return json_problems(parse_json_schema(reader[0].text), parse_json_schema(writer[0].text))
        case "PROTOBUF":
            return protobuf_problems(parse_protobuf(reader[0].text), parse_protobuf(writer[0].text))

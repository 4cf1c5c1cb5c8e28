"""JSON Schemas: whether every value one allows is allowed by another.

A change is safe when it is known to be: a keyword that is not known here may only stay as it is. Objects are open
unless `additionalProperties` is false; a property that is new to an open object is safe for readers only when it allows
anything, since what was written before may have had any value under its name.
Source: JSON Schema 2020-12, "Validation".
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from heimdall.bus.registry.schema import invalid_schema

_TYPES = frozenset({"null", "boolean", "integer", "number", "string", "array", "object"})
_NOTES = frozenset(
    {"$schema", "$id", "$comment", "title", "description", "default", "examples", "deprecated", "readOnly", "writeOnly",
     "$defs", "definitions", "$anchor"}
)  # fmt: skip
_UPPER = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
_LOWER = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
_ALTERNATIVES = ("oneOf", "anyOf", "allOf")
_STRUCTURE = ("type", "enum", "const", "properties", "required", "additionalProperties", "items", "$ref")
_KNOWN = frozenset({*_NOTES, *_UPPER, *_LOWER, *_ALTERNATIVES, *_STRUCTURE})
_MAX_DEPTH = 60

Rule = Mapping[str, Any] | bool


def parse_json_schema(text: str) -> Rule:
    """
    Raises:
        RegistryError: it is no JSON Schema, with the reason.
    """
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        raise invalid_schema("it is no JSON") from None
    _check(said, 0)
    assert isinstance(said, bool | dict)
    return said


def _check(said: Any, depth: int) -> None:
    if isinstance(said, bool):
        return
    if depth > _MAX_DEPTH:
        raise invalid_schema("nested too deeply")
    if not isinstance(said, dict):
        raise invalid_schema("a schema is an object, true or false")
    types = _types(said)
    if types is not None and not types <= _TYPES:
        raise invalid_schema(f"unknown type {', '.join(sorted(map(str, types - _TYPES)))}")
    if not isinstance(said.get("properties", {}), dict) or not isinstance(said.get("required", []), list):
        raise invalid_schema("properties is an object and required a list")
    for within in (*said.get("properties", {}).values(), *_branches(said)):
        _check(within, depth + 1)
    for name in ("items", "additionalProperties"):
        if name in said:
            _check(said[name], depth + 1)


def _branches(rule: Mapping[str, Any]) -> list[Any]:
    return [each for word in _ALTERNATIVES for each in rule.get(word, [])]


def json_problems(reader: Rule, writer: Rule) -> tuple[str, ...]:
    """Values `writer` allows that `reader` does not, or may not; empty when there are none."""
    return tuple(_Comparison(reader, writer).problems(reader, writer, "", 0))


class _Comparison:
    def __init__(self, reader: Rule, writer: Rule) -> None:
        self._roots = (reader, writer)

    def problems(self, reader: Rule, writer: Rule, path: str, depth: int) -> list[str]:
        reader, writer = self._resolved(reader, 0), self._resolved(writer, 1)
        where = path or "/"
        if reader is True or reader == {} or writer is False or reader == writer or depth > _MAX_DEPTH:
            return []
        if reader is False:
            return [f"{where}: nothing is allowed any more"]
        if writer is True:
            writer = {}
        assert isinstance(reader, Mapping)
        assert isinstance(writer, Mapping)
        if choices := writer.get("oneOf") or writer.get("anyOf"):
            return [each for choice in choices for each in self.problems(reader, choice, path, depth + 1)]
        if choices := reader.get("oneOf") or reader.get("anyOf"):
            if any(not self.problems(choice, writer, path, depth + 1) for choice in choices):
                return []
            return [f"{where}: none of the alternatives allows what was allowed before"]
        return [
            *self._types(reader, writer, where),
            *_values(reader, writer, where),
            *_bounds(reader, writer, where),
            *_unknown(reader, writer, where),
            *self._object(reader, writer, path, depth),
            *self._items(reader, writer, path, depth),
        ]

    def _resolved(self, rule: Rule, side: int) -> Rule:
        for _ in range(20):
            if not isinstance(rule, Mapping) or not str(rule.get("$ref", "")).startswith("#"):
                return rule
            found: Any = self._roots[side]
            for step in str(rule["$ref"]).removeprefix("#").split("/")[1:]:
                found = (
                    found.get(step.replace("~1", "/").replace("~0", "~"), True) if isinstance(found, Mapping) else True
                )
            rule = found
        return rule

    def _types(self, reader: Mapping[str, Any], writer: Mapping[str, Any], where: str) -> list[str]:
        allowed, written = _types(reader), _types(writer)
        if allowed is None:
            return []
        missing = (written or _TYPES) - allowed
        if "number" in allowed:
            missing = missing - {"integer"}
        return [f"{where}: the types {', '.join(sorted(missing))} are not allowed any more"] if missing else []

    def _object(self, reader: Mapping[str, Any], writer: Mapping[str, Any], path: str, depth: int) -> list[str]:
        found: list[str] = []
        allowed, written = reader.get("properties", {}), writer.get("properties", {})
        others_read, others_written = reader.get("additionalProperties", True), writer.get("additionalProperties", True)
        for name in sorted({*allowed, *written}):
            found += self.problems(
                allowed.get(name, others_read), written.get(name, others_written), f"{path}/{name}", depth + 1
            )
        found += self.problems(others_read, others_written, f"{path}/*", depth + 1)
        for name in sorted(set(reader.get("required", [])) - set(writer.get("required", []))):
            found.append(f"{path}/{name}: is required now")
        return found

    def _items(self, reader: Mapping[str, Any], writer: Mapping[str, Any], path: str, depth: int) -> list[str]:
        return self.problems(reader.get("items", True), writer.get("items", True), f"{path}/[]", depth + 1)


def _types(rule: Mapping[str, Any]) -> frozenset[Any] | None:
    said = rule.get("type")
    if said is None:
        return None
    return frozenset(said if isinstance(said, list) else [said])


def _values(reader: Mapping[str, Any], writer: Mapping[str, Any], where: str) -> list[str]:
    allowed = reader.get("enum", [reader["const"]] if "const" in reader else None)
    written = writer.get("enum", [writer["const"]] if "const" in writer else None)
    if allowed is None:
        return []
    if written is None:
        return [f"{where}: only listed values are allowed now"]
    missing = [json.dumps(value) for value in written if value not in allowed]
    return [f"{where}: the values {', '.join(missing)} are not allowed any more"] if missing else []


def _bounds(reader: Mapping[str, Any], writer: Mapping[str, Any], where: str) -> list[str]:
    narrower = [
        name
        for names, sign in ((_UPPER, 1), (_LOWER, -1))
        for name in names
        if name in reader and (name not in writer or sign * reader[name] < sign * writer[name])
    ]
    return [f"{where}: {name} is narrower" for name in narrower]


def _unknown(reader: Mapping[str, Any], writer: Mapping[str, Any], where: str) -> list[str]:
    strict = {*(set(reader) - _KNOWN), *({"allOf"} & set(reader)), *({"$ref"} & set(reader))}
    return [
        f"{where}: {name} changed, which is not known to be safe"
        for name in sorted(strict)
        if reader[name] != writer.get(name)
    ]

"""Avro schemas: read into types with every name resolved, and whether one can read what another wrote.

Sources: Apache Avro 1.12 specification, "Names" and "Schema Resolution".
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from heimdall.bus.registry.schema import invalid_schema

_PRIMITIVES = frozenset({"null", "boolean", "int", "long", "float", "double", "bytes", "string"})
_READS = {
    "long": {"int"}, "float": {"int", "long"}, "double": {"int", "long", "float"},
    "string": {"bytes"}, "bytes": {"string"},
}  # fmt: skip
"""Reader ▸ other types it reads."""
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*")
_MAX_DEPTH = 100


@dataclass(slots=True, eq=False)
class Type:
    """`kind` is a primitive's name, or record, enum, fixed, array, map, union."""

    kind: str
    name: str = ""
    aliases: tuple[str, ...] = ()
    fields: tuple[Field, ...] = ()
    symbols: tuple[str, ...] = ()
    default: str | None = None
    size: int = 0
    inner: tuple[Type, ...] = ()

    @property
    def short_name(self) -> str:
        return self.name.rpartition(".")[2]


@dataclass(frozen=True, slots=True)
class Field:
    name: str
    type: Type
    aliases: tuple[str, ...]
    has_default: bool


@dataclass(slots=True)
class _Names:
    types: dict[str, Type] = field(default_factory=dict)


def parse_avro(text: str, references: Sequence[str] = ()) -> Type:
    """The type `text` describes. `references`: texts of the schemas it names, those they build on first.

    Raises:
        RegistryError: it is no Avro schema, with the reason.
    """
    names = _Names()
    for each in references:
        _type(_loaded(each), "", names, 0)
    return _type(_loaded(text), "", names, 0)


def _loaded(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        if _NAME.fullmatch(text.strip()):
            return text.strip()
        raise invalid_schema("it is no JSON") from None


def _type(said: Any, namespace: str, names: _Names, depth: int) -> Type:
    if depth > _MAX_DEPTH:
        raise invalid_schema("nested too deeply")
    if isinstance(said, str):
        if said in _PRIMITIVES:
            return Type(said)
        known = names.types.get(_full_name(said, namespace)) or names.types.get(said)
        if known is None:
            raise invalid_schema(f"unknown type {said[:100]!r}")
        return known
    if isinstance(said, list):
        return _union(said, namespace, names, depth)
    if not isinstance(said, dict) or "type" not in said:
        raise invalid_schema("a type is a name, a list or an object with a type")
    kind = said["type"]
    if kind in ("record", "error", "enum", "fixed"):
        return _named(said, "record" if kind == "error" else kind, namespace, names, depth)
    if kind == "array":
        return Type("array", inner=(_type(said.get("items"), namespace, names, depth + 1),))
    if kind == "map":
        return Type("map", inner=(_type(said.get("values"), namespace, names, depth + 1),))
    return _type(kind, namespace, names, depth + 1)


def _union(said: list[Any], namespace: str, names: _Names, depth: int) -> Type:
    branches = tuple(_type(each, namespace, names, depth + 1) for each in said)
    keys = [branch.name or branch.kind for branch in branches]
    if len(set(keys)) != len(keys) or "union" in keys:
        raise invalid_schema("a union holds a type twice, or a union")
    return Type("union", inner=branches)


def _named(said: Mapping[str, Any], kind: str, namespace: str, names: _Names, depth: int) -> Type:
    given = said.get("name")
    if not isinstance(given, str) or not _NAME.fullmatch(given):
        raise invalid_schema(f"{kind} has no valid name")
    full = _full_name(given, str(said.get("namespace", namespace)))
    if full in names.types:
        raise invalid_schema(f"{full} is defined twice")
    own_space = full.rpartition(".")[0]
    made = Type(kind, full, tuple(_full_name(alias, own_space) for alias in _texts(said.get("aliases", []))))
    names.types[full] = made
    if kind == "record":
        made.fields = tuple(_fields(said.get("fields"), own_space, names, depth))
    elif kind == "enum":
        made.symbols = _texts(said.get("symbols"))
        default = said.get("default")
        if not made.symbols or len(set(made.symbols)) != len(made.symbols) or default not in (None, *made.symbols):
            raise invalid_schema(f"enum {full} has no symbols, one twice, or a default that is none of them")
        made.default = default
    else:
        size = said.get("size")
        if not isinstance(size, int) or isinstance(size, bool) or size < 0:
            raise invalid_schema(f"fixed {full} has no size")
        made.size = size
    return made


def _fields(said: Any, namespace: str, names: _Names, depth: int) -> Iterator[Field]:
    if not isinstance(said, list):
        raise invalid_schema("a record has no list of fields")
    seen: set[str] = set()
    for each in said:
        name = each.get("name") if isinstance(each, dict) else None
        if not isinstance(name, str) or not _NAME.fullmatch(name) or "." in name or name in seen:
            raise invalid_schema(f"a field has no valid name, or that of another: {str(name)[:100]!r}")
        seen.add(name)
        found = _type(each.get("type"), namespace, names, depth + 1)
        if "default" in each and not _fits(each["default"], found):
            raise invalid_schema(f"the default of field {name} is not of its type")
        yield Field(name, found, _texts(each.get("aliases", [])), "default" in each)


def _fits(default: Any, of: Type) -> bool:
    kinds: dict[str, tuple[type, ...]] = {
        "null": (type(None),), "boolean": (bool,), "int": (int,), "long": (int,), "float": (int, float, str),
        "double": (int, float, str), "bytes": (str,), "string": (str,), "enum": (str,), "fixed": (str,),
        "array": (list,), "map": (dict,), "record": (dict,),
    }  # fmt: skip
    if of.kind == "union":
        return any(_fits(default, branch) for branch in of.inner)
    if isinstance(default, bool) and of.kind != "boolean":
        return False
    return isinstance(default, kinds[of.kind]) and (of.kind != "enum" or default in of.symbols)


def _texts(said: Any) -> tuple[str, ...]:
    if not isinstance(said, list) or not all(isinstance(each, str) for each in said):
        raise invalid_schema("expected a list of names")
    return tuple(said)


def _full_name(name: str, namespace: str) -> str:
    return name if "." in name or not namespace or name in _PRIMITIVES else f"{namespace}.{name}"


def avro_problems(reader: Type, writer: Type) -> tuple[str, ...]:
    """Why `reader` cannot read all that `writer` wrote; empty when it can."""
    return tuple(_problems(reader, writer, "", {}))


_Seen = dict[tuple[int, int], bool]


def _problems(reader: Type, writer: Type, path: str, seen: _Seen) -> list[str]:
    if (id(reader), id(writer)) in seen:
        return []  # a type within itself: what is being looked at already
    seen[id(reader), id(writer)] = True
    where = path or "/"
    if writer.kind == "union":
        return [each for branch in writer.inner for each in _problems(reader, branch, path, seen)]
    if reader.kind == "union":
        if any(not _problems(branch, writer, path, dict(seen)) for branch in reader.inner):
            return []
        return [f"{where}: the reader's union has no branch for {writer.name or writer.kind}"]
    if reader.kind != writer.kind:
        if writer.kind in _READS.get(reader.kind, ()):
            return []
        return [f"{where}: {reader.name or reader.kind} cannot read {writer.name or writer.kind}"]
    if reader.kind in ("array", "map"):
        return _problems(reader.inner[0], writer.inner[0], f"{path}/{reader.kind}", seen)
    if reader.kind in ("record", "enum", "fixed"):
        if reader.short_name != writer.short_name and writer.name not in reader.aliases:
            return [f"{where}: {reader.name} cannot read {writer.name}, which has another name"]
        return _named_problems(reader, writer, path, seen)
    return []


def _named_problems(reader: Type, writer: Type, path: str, seen: _Seen) -> list[str]:
    where = path or "/"
    if reader.kind == "fixed":
        return (
            [] if reader.size == writer.size else [f"{where}: {reader.name} has size {reader.size}, not {writer.size}"]
        )
    if reader.kind == "enum":
        missing = [symbol for symbol in writer.symbols if symbol not in reader.symbols]
        if missing and reader.default is None:
            return [f"{where}: enum {reader.name} lacks {', '.join(missing)} and has no default"]
        return []
    found: list[str] = []
    written = {each.name: each for each in writer.fields}
    for each in reader.fields:
        source = next((written[name] for name in (each.name, *each.aliases) if name in written), None)
        if source is not None:
            found += _problems(each.type, source.type, f"{path}/{each.name}", seen)
        elif not each.has_default:
            found.append(f"{path}/{each.name}: the field is not in what was written, and has no default")
    return found

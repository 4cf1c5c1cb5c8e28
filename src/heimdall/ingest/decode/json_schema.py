"""The types of JSON fields, learned from records, so that a whole body can be parsed into columns strictly.

The columnar parser is told every field and refuses what does not fit: a field it does not know, a value of another
type. So it never drops or bends anything; a body it refuses is learned from again, or read record by record.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from threading import Lock
from typing import Any

import pyarrow as pa

MAX_COLUMNS = 96
"""Fields (nested ones counted) that are worth columns; sparse wide records are faster one by one."""

MAX_DEPTH = 8
"""Of nested objects and lists as columns; deeper ones are read one by one."""

_REMEMBERED = 256
"""Schemas kept, one per sender's kind of record; a few kB each."""

_SCALARS: dict[str, pa.DataType] = {
    "null": pa.string(),  # a later value of another type is refused and learned
    "bool": pa.bool_(),
    "int": pa.int64(),
    "float": pa.float64(),
    "str": pa.string(),
}

Shape = str | dict[str, "Shape"] | tuple["Shape"]
"""A scalar name, the fields of an object, or the element of a list."""


class NoColumns(Exception):
    """These records have no common columns: types differ, or too many fields. Read them one by one."""


def learn(records: Iterable[Any], known: dict[str, Shape] | None = None) -> dict[str, Shape]:
    """Fields of all `records` together and what `known` had before; raises NoColumns."""
    shape: dict[str, Shape] = dict(known or {})
    for record in records:
        if type(record) is not dict:
            raise NoColumns("not an object")
        for name, value in record.items():
            seen = shape.get(name)
            shape[name] = _of(value, 1) if seen is None else _merged(seen, value, 1)
        if len(shape) > MAX_COLUMNS:
            raise NoColumns("too many fields")
    if _size(shape) > MAX_COLUMNS:
        raise NoColumns("too many fields")
    return shape


def arrow_schema(shape: dict[str, Shape]) -> pa.Schema:
    """The schema the columnar parser is given."""
    return pa.schema([pa.field(name, _arrow(child)) for name, child in shape.items()])


class SchemaMemory:
    """What was learned, by the fields of a body's first record. Least recently used first out; thread-safe."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._shapes: OrderedDict[tuple[str, ...], dict[str, Shape]] = OrderedDict()

    def recall(self, names: tuple[str, ...]) -> dict[str, Shape] | None:
        with self._lock:
            shape = self._shapes.get(names)
            if shape is not None:
                self._shapes.move_to_end(names)
            return shape

    def keep(self, names: tuple[str, ...], shape: dict[str, Shape]) -> None:
        with self._lock:
            self._shapes[names] = shape
            self._shapes.move_to_end(names)
            if len(self._shapes) > _REMEMBERED:
                self._shapes.popitem(last=False)


def _of(value: Any, depth: int) -> Shape:
    kind = type(value)
    if kind is str:
        return "str"
    if kind is bool:
        return "bool"
    if kind is int:
        if not -(2**63) <= value < 2**63:
            raise NoColumns("integer beyond 64 bits")
        return "int"
    if kind is float:
        return "float"
    if value is None:
        return "null"
    if depth >= MAX_DEPTH:
        raise NoColumns("nested deeply")
    if kind is dict:
        if not value:
            raise NoColumns("empty object")
        return {name: _of(child, depth + 1) for name, child in value.items()}
    element: Shape = "null"
    for child in value:
        element = _merged(element, child, depth + 1)
    return (element,)


def _merged(seen: Shape, value: Any, depth: int) -> Shape:
    if value is None:
        return seen
    if seen == "null":
        return _of(value, depth)
    kind = type(value)
    if isinstance(seen, str):
        new = _of(value, depth)
        if new == seen:
            return seen
        if (new, seen) in (("int", "float"), ("float", "int")):
            return "float"
        raise NoColumns("types differ")
    if isinstance(seen, dict) and kind is dict:
        fields = dict(seen)
        for name, child in value.items():
            before = fields.get(name)
            fields[name] = _of(child, depth + 1) if before is None else _merged(before, child, depth + 1)
        return fields
    if isinstance(seen, tuple) and kind is list:
        element = seen[0]
        for child in value:
            element = _merged(element, child, depth + 1)
        return (element,)
    raise NoColumns("types differ")


def _size(shape: Shape) -> int:
    if isinstance(shape, dict):
        if any("\x00" in name or not name for name in shape):
            raise NoColumns("a name with NUL, where Arrow ends it, or an empty one, which Polars replaces")
        return sum(_size(child) for child in shape.values())
    return _size(shape[0]) if isinstance(shape, tuple) else 1


def _arrow(shape: Shape) -> pa.DataType:
    if isinstance(shape, str):
        return _SCALARS[shape]
    if isinstance(shape, dict):
        return pa.struct([pa.field(name, _arrow(child)) for name, child in shape.items()])
    return pa.list_(_arrow(shape[0]))

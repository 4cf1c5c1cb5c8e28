"""Avro datums of one schema → columns, field after field over all of them, without an object a record or a field.

Records of primitive types, enums, fixed, nullable fields and records inside are read so. A schema with arrays, maps,
wider unions, decimals or itself inside is not: `datum_text` reads one datum with a library then.
Source: Apache Avro 1.12 specification, "Binary encoding".
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import fastavro
import numpy as np
import numpy.typing as npt
import orjson
import polars as pl

from heimdall.ingest.decode.protobuf import Wire
from heimdall.ingest.decode.protobuf_fields import Mask, Places

_MAX_DEPTH = 16
_Read = Callable[["_Cursor", Places], pl.Series]


class NoColumns(Exception):
    """The schema is one that has to be read datum by datum."""


@dataclass(frozen=True, slots=True)
class AvroSchema:
    """Made once a schema; `read` is None where its datums have to be read one by one."""

    parsed: Any
    read: _Read | None


def avro_schema(text: str, references: Sequence[str] = ()) -> AvroSchema:
    """`references`: schemas whose named types it uses, those that are used by others first.

    Raises:
        ValueError: it is no Avro schema.
    """
    named: dict[str, Any] = {}
    try:
        for each in references:
            fastavro.parse_schema(orjson.loads(each), named_schemas=named)
        parsed = fastavro.parse_schema(orjson.loads(text), named_schemas=named)
    except (fastavro.schema.SchemaParseException, orjson.JSONDecodeError, KeyError, TypeError, AttributeError) as exc:
        raise ValueError(f"no Avro schema: {exc}") from exc
    try:
        if not isinstance(parsed, Mapping) or parsed["type"] != "record":
            raise NoColumns
        return AvroSchema(parsed, _reader(parsed, named, 0))
    except NoColumns:
        return AvroSchema(parsed, None)


def avro_columns(read: _Read, wire: Wire, starts: Places, ends: Places) -> tuple[pl.DataFrame, Mask]:
    """A column a field, and which datums are whole; rows of the others say nothing."""
    cursor = _Cursor(wire, starts.copy(), ends, np.zeros(len(starts), np.bool_))
    frame = read(cursor, np.arange(len(starts))).struct.unnest()
    return frame, ~cursor.bad


def datum_text(schema: AvroSchema, datum: bytes) -> bytes:
    """One datum: a record as a JSON object, text as itself, other values as JSON.

    Raises:
        ValueError: it is no datum of the schema.
    """
    try:
        value = fastavro.schemaless_reader(io.BytesIO(datum), schema.parsed, None)
        return value.encode() if isinstance(value, str) else orjson.dumps(value, default=_as_json)
    except Exception as exc:  # the library raises whatever its parts do
        raise ValueError(f"no datum of its schema: {type(exc).__name__}: {exc}") from exc


def _as_json(value: Any) -> Any:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


@dataclass(slots=True)
class _Cursor:
    """Where each datum is read next. One that ran out of its bytes is `bad`, and says nothing from there on."""

    wire: Wire
    at: Places
    ends: Places
    bad: Mask

    def number(self, rows: Places) -> npt.NDArray[np.int64]:
        """A long, in zigzag."""
        value, stop = self.wire.varints(self.at[rows])
        self._go(rows, stop)
        return (value >> np.uint64(1)).astype(np.int64) ^ -(value & np.uint64(1)).astype(np.int64)

    def span(self, rows: Places, size: npt.NDArray[np.int64] | int) -> tuple[Places, Places]:
        """So many bytes; none of a datum that has them not."""
        start = self.at[rows]
        length = np.broadcast_to(np.asarray(size, np.int64), rows.shape)
        stop = start + np.clip(length, 0, np.int64(1) << 40)
        negative = length < 0
        self.bad[rows[negative]] = True
        self._go(rows, stop)
        fits = ~self.bad[rows]
        return np.where(fits, start, 0), np.where(fits, stop, 0)

    def _go(self, rows: Places, stop: Places) -> None:
        self.bad[rows] |= stop > self.ends[rows]
        self.at[rows] = np.where(self.bad[rows], 0, stop)


def _reader(schema: Any, named: Mapping[str, Any], depth: int) -> _Read:
    if depth > _MAX_DEPTH:
        raise NoColumns
    if isinstance(schema, list):
        return _nullable(schema, named, depth)
    kind = schema if isinstance(schema, str) else schema["type"]
    logical = None if isinstance(schema, str) else schema.get("logicalType")
    if isinstance(schema, str) and schema in named:
        return _reader(named[schema], named, depth + 1)
    if logical == "decimal" or logical == "duration":
        raise NoColumns
    if kind == "record":
        fields = [(field["name"], _reader(field["type"], named, depth + 1)) for field in schema["fields"]]
        if not fields:
            raise NoColumns
        return lambda cursor, rows: pl.DataFrame([read(cursor, rows).alias(name) for name, read in fields]).to_struct()
    if kind == "enum":
        symbols = pl.Series(schema["symbols"], dtype=pl.String)
        return lambda cursor, rows: _enum(cursor, rows, symbols)
    if kind == "fixed":
        return lambda cursor, rows: _base64(cursor, rows, schema["size"])
    if kind in ("int", "long") and logical == "date":
        return lambda cursor, rows: (
            pl.Series(cursor.number(rows)).cast(pl.Int32, strict=False).cast(pl.Date).cast(pl.String)
        )
    if kind not in _PRIMITIVES:
        raise NoColumns
    return _PRIMITIVES[kind]


def _nullable(branches: list[Any], named: Mapping[str, Any], depth: int) -> _Read:
    some = [place for place, branch in enumerate(branches) if branch != "null"]
    if len(some) != 1 or len(branches) > 2:
        raise NoColumns
    place = some[0]
    inner = _reader(branches[place], named, depth + 1)

    def read(cursor: _Cursor, rows: Places) -> pl.Series:
        branch = cursor.number(rows)
        cursor.bad[rows[(branch < 0) | (branch >= len(branches))]] = True
        mine = np.flatnonzero(branch == place)
        values = inner(cursor, rows[mine])
        if len(mine) == len(rows):
            return values
        where = np.full(len(rows), -1, np.int64)
        where[mine] = np.arange(len(mine))
        places = pl.select(pl.when(pl.lit(pl.Series(where)) >= 0).then(pl.lit(pl.Series(where)))).to_series()
        if not len(mine):
            return pl.Series([None], dtype=values.dtype).new_from_index(0, len(rows))
        return values.gather(places.cast(pl.UInt32))

    return read


def _enum(cursor: _Cursor, rows: Places, symbols: pl.Series) -> pl.Series:
    index = cursor.number(rows)
    wrong = (index < 0) | (index >= len(symbols))
    cursor.bad[rows[wrong]] = True
    return symbols.gather(pl.Series(np.where(wrong, 0, index)).cast(pl.UInt32))


def _boolean(cursor: _Cursor, rows: Places) -> pl.Series:
    start, _ = cursor.span(rows, 1)
    return pl.Series(cursor.wire.fixed(start, 1)[:, 0] != 0)


def _real(cursor: _Cursor, rows: Places, size: int) -> pl.Series:
    start, _ = cursor.span(rows, size)
    raw = np.ascontiguousarray(cursor.wire.fixed(start, size)).view(f"<f{size}").reshape(-1)
    values = pl.Series(raw.astype(np.float64))
    return pl.select(pl.when(pl.lit(values).is_finite()).then(pl.lit(values))).to_series()


def _text(cursor: _Cursor, rows: Places) -> pl.Series:
    return cursor.wire.text(*cursor.span(rows, cursor.number(rows)))[0]


def _base64(cursor: _Cursor, rows: Places, size: int | None = None) -> pl.Series:
    spans = cursor.span(rows, cursor.number(rows) if size is None else size)
    return cursor.wire.binary(*spans).bin.encode("base64")


_PRIMITIVES: dict[str, _Read] = {
    "null": lambda _cursor, rows: pl.Series([None], dtype=pl.String).new_from_index(0, len(rows)),
    "boolean": _boolean,
    "int": lambda cursor, rows: pl.Series(cursor.number(rows)),
    "long": lambda cursor, rows: pl.Series(cursor.number(rows)),
    "float": lambda cursor, rows: _real(cursor, rows, 4),
    "double": lambda cursor, rows: _real(cursor, rows, 8),
    "string": _text,
    "bytes": _base64,
}

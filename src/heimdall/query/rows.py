"""Rows as people see them: ids, level names, hex trace ids, the sender's own fields beside the canonical ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson
import polars as pl
import pyarrow as pa

from heimdall.model.severity import LEVELS

_HEX_FIELDS = ("trace_id", "span_id", "parent_span_id")
_ORDER = (
    "id", "timestamp", "observed_timestamp", "level", "severity_number", "service", "instance", "region",
    "environment", "message", "template_id", "trace_id", "span_id", "parent_span_id", "trace_flags", "user_id",
    "session_id", "request_id", "customer_id", "duration_ms", "cpu_usage", "memory_usage", "error_rate",
    "retention_policy", "anomaly_score", "predicted_category",
)  # fmt: skip
_LEVEL_NAMES = (
    pl.Series([LEVELS[min((number + 3) // 4, len(LEVELS) - 1)].value for number in range(256)])
    .to_arrow()
    .cast(pa.string())  # pa.array would import pandas
)
"""By severity number."""

JSON_TEXT = {b"heimdall": b"json"}
"""Metadata of a text column whose values are JSON: a sender's field, a list. They are written as what they say."""


def record_table(stored: pa.Table) -> pa.Table:
    """Records as storage holds them (LOG_SCHEMA, `position`, `template_id`) → the columns people see.

    Adds `id` and `level` where their sources are there, turns ids to hex, leaves `attributes` as JSON text, last.
    """
    columns = dict(zip(stored.column_names, stored.columns, strict=True))
    position = columns.pop("position", None)
    if position is not None and "timestamp" in columns:
        columns["id"] = _ids(columns["timestamp"], position)
    if "severity_number" in columns:
        columns["level"] = _LEVEL_NAMES.take(columns["severity_number"].combine_chunks())
    for name in _HEX_FIELDS:
        if name in columns and _is_binary(columns[name].type):
            columns[name] = _hexadecimal(columns[name])
    extra = [name for name in columns if name not in _ORDER and name != "attributes"]
    order = [name for name in (*_ORDER, *extra, "attributes") if name in columns]
    return pa.table({name: columns[name] for name in order})


def _ids(timestamps: pa.ChunkedArray, positions: pa.ChunkedArray) -> pa.Array:
    """`heimdall.model.identity.record_id`, a column at a time."""
    time_ns: npt.NDArray[np.int64] = np.maximum(timestamps.cast(pa.int64()).to_numpy(), 0)
    milliseconds, rest_ns = np.divmod(time_ns, 1_000_000)
    high = (milliseconds.astype(np.uint64) << np.uint64(16)) | np.uint64(0x7000) | (rest_ns // 245).astype(np.uint64)
    low = (positions.to_numpy().astype(np.uint64) & np.uint64((1 << 62) - 1)) | np.uint64(1 << 63)
    digits = np.stack([high, low], axis=1).astype(">u8").tobytes().hex()
    ids = (digits[place : place + 32] for place in range(0, len(digits), 32))
    return pa.array([f"{i[:8]}-{i[8:12]}-{i[12:16]}-{i[16:20]}-{i[20:]}" for i in ids], pa.string())


def json_rows(table: pa.Table, *, lines: bool = False) -> bytes:
    """Rows as a JSON array, or as NDJSON with `lines`. Absent values are left out; attributes stand flat."""
    rows = [orjson.dumps(row, option=orjson.OPT_NON_STR_KEYS) for row in plain_rows(table)]
    if lines:
        return b"".join(row + b"\n" for row in rows)
    return b"[" + b",".join(rows) + b"]"


def plain_rows(table: pa.Table) -> Iterator[dict[str, Any]]:
    """Rows as dictionaries of JSON's types."""
    # An answer's columns are many and its rows few: a column without a value costs every row more than it is worth.
    there = [
        name for name, column in zip(table.column_names, table.columns, strict=True) if column.null_count < len(column)
    ]
    values = [_readable(table.column(name)).to_pylist() for name in there]
    spoken = [name for name in _spoken(table) if name in there]
    for row in zip(*values, strict=True) if there else [()] * table.num_rows:
        plain = {name: value for name, value in zip(there, row, strict=True) if value is not None}
        for name in spoken:
            if name in plain and (said := orjson.loads(plain[name])) is not None:
                plain[name] = said
            else:
                plain.pop(name, None)
        attributes = plain.pop("attributes", None)
        if attributes:
            for name, value in flat_attributes(attribute_object(attributes)):
                plain.setdefault(name, value)
        yield plain


def flat_table(table: pa.Table) -> pa.Table:
    """The same rows with every attribute as a column of its own, for CSV and Arrow."""
    if "attributes" not in table.column_names and not _spoken(table):
        return pa.table({name: _readable(table.column(name)) for name in table.column_names})
    names = [name for name in table.column_names if name != "attributes"]
    rows = list(plain_rows(table))
    names += sorted({name for row in rows for name in row} - set(names))
    columns = {name: typed_column([row.get(name) for row in rows]) for name in names}
    return pa.table(columns)


def _spoken(table: pa.Table) -> list[str]:
    return [field.name for field in table.schema if (field.metadata or {}).items() >= JSON_TEXT.items()]


def attribute_object(text: str) -> dict[str, Any]:
    """A record's attributes; those nested deeper than the parser goes (1,024) stay one text named `attributes`."""
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        return {"attributes": text}
    return value if isinstance(value, dict) else {}


def flat_attributes(value: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """(dotted name, value) of every leaf; arrays are leaves, nulls are absent. Any depth: no recursion."""
    waiting = [("", iter(value.items()))]
    while waiting:
        prefix, members = waiting[-1]
        for name, inner in members:
            if isinstance(inner, dict):
                waiting.append((f"{prefix}{name}.", iter(inner.items())))
                break
            if inner is not None:
                yield f"{prefix}{name}", inner
        else:
            waiting.pop()


def _readable(column: pa.ChunkedArray) -> pa.ChunkedArray | pa.Array:
    """Times as RFC 3339 text, bytes as hex."""
    if pa.types.is_timestamp(column.type):
        time_ns: npt.NDArray[np.datetime64] = column.cast(pa.timestamp("ns"), safe=False).to_numpy()
        return pa.array(np.datetime_as_string(time_ns, unit="ns", timezone="UTC"), mask=np.isnat(time_ns))
    return _hexadecimal(column) if _is_binary(column.type) else column


def _is_binary(kind: pa.DataType) -> bool:
    return any((pa.types.is_binary(kind), pa.types.is_large_binary(kind), pa.types.is_fixed_size_binary(kind)))


def _hexadecimal(column: pa.ChunkedArray) -> pa.Array:
    return pa.array([None if value is None else value.hex() for value in column.to_pylist()], pa.string())


def typed_column(values: list[Any]) -> pa.Array:
    """One Arrow type a column; values of several types become text."""
    kinds = {bool if isinstance(v, bool) else type(v) for v in values if v is not None}
    if kinds <= {int, float} or len(kinds) == 1:
        try:
            return pa.array(values)
        except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):
            pass
    return pa.array([v if v is None or isinstance(v, str) else orjson.dumps(v).decode() for v in values], pa.string())

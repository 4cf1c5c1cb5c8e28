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
_LEVEL_NAMES = pl.Series("level", [LEVELS[min((number + 3) // 4, len(LEVELS) - 1)].value for number in range(256)])
"""By severity number."""

JSON_TEXT = {b"heimdall": b"json"}
"""Metadata of a text column whose values are JSON: a sender's field, a list. They are written as what they say."""
_TIME_FORMAT = "%Y-%m-%dT%H:%M:%S%.9fZ"


def record_table(stored: pa.Table) -> pa.Table:
    """Records as storage holds them (LOG_SCHEMA, `position`, `template_id`) → the columns people see.

    Adds `id` and `level` where their sources are there, turns ids to hex, leaves `attributes` as JSON text, last.
    """
    frame = pl.from_arrow(stored)
    assert isinstance(frame, pl.DataFrame)
    columns = {column.name: column for column in frame.get_columns() if column.name != "position"}
    # A column at a time: for a page of records that is quicker than to wake the threads of a whole `select`.
    if "position" in frame.columns and "timestamp" in frame.columns:
        columns["id"] = _ids(frame["timestamp"], frame["position"])
    if "severity_number" in frame.columns:
        columns["level"] = _LEVEL_NAMES.gather(columns["severity_number"].to_numpy())
    for name in _HEX_FIELDS:
        if name in columns and columns[name].dtype == pl.Binary:
            columns[name] = columns[name].bin.encode("hex")
    extra = [name for name in columns if name not in _ORDER and name != "attributes"]
    order = [name for name in (*_ORDER, *extra, "attributes") if name in columns]
    return pl.DataFrame([columns[name] for name in order]).to_arrow()


def _ids(timestamps: pl.Series, positions: pl.Series) -> pl.Series:
    """`heimdall.model.identity.record_id`, a column at a time."""
    time_ns: npt.NDArray[np.int64] = np.maximum(timestamps.cast(pl.Int64).to_numpy(), 0)
    milliseconds, rest_ns = np.divmod(time_ns, 1_000_000)
    high = (milliseconds.astype(np.uint64) << np.uint64(16)) | np.uint64(0x7000) | (rest_ns // 245).astype(np.uint64)
    low = (positions.cast(pl.UInt64).to_numpy() & np.uint64((1 << 62) - 1)) | np.uint64(1 << 63)
    digits = np.stack([high, low], axis=1).astype(">u8").tobytes().hex()
    ids = (digits[place : place + 32] for place in range(0, len(digits), 32))
    return pl.Series("id", [f"{i[:8]}-{i[8:12]}-{i[12:16]}-{i[16:20]}-{i[20:]}" for i in ids], dtype=pl.String)


def json_rows(table: pa.Table, *, lines: bool = False) -> bytes:
    """Rows as a JSON array, or as NDJSON with `lines`. Absent values are left out; attributes stand flat."""
    rows = [orjson.dumps(row, option=orjson.OPT_NON_STR_KEYS) for row in plain_rows(table)]
    if lines:
        return b"".join(row + b"\n" for row in rows)
    return b"[" + b",".join(rows) + b"]"


def plain_rows(table: pa.Table) -> Iterator[dict[str, Any]]:
    """Rows as dictionaries of JSON's types."""
    frame = pl.from_arrow(table)
    assert isinstance(frame, pl.DataFrame)
    frame = frame.with_columns(_readable(frame))
    spoken = _spoken(table)
    for row in frame.iter_rows(named=True):
        for name in spoken:
            row[name] = None if row[name] is None else orjson.loads(row[name])
        attributes = row.pop("attributes", None)
        plain = {name: value for name, value in row.items() if value is not None}
        if attributes:
            for name, value in flat_attributes(attribute_object(attributes)):
                plain.setdefault(name, value)
        yield plain


def flat_table(table: pa.Table) -> pa.Table:
    """The same rows with every attribute as a column of its own, for CSV and Arrow."""
    if "attributes" not in table.column_names and not _spoken(table):
        frame = pl.from_arrow(table)
        assert isinstance(frame, pl.DataFrame)
        return frame.with_columns(_readable(frame)).to_arrow()
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


def _readable(frame: pl.DataFrame) -> list[pl.Expr]:
    """Times as RFC 3339 text, bytes as hex."""
    changed = []
    for name, dtype in frame.schema.items():
        if isinstance(dtype, pl.Datetime):
            changed.append(pl.col(name).dt.cast_time_unit("ns").dt.replace_time_zone(None).dt.strftime(_TIME_FORMAT))
        elif dtype == pl.Binary:
            changed.append(pl.col(name).bin.encode("hex"))
    return changed


def typed_column(values: list[Any]) -> pa.Array:
    """One Arrow type a column; values of several types become text."""
    kinds = {bool if isinstance(v, bool) else type(v) for v in values if v is not None}
    if kinds <= {int, float} or len(kinds) == 1:
        try:
            return pa.array(values)
        except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):
            pass
    return pa.array([v if v is None or isinstance(v, str) else orjson.dumps(v).decode() for v in values], pa.string())

"""Fields of records in a Polars frame with the columns of `LOG_SCHEMA`, `position` and `template_id`."""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

from heimdall.query.fields import ATTRIBUTES, Storage, attribute_path, canonical
from heimdall.query.frame.values import FrameValue, as_text, attribute_values, each, identities
from heimdall.query.types import Type

_PREFIX = "\x00"
"""Starts the names of columns made here; no field name of a sender holds NUL."""


class BaseFields:
    """Reads fields of a frame. Columns that a batch left out are missing values."""

    def __init__(self, names: Iterable[str], *, inline: bool = False) -> None:
        """`names`: every field that will be asked for. `inline`: without `prepare`, each use reads `attributes`."""
        self._inline = inline
        wanted = set(names)
        ids = [name for name in wanted if (field := canonical(name)) and field.storage is Storage.BYTES]
        senders = {name for name in wanted if canonical(name) is None and name != ATTRIBUTES}
        self._senders = sorted(senders | set(ids))

    def prepare(self, frame: pl.LazyFrame) -> pl.LazyFrame:
        """The frame with every column that `value` reads."""
        schema = frame.collect_schema()
        added: list[pl.Expr] = []
        for name, dtype in _COLUMNS.items():
            if name not in schema:
                absent = 0 if name in _ZERO else None
                added.append(pl.lit(absent, dtype).alias(name))
            elif schema[name] != dtype:
                added.append(pl.col(name).cast(dtype))
        frame = frame.with_columns(added) if added else frame
        if not self._senders:
            return frame
        paths = tuple(attribute_path(name) for name in self._senders)
        kind = pl.Struct({f"{_PREFIX}{name}": pl.String for name in self._senders})

        def read(column: pl.Series) -> pl.Series:
            rows = [
                dict(zip(kind.to_schema(), attribute_values(text, paths), strict=True)) for text in column.to_list()
            ]
            return pl.Series(column.name, rows, dtype=kind)

        parsed = pl.col(ATTRIBUTES).map_batches(read, return_dtype=kind, is_elementwise=True)
        return frame.with_columns(parsed.alias(_PREFIX)).unnest(_PREFIX)

    def value(self, name: str) -> FrameValue:
        field = canonical(name)
        if field is None:
            return FrameValue(pl.col(ATTRIBUTES) if name == ATTRIBUTES else self._sender(name), Type.ANY)
        column = pl.col(field.source)
        match field.storage:
            case Storage.EMPTY:
                return FrameValue(pl.when(column != "").then(column), field.type)
            case Storage.BYTES:
                own = pl.when(column != b"\x00" * field.width).then(column.bin.encode("hex"))
                sent = as_text(FrameValue(self._sender(name), Type.ANY))
                return FrameValue(pl.coalesce(own, sent), field.type)
            case Storage.DERIVED if field.type is Type.LEVEL:
                return FrameValue((column.cast(pl.UInt16) + 3) // 4, field.type)
            case Storage.DERIVED:
                both = pl.struct("timestamp", "position")
                made = both.map_batches(
                    lambda rows: identities(rows.struct.field("timestamp"), rows.struct.field("position")),
                    return_dtype=pl.String,
                    is_elementwise=True,
                )
                return FrameValue(made, field.type)
            case _:
                return FrameValue(column.cast(pl.Int64) if field.type is Type.INTEGER else column, field.type)

    def _sender(self, name: str) -> pl.Expr:
        """JSON text of a sender's field."""
        if not self._inline:
            return pl.col(f"{_PREFIX}{name}")
        path = attribute_path(name)
        return each(pl.col(ATTRIBUTES), lambda text: attribute_values(str(text), (path,))[0], pl.String)


_TIME = pl.Datetime("ns", "UTC")
_ZERO = ("severity_number", "template_id", "position")
_COLUMNS: dict[str, pl.DataType] = {
    "timestamp": _TIME,
    "observed_timestamp": _TIME,
    **dict.fromkeys(("severity_number", "trace_flags"), pl.UInt8()),
    **dict.fromkeys(("position", "template_id"), pl.UInt64()),
    **dict.fromkeys(
        ("service", "instance", "region", "environment", "message", ATTRIBUTES, "user_id", "session_id", "request_id"),
        pl.String(),
    ),
    **dict.fromkeys(("customer_id", "retention_policy", "predicted_category"), pl.String()),
    **dict.fromkeys(("trace_id", "span_id", "parent_span_id"), pl.Binary()),
    **dict.fromkeys(("duration_ms", "cpu_usage", "memory_usage", "error_rate", "anomaly_score"), pl.Float64()),
}

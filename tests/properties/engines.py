"""The same records in a ClickHouse table and in a Polars frame, to ask both the same question."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import polars as pl
import pyarrow as pa
from chdb.session import Session

from heimdall.model.batch import LOG_SCHEMA, POSITION_FIELD, TEMPLATE_FIELD, TenantId
from heimdall.query.ast import Query
from heimdall.query.context import Context
from heimdall.query.fields import POSITION_COLUMN, TIME_COLUMN
from heimdall.query.frame import evaluate
from heimdall.query.shape import shape_of
from heimdall.query.sql import to_sql
from heimdall.query.types import Type

TENANT = TenantId("default")
CONTEXT = Context(
    now_ns=1_700_000_600_000_000_000, start_ns=1_700_000_000_000_000_000, end_ns=1_700_000_600_000_000_000
)

_TABLE = """
CREATE TABLE records (
    tenant LowCardinality(String), timestamp DateTime64(9, 'UTC'), observed_timestamp DateTime64(9, 'UTC'),
    severity_number UInt8,
    service LowCardinality(String), instance LowCardinality(String), region LowCardinality(String),
    environment LowCardinality(String), message String, attributes JSON,
    trace_id FixedString(16), span_id FixedString(8), parent_span_id FixedString(8), trace_flags UInt8,
    user_id String, session_id String, request_id String, customer_id String,
    duration_ms Nullable(Float64), cpu_usage Nullable(Float64), memory_usage Nullable(Float64),
    error_rate Nullable(Float64), position UInt64, template_id UInt64,
    INDEX message_words message TYPE text(tokenizer = splitByNonAlpha, preprocessor = lower(message))
) ENGINE = MergeTree ORDER BY (tenant, timestamp, position) SETTINGS index_granularity = 128
"""
_FILES = ("input_format_try_infer_datetimes", "input_format_try_infer_dates")
_TEXT = ("service", "instance", "region", "environment", "user_id", "session_id", "request_id", "customer_id")
_IDS = (("trace_id", 16), ("span_id", 8), ("parent_span_id", 8))

Record = dict[str, Any]


class Engines:
    """Records are dictionaries by column name; what is left out is missing."""

    def __init__(self, records: Sequence[Record], session: Session | None = None) -> None:
        self._session = session or Session()
        self._session.query("DROP TABLE IF EXISTS records")
        self._session.query(_TABLE)
        schema = pa.schema([*LOG_SCHEMA, POSITION_FIELD, TEMPLATE_FIELD])
        rows = [
            {"severity_number": 0, "template_id": 0, "observed_timestamp": row["timestamp"], "position": place, **row}
            for place, row in enumerate(records, start=1)
        ]
        frame = pl.from_arrow(pa.Table.from_pylist(rows, schema=schema))
        assert isinstance(frame, pl.DataFrame)
        self.frame = frame.lazy()
        if rows:
            self._insert(rows)

    def _insert(self, rows: list[Record]) -> None:
        lines = []
        for row in rows:
            line = {**row, "tenant": TENANT, "attributes": json.loads(row.get("attributes") or "{}")}
            for name in ("timestamp", "observed_timestamp"):
                line[name] = f"{row[name] // 1_000_000_000}.{row[name] % 1_000_000_000:09d}"
            for name, width in _IDS:
                line[name] = (row.get(name) or b"\0" * width).hex()
            lines.append({name: value for name, value in line.items() if value is not None})
        columns = sorted({name for line in lines for name in line})
        ids = {name for name, _ in _IDS}
        chosen = ", ".join(f"unhex({name}) AS {name}" if name in ids else name for name in columns)
        types = ", ".join(f"{name} {'String' if name in ids else _TYPES.get(name, 'String')}" for name in columns)
        text = "\n".join(json.dumps(line) for line in lines).replace("\\", "\\\\").replace("'", "\\'")
        self._session.query(
            f"INSERT INTO records ({', '.join(columns)}) SELECT {chosen} FROM format(JSONEachRow, '{types}', '{text}')"
            f" SETTINGS {', '.join(f'{name} = 0' for name in _FILES)}"
        )

    def by_sql(self, query: Query, **options: Any) -> list[Record]:
        statement = to_sql(query, table="records", tenant=TENANT, context=CONTEXT, **options)
        text = statement.sql(dialect="clickhouse")
        answer = self._session.query(text, "JSONEachRow").bytes().decode() if False else self._rows(text)
        return _plain(answer, query)

    def _rows(self, text: str) -> pl.DataFrame:
        buffer = self._session.query(text, "ArrowStream").bytes()
        if not buffer:
            return pl.DataFrame()
        table = pa.ipc.open_stream(pa.BufferReader(buffer)).read_all()
        found = pl.from_arrow(table)
        assert isinstance(found, pl.DataFrame)
        return found

    def by_frame(self, query: Query, **options: Any) -> list[Record]:
        return _plain(evaluate(query, self.frame, context=CONTEXT, **options).collect(), query)


_TYPES = {
    "timestamp": "DateTime64(9, \\'UTC\\')",
    "observed_timestamp": "DateTime64(9, \\'UTC\\')",
    "severity_number": "UInt8",
    "trace_flags": "UInt8",
    "attributes": "JSON",
    "position": "UInt64",
    "template_id": "UInt64",
    **dict.fromkeys(("duration_ms", "cpu_usage", "memory_usage", "error_rate"), "Nullable(Float64)"),
}


def _plain(frame: pl.DataFrame, query: Query) -> list[Record]:
    """Rows as Python values: JSON decoded, floats to nine digits, times as nanoseconds, missing values left out."""
    shape = shape_of(query)
    types = dict(shape.answer()) | ({TIME_COLUMN: Type.TIME, POSITION_COLUMN: Type.INTEGER} if shape.records else {})
    for name, kind in types.items():
        if kind is Type.TIME and name in frame.columns:
            frame = frame.with_columns(pl.col(f"^{_escaped(name)}$").dt.epoch("ns"))
    return [
        {name: _value(value, types[name]) for name, value in row.items() if _value(value, types[name]) is not None}
        for row in frame.to_dicts()
    ]


def _escaped(name: str) -> str:
    return "".join(f"\\{char}" if not char.isalnum() and char != "_" else char for char in name)


def _value(value: Any, kind: Type) -> Any:
    if isinstance(value, bytes):
        value = value.decode()
    if kind in (Type.ANY, Type.LIST) and isinstance(value, str):
        value = json.loads(value)
    if kind in (Type.ANY, Type.LIST) and value == {}:
        return None
    return float(f"{value:.9g}") if isinstance(value, float) else value

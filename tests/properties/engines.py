"""The same records in the ClickHouse engine and in a Polars frame, to ask both the same question."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa

from heimdall.clock import ManualClock
from heimdall.model.batch import LOG_SCHEMA, POSITION_FIELD, TEMPLATE_FIELD, LogBatch, Origin, TenantId
from heimdall.query.ast import Query
from heimdall.query.context import Context
from heimdall.query.fields import POSITION_COLUMN, TIME_COLUMN
from heimdall.query.frame.evaluation import evaluate
from heimdall.query.rows import flat_attributes
from heimdall.query.shape import shape_of
from heimdall.query.sql.statement import to_sql
from heimdall.query.types import Type
from heimdall.storage import open_engine
from heimdall.storage.engine import SqlEngine

START_NS = 1_700_000_000_000_000_000
MINUTE_NS = 60 * 10**9
CONTEXT = Context(now_ns=START_NS + 10 * MINUTE_NS, start_ns=START_NS, end_ns=START_NS + 10 * MINUTE_NS)
SCHEMA = pa.schema([*LOG_SCHEMA, POSITION_FIELD, TEMPLATE_FIELD])

Record = dict[str, Any]


class Engines:
    """One ClickHouse engine for many sets of records: each is a tenant of its own."""

    def __init__(self, directory: Path) -> None:
        engine = open_engine(f"clickhouse+embedded://{directory}/tier", ManualClock(START_NS))
        assert isinstance(engine, SqlEngine)
        self.engine = engine
        self._numbers = count(1)

    def keep(self, records: Sequence[Record]) -> Asked:
        """Records are dictionaries by column name; what is left out is missing."""
        number = next(self._numbers)
        tenant = TenantId(f"tenant-{number}")
        rows = [
            {"severity_number": 0, "template_id": 0, "observed_timestamp": row["timestamp"], "position": place, **row}
            for place, row in enumerate(records, start=1)
        ]
        table = pa.Table.from_pylist(rows, schema=SCHEMA)
        if rows:
            self.engine.append(LogBatch(tenant, table, Origin(number * 1_000_000, number * 1_000_000 + len(rows) - 1)))
        return Asked(self.engine, tenant, table)

    def close(self) -> None:
        self.engine.close()


class Asked:
    """One set of records, and the two ways to ask it."""

    def __init__(self, engine: SqlEngine, tenant: TenantId, table: pa.Table) -> None:
        self.engine = engine
        self.tenant = tenant
        self.table = table

    def by_sql(self, query: Query, **options: Any) -> list[Record]:
        options = {"context": CONTEXT, **options}
        statement = to_sql(query, table=self.engine.table, tenant=self.tenant, **options)
        rows = self.engine.select(statement, query_id="agree", timeout_s=30, max_memory_bytes=1 << 30)
        batches = list(rows)
        found = pl.from_arrow(pa.Table.from_batches(batches, schema=rows.schema))
        assert isinstance(found, pl.DataFrame)
        return plain(found, query)

    def by_frame(self, query: Query, **options: Any) -> list[Record]:
        frame = pl.from_arrow(self.table)
        assert isinstance(frame, pl.DataFrame)
        return plain(evaluate(query, frame.lazy(), context=CONTEXT, **options).collect(), query)


def plain(frame: pl.DataFrame, query: Query) -> list[Record]:
    """Rows as Python values: JSON decoded, floats to nine digits, times as nanoseconds, missing values left out."""
    shape = shape_of(query)
    types = dict(shape.answer()) | ({TIME_COLUMN: Type.TIME, POSITION_COLUMN: Type.INTEGER} if shape.records else {})
    assert list(types) == frame.columns
    columns = []
    for name, kind in types.items():
        series = frame[name]
        if kind is Type.TIME:
            series = series.cast(pl.Datetime("ns", "UTC")).dt.epoch("ns")
        columns.append([_value(value, kind) for value in series.to_list()])
    rows = zip(*columns, strict=True) if columns else ()
    return [{name: value for name, value in zip(types, row, strict=True) if value is not None} for row in rows]


def _value(value: Any, kind: Type) -> Any:
    if kind in (Type.ANY, Type.LIST) and isinstance(value, str):
        value = json.loads(value)
    if isinstance(value, dict):
        return dict(flat_attributes(value)) or None
    return float(f"{value:.9g}") if isinstance(value, float) else value

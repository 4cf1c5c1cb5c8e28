"""`Profile` and `Reading` of the table, asked of ClickHouse: its parts, its rollups, its indexes.

Nothing here reads records, but for a sample of ids.
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa
from sqlglot import exp

from heimdall.model.batch import TenantId
from heimdall.storage.engines.clickhouse import layout
from heimdall.storage.engines.clickhouse.connection import Driver, Settings
from heimdall.storage.profile import Kind, Profile, Reading

MOST_WORDS = 20_000
"""Frequent words that are known by name, about 3 MB. What is rarer than all of these is rare enough."""

MOST_HOURS = 200_000
"""Hours of all tenants together; beyond it the busiest are kept."""

MOST_KINDS = 50_000

SAMPLE_ROWS = 500_000
"""Records whose ids are counted: 20 ms for each of four columns."""

IDS = ("trace_id", "user_id", "session_id", "request_id", "customer_id")

_AWAY: Settings = {"max_threads": 1, "max_execution_time": 10, "max_memory_usage": 200 * 1024 * 1024}
"""Statistics wait for questions, never the other way round."""

_AS_FAR_AS_IT_GETS: Settings = {**_AWAY, "max_execution_time": 2, "timeout_overflow_mode": "break"}
"""A table of a billion records has words in many parts; those of some of them are a sample."""

_LOGS = f"{layout.DATABASE}.{layout.TABLE}"
_OURS = f"database = '{layout.DATABASE}' AND table = '{layout.TABLE}' AND active"
_COLUMNS = (
    "SELECT column, sum(column_data_uncompressed_bytes) / sum(rows) AS bytes FROM system.parts_columns "
    f"WHERE {_OURS} AND column_data_uncompressed_bytes > 0 GROUP BY column"
)
_WEIGHED = (
    f"SELECT {', '.join(f'avg(byteSize({column.name})) AS {column.name}' for column in layout.COLUMNS)} "
    f"FROM (SELECT * FROM {_LOGS} LIMIT 10000)"
)
_HOURS = (
    "SELECT toString(tenant) AS tenant, intDiv(minute, 60) AS hour, sum(n) AS rows FROM ("
    f"SELECT tenant, {layout.MINUTE} AS minute, count() AS n FROM {_LOGS} GROUP BY tenant, {layout.MINUTE}"
    f") GROUP BY tenant, hour ORDER BY rows DESC LIMIT {MOST_HOURS}"
)
_KINDS = (
    "SELECT toString(tenant) AS tenant, severity_number, toString(service) AS service, count() AS rows "
    f"FROM {_LOGS} GROUP BY tenant, severity_number, service ORDER BY rows DESC LIMIT {MOST_KINDS}"
)
_WORDS = (
    f"SELECT token, sum(cardinality) AS rows FROM mergeTreeTextIndex('{layout.DATABASE}', '{layout.TABLE}', "
    f"'message_words') GROUP BY token ORDER BY rows DESC LIMIT {MOST_WORDS}"
)


def profile(driver: Driver) -> Profile:
    hours: dict[TenantId, dict[int, int]] = {}
    for row in _rows(driver, _HOURS):
        hours.setdefault(TenantId(row["tenant"]), {})[int(row["hour"])] = int(row["rows"])
    total = sum(sum(counts.values()) for counts in hours.values())
    if not total:
        return Profile()
    kinds: dict[TenantId, list[Kind]] = {}
    for row in _rows(driver, _KINDS):
        kind = Kind(int(row["severity_number"]), row["service"], int(row["rows"]))
        kinds.setdefault(TenantId(row["tenant"]), []).append(kind)
    words = {row["token"]: int(row["rows"]) for row in _rows(driver, _WORDS, _AS_FAR_AS_IT_GETS)}
    return Profile(
        rows=total,
        row_bytes=_row_bytes(driver),
        hours=hours,
        kinds={tenant: tuple(found) for tenant, found in kinds.items()},
        words=words,
        rarest=min(words.values()) if len(words) == MOST_WORDS else 1,
        distinct=_distinct(driver, total),
    )


def _row_bytes(driver: Driver) -> dict[str, float]:
    """As the parts say; small parts are one file and do not, so where there are no others some records are weighed."""
    found = {row["column"]: float(row["bytes"]) for row in _rows(driver, _COLUMNS)}
    if not found:
        (found,) = _rows(driver, _WEIGHED)
    return found


def _distinct(driver: Driver, total: int) -> dict[str, float]:
    """A column whose sample still shows new values at its end goes on doing so; any other has shown most of them."""
    counts = ", ".join(f"uniqCombined({name}) AS {name}" for name in IDS)
    names = ", ".join(IDS)
    (row,) = _rows(driver, f"SELECT {counts} FROM (SELECT {names} FROM {_LOGS} LIMIT {SAMPLE_ROWS})")
    sampled = min(SAMPLE_ROWS, total)
    grows = {name: row[name] > sampled * GROWING for name in IDS}
    return {name: max(1.0, row[name] * (total / sampled if grows[name] else 1.0)) for name in IDS}


GROWING = 0.5
"""Share of different values in a sample from which on there are taken to be more with every further record."""


def reading(driver: Driver, statement: exp.Query, more: Settings) -> Reading:
    """Rows and granules of the tables of `statement`, projections and skip indexes considered."""
    text = f"EXPLAIN ESTIMATE {statement.sql('clickhouse')}"
    settings: dict[str, int | str] = {**more, "use_skip_indexes_on_data_read": 0}
    found = driver.fetch(text, settings).table.to_pylist()
    return Reading(rows=sum(int(row["rows"]) for row in found), ranges=sum(int(row["marks"]) for row in found))


def _rows(driver: Driver, statement: str, settings: Settings = _AWAY) -> list[dict[str, Any]]:
    table: pa.Table = driver.fetch(statement, settings).table
    texts = [field.with_type(pa.string()) if pa.types.is_binary(field.type) else field for field in table.schema]
    found: list[dict[str, Any]] = table.cast(pa.schema(texts)).to_pylist()
    return found

"""`Profile` and `Reading` of the table, asked of ClickHouse: its parts, its rollups, its indexes.

Nothing here reads records, but for a sample of ids.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
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
"""Records whose ids are counted."""

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
    rows_by_hour: Counter[int] = Counter()
    for counts in hours.values():
        rows_by_hour.update(counts)
    total = rows_by_hour.total()
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
        distinct=_distinct(driver, rows_by_hour),
    )


def _row_bytes(driver: Driver) -> dict[str, float]:
    """As the parts say; small parts are one file and do not, so where there are no others some records are weighed."""
    found = {row["column"]: float(row["bytes"]) for row in _rows(driver, _COLUMNS)}
    if not found:
        (found,) = _rows(driver, _WEIGHED)
    return found


def _distinct(driver: Driver, rows_by_hour: Mapping[int, int]) -> dict[str, float]:
    """How many different values each id has, from two samples of hours far apart: of a few values both have the same,
    of values that come and go with time, as traces do, none. Capture and recapture (Lincoln and Petersen). Nothing is
    known where neither hour has records any more, or where the key counts those before 1970 to another hour."""
    total = sum(rows_by_hour.values())
    each = SAMPLE_ROWS // 2
    usual = sorted(rows_by_hour.values())[len(rows_by_hour) // 2]
    busy = [hour for hour, rows in rows_by_hour.items() if rows >= usual]
    first, last = min(busy), max(busy)
    hour, names = f"intDiv(toUnixTimestamp64Nano(timestamp), {layout.HOUR_NS})", ", ".join(IDS)
    skipped = f" OFFSET {each}" if first == last else ""
    samples = (
        f"SELECT {names}, 1 AS early FROM {_LOGS} WHERE {hour} = {first} LIMIT {each} "
        f"UNION ALL SELECT {names}, 0 AS early FROM {_LOGS} WHERE {hour} = {last} LIMIT {each}{skipped}"
    )
    counts = ", ".join(
        f"uniqCombinedIf({name}, early) AS {name}_early, uniqCombinedIf({name}, NOT early) AS {name}_late, "
        f"uniqCombined({name}) AS {name}_both"
        for name in IDS
    )
    (row,) = _rows(driver, f"SELECT {counts}, count() AS sampled FROM ({samples})")
    if not row["sampled"]:
        return {}
    share = total / row["sampled"]
    return {name: _recaptured(row[f"{name}_early"], row[f"{name}_late"], row[f"{name}_both"], share) for name in IDS}


def _recaptured(early: float, late: float, both: float, share: float) -> float:
    """Different values of a whole from those of two samples and of both together, which are one in `share` of it."""
    again = early + late - both
    if min(early, late) == 0:
        return max(1.0, both * share)
    # What counts differ by in a hundredth is the error of counting.
    most = both * share
    found = most if again <= 0.01 * (early + late) else early * late / again
    return max(1.0, min(max(found, both), most))


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

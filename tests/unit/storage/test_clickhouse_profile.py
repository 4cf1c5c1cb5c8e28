"""How many different ids there are is told from two samples of hours far apart."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from heimdall.clock import SystemClock
from heimdall.model.batch import DEFAULT_TENANT, LOG_SCHEMA, POSITION_FIELD, TEMPLATE_FIELD, LogBatch, Origin
from heimdall.storage.engines.clickhouse import profiling
from heimdall.storage.engines.clickhouse.engine import ClickHouseEngine

HOUR_NS = 3600 * 10**9
SCHEMA = pa.schema([*LOG_SCHEMA, POSITION_FIELD, TEMPLATE_FIELD])
HOURS, ROWS = 8, 2_000


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClickHouseEngine]:
    """Traces of ten records that lie together in time, 300 users who are always there, one session."""
    folder: Path = tmp_path_factory.mktemp("profile")
    opened = ClickHouseEngine.embedded(folder, SystemClock())
    for hour in range(HOURS):
        first = hour * ROWS
        rows = [record(first + n, hour) for n in range(ROWS)]
        batch = pa.Table.from_pylist(rows, SCHEMA)
        opened.append(LogBatch(DEFAULT_TENANT, batch, Origin(first + 1, first + ROWS)))
    yield opened
    opened.close()


def record(number: int, hour: int) -> dict[str, Any]:
    return {
        "timestamp": 1_700_000_000 * 10**9 // HOUR_NS * HOUR_NS + hour * HOUR_NS + number,
        "observed_timestamp": 1_700_000_000 * 10**9,
        "severity_number": 9,
        "service": "cart",
        "message": f"step {number}",
        "trace_id": (number // 10 + 1).to_bytes(16, "big"),
        "user_id": f"u{number * 7_919 % 300}",
        "session_id": "only",
        "position": number + 1,
        "template_id": number % 40 + 1,
    }


@pytest.mark.parametrize("sample", [2 * ROWS, ROWS, 10**6])
def test_ids_that_come_and_go_and_ids_that_stay(
    engine: ClickHouseEngine, monkeypatch: pytest.MonkeyPatch, sample: int
) -> None:
    monkeypatch.setattr(profiling, "SAMPLE_ROWS", sample)
    distinct = engine.profile().distinct
    assert distinct["trace_id"] == pytest.approx(HOURS * ROWS / 10, rel=0.4)
    assert distinct["user_id"] == pytest.approx(300, rel=0.15)
    assert distinct["session_id"] == distinct["customer_id"] == 1.0


def test_records_of_an_hour_that_the_key_has_elsewhere_leave_ids_unknown(engine: ClickHouseEngine) -> None:
    empty = profiling._distinct(engine.driver, {-1: 1})
    assert empty == {}


@pytest.mark.parametrize(
    ("early", "late", "both", "share", "found"),
    [
        (10_000, 10_000, 20_000, 50, 1_000_000),
        (10_000, 10_000, 19_990, 50, 999_500),
        (500, 500, 500, 50, 500),
        (800, 800, 960, 50, 1_000),
        (1, 1, 2, 1, 2),
        (0, 0, 0, 3, 1),
        (5, 0, 5, 1, 5),
    ],
)
def test_values_seen_again_say_how_many_there_are(early: int, late: int, both: int, share: float, found: float) -> None:
    assert profiling._recaptured(early, late, both, share) == found

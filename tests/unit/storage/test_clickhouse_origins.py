"""Exactly once where the engine's own list of tokens is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from heimdall.clock import SystemClock
from heimdall.model.batch import DEFAULT_TENANT, LogBatch, Origin
from heimdall.storage.engines.clickhouse import ClickHouseEngine
from heimdall.storage.engines.clickhouse.origins import Origins, SpanKey

NOW_NS = 1_700_000_000_000_000_000


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "tier"


@pytest.fixture
def engine(directory: Path) -> Iterator[ClickHouseEngine]:
    opened = ClickHouseEngine.embedded(directory, SystemClock())
    yield opened
    opened.close()


def span(first: int, count: int, *, days_apart: int = 0) -> LogBatch:
    times = pa.array([NOW_NS + i * (1 + days_apart * 86_400 * 10**9) for i in range(count)], pa.int64())
    table = pa.table(
        {
            "timestamp": times.cast(pa.timestamp("ns", "UTC")),
            "observed_timestamp": pa.array([NOW_NS] * count, pa.int64()).cast(pa.timestamp("ns", "UTC")),
            "severity_number": pa.array([9] * count, pa.uint8()),
            "message": pa.array([f"record {first + i}" for i in range(count)], pa.large_string()),
            "position": pa.array(range(first, first + count), pa.uint64()),
            "template_id": pa.array([1] * count, pa.uint64()),
        }
    )
    return LogBatch(DEFAULT_TENANT, table, Origin(first, first + count - 1))


def positions(engine: ClickHouseEngine) -> list[int]:
    found = engine._driver.fetch("SELECT position FROM heimdall.logs ORDER BY position", {}).table
    return [int(p) for p in found.column(0).to_pylist()]


def test_a_span_that_is_half_stored_is_completed(engine: ClickHouseEngine) -> None:
    """A crash between two partitions of one insert leaves the first stored."""
    whole = span(1, 6, days_apart=1)
    engine.append(LogBatch(DEFAULT_TENANT, whole.table.slice(0, 2), Origin(1, 2)))
    engine.append(whole)
    assert positions(engine) == [1, 2, 3, 4, 5, 6]


def test_a_token_written_before_its_part_does_not_lose_the_span(directory: Path) -> None:
    """The engine remembers a block it never got to keep: a crash between its two writes."""
    first = ClickHouseEngine.embedded(directory, SystemClock())
    first.append(span(1, 3))
    first._driver.command("ALTER TABLE heimdall.logs DETACH PARTITION ALL")
    first.close()
    second = ClickHouseEngine.embedded(directory, SystemClock())
    second.append(span(1, 3))
    assert positions(second) == [1, 2, 3]
    second.close()


def test_a_forgotten_token_does_not_double_the_span(directory: Path) -> None:
    """Power loss can take the list of tokens, which is not fsynced, and leave the part."""
    first = ClickHouseEngine.embedded(directory, SystemClock())
    first.append(span(1, 3))
    first.close()
    logs = list(directory.rglob("deduplication_log_*.txt"))
    assert logs, "the engine keeps its tokens in files of this name"
    for path in logs:
        path.unlink()
    second = ClickHouseEngine.embedded(directory, SystemClock())
    second.append(span(1, 3))
    second.append(span(4, 2))
    assert positions(second) == [1, 2, 3, 4, 5]
    second.close()


def test_spans_survive_a_restart_and_stay_once(directory: Path) -> None:
    for _ in range(3):
        engine = ClickHouseEngine.embedded(directory, SystemClock())
        engine.append(span(1, 3))
        engine.append(span(4, 3))
        assert positions(engine) == [1, 2, 3, 4, 5, 6]
        engine.close()


def test_only_what_may_have_been_tried_is_looked_up() -> None:
    origins = Origins()
    keys = [SpanKey(DEFAULT_TENANT, i, i) for i in range(Origins.UNSURE_APPENDS + 1)]
    for key in keys[:-1]:
        with origins.trying(key) as unsure:
            assert unsure
    with origins.trying(keys[-1]) as unsure:
        assert not unsure
    with origins.trying(keys[-1]) as unsure:
        assert unsure

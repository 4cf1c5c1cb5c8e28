"""Columns no record has a value in are not read, and none is ever missed."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa
import pytest

from heimdall.clock import ManualClock
from heimdall.model.batch import DEFAULT_TENANT, LogBatch, Origin
from heimdall.query.config import QueryConfig
from heimdall.query.executor import Executor
from heimdall.query.request import SearchRequest
from heimdall.query.rows import json_rows
from heimdall.query.service import QueryService
from heimdall.storage.engines.clickhouse.engine import ClickHouseEngine
from heimdall.storage.engines.clickhouse.presence import OPTIONAL
from heimdall.storage.tiers import Tiers

NOW_NS = 1_700_000_000_000_000_000
CLOCK = ManualClock(NOW_NS)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[ClickHouseEngine]:
    opened = ClickHouseEngine.embedded(tmp_path, CLOCK)
    yield opened
    opened.close()


def append(engine: ClickHouseEngine, position: int, **values: str) -> None:
    time = pa.array([NOW_NS], pa.timestamp("ns", tz="UTC"))
    columns = {name: pa.array([value], pa.large_string()) for name, value in values.items()}
    fixed = {
        "timestamp": time,
        "observed_timestamp": time,
        "severity_number": pa.array([9], pa.uint8()),
        "message": pa.array([f"message {position}"], pa.large_string()),
        "position": pa.array([position], pa.uint64()),
        "template_id": pa.array([7], pa.uint64()),
    }
    engine.append(LogBatch(DEFAULT_TENANT, pa.table(fixed | columns), Origin(position, position)))


def search(engine: ClickHouseEngine) -> list[dict[str, object]]:
    service = QueryService(Tiers({"hot": engine}), CLOCK, QueryConfig(), lambda: {})
    found: list[dict[str, object]] = json.loads(
        json_rows(service.search(SearchRequest(tenant=DEFAULT_TENANT, q="*")).rows)
    )
    return found


def test_a_column_is_used_from_its_first_value_on_and_after_a_restart(tmp_path: Path) -> None:
    engine = ClickHouseEngine.embedded(tmp_path, CLOCK)
    try:
        assert engine.unused == OPTIONAL
        append(engine, 1)
        assert engine.unused == OPTIONAL
        append(engine, 2, user_id="ada")
        assert engine.unused == OPTIONAL - {"user_id"}
    finally:
        engine.close()
    engine = ClickHouseEngine.embedded(tmp_path, CLOCK)
    try:
        assert engine.unused == OPTIONAL - {"user_id"}
        assert [row.get("user_id") for row in search(engine)] == ["ada", None]
    finally:
        engine.close()


def test_first_values_that_come_side_by_side_are_listed_once(
    engine: ClickHouseEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = threading.Barrier(2)
    command = engine.driver.command

    def slow(sql: str) -> None:
        time.sleep(0.05)  # while the other waits for its turn
        command(sql)

    def add(_: int) -> None:
        both.wait()
        engine.presence.add(["user_id"])

    monkeypatch.setattr(engine.driver, "command", slow)
    with ThreadPoolExecutor(2) as threads:
        list(threads.map(add, range(2)))
    listed = engine.driver.fetch("SELECT name FROM heimdall.columns", {}).table.column("name").to_pylist()
    assert listed == ["user_id"]


def test_records_stored_before_anyone_kept_count_may_use_every_column(tmp_path: Path) -> None:
    engine = ClickHouseEngine.embedded(tmp_path, CLOCK)
    try:
        append(engine, 1, session_id="s-1")
        engine.driver.command("DROP TABLE heimdall.columns SYNC")
    finally:
        engine.close()
    engine = ClickHouseEngine.embedded(tmp_path, CLOCK)
    try:
        assert engine.unused == frozenset()
        assert search(engine)[0]["session_id"] == "s-1"
    finally:
        engine.close()


def test_a_first_value_that_comes_while_a_question_runs_is_in_its_answer(
    engine: ClickHouseEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    append(engine, 1)
    run = Executor.run

    def arriving(*given: object, **named: object) -> pa.Table:
        if "user_id" in engine.unused:  # behind the statement's back, before it runs
            append(engine, 2, user_id="ada")
        return run(*given, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(Executor, "run", arriving)
    assert [row.get("user_id") for row in search(engine)] == ["ada", None]

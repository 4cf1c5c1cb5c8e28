"""Nothing of the driver leaves the adapter."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlglot import parse_one

from heimdall.clock import SystemClock
from heimdall.errors import (
    BatchRefused,
    EngineUnavailable,
    HeimdallError,
    InvalidInput,
    Misconfigured,
    QueryCancelled,
    TooMuchMemory,
)
from heimdall.storage.engines.clickhouse import ClickHouseEngine
from heimdall.storage.engines.clickhouse.errors import map_driver_errors

MEMORY_BYTES = 100 * 1024 * 1024


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClickHouseEngine]:
    opened = ClickHouseEngine.embedded(tmp_path_factory.mktemp("errors") / "tier", SystemClock())
    yield opened
    opened.close()


@pytest.mark.parametrize(
    ("doing", "message", "expected"),
    [
        ("select", "Code: 394. DB::Exception: Query was cancelled. (QUERY_WAS_CANCELLED)", QueryCancelled),
        ("select", "Code: 159. DB::Exception: Timeout exceeded: elapsed 1 s (TIMEOUT_EXCEEDED)", QueryCancelled),
        ("select", "Code: 241. DB::Exception: Query memory limit exceeded: would use 2 GiB", TooMuchMemory),
        ("select", "Code: 241. DB::Exception: (total) memory limit exceeded: would use 2 GiB", EngineUnavailable),
        ("select", "Code: 43. DB::Exception: Illegal type String of argument", InvalidInput),
        ("select", "Code: 999999. DB::Exception: something new", EngineUnavailable),
        ("select", "no number at all", EngineUnavailable),
        ("append", "Code: 117. DB::Exception: Cannot parse JSON object here: {", BatchRefused),
        ("append", "Code: 243. DB::Exception: Cannot reserve 1 MiB, not enough space", EngineUnavailable),
        ("append", "Code: 252. DB::Exception: Too many parts", EngineUnavailable),
        ("append", "Code: 241. DB::Exception: Memory limit (total) exceeded", EngineUnavailable),
        ("append", "no number at all", EngineUnavailable),
        ("manage", "Code: 60. DB::Exception: Unknown table", EngineUnavailable),
    ],
)
def test_each_driver_error_has_one_of_ours(doing: str, message: str, expected: type[HeimdallError]) -> None:
    with pytest.raises(expected) as caught, map_driver_errors(doing):  # type: ignore[arg-type]
        raise RuntimeError(message)
    assert type(caught.value) is expected
    assert caught.value.__cause__ is not None, "the cause is kept"
    assert "Stack trace" not in str(caught.value)


def test_our_own_errors_pass_unchanged() -> None:
    with pytest.raises(Misconfigured, match="as it was"), map_driver_errors("select"):
        raise Misconfigured("as it was")


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("SELECT nothing FROM heimdall.logs", InvalidInput),
        ("SELECT no_such_function(1)", InvalidInput),
        ("SELECT toDate('text' || 'more')", InvalidInput),
        ("SELECT groupArray(number) FROM numbers(100000000)", InvalidInput),
        ("SELECT sum(sipHash64(number)) FROM numbers(100000000000)", QueryCancelled),
    ],
)
def test_statements_that_fail_in_the_engine_raise_ours(
    engine: ClickHouseEngine, statement: str, expected: type[HeimdallError]
) -> None:
    query = parse_one(statement, dialect="clickhouse")
    timeout_s = 0.3 if expected is QueryCancelled else 60
    with pytest.raises(expected):
        engine.select(query, query_id="q", timeout_s=timeout_s, max_memory_bytes=MEMORY_BYTES)  # type: ignore[arg-type]
    ok = engine.select(parse_one("SELECT 1 AS one"), query_id="q", timeout_s=60, max_memory_bytes=MEMORY_BYTES)  # type: ignore[arg-type]
    assert [batch.to_pydict() for batch in ok] == [{"one": [1]}]


def test_a_statement_that_writes_is_not_run(engine: ClickHouseEngine) -> None:
    with pytest.raises(EngineUnavailable, match="readonly"), map_driver_errors("select"):
        engine._driver.fetch("DROP TABLE heimdall.logs", {})
    assert engine.statistics().rows == 0


def test_a_directory_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a directory")
    with pytest.raises(Misconfigured, match="file"):
        ClickHouseEngine.embedded(tmp_path / "file", SystemClock())

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest
from sqlglot import parse_one

from heimdall.clock import SystemClock
from heimdall.errors import QueryCancelled
from heimdall.storage.engines.clickhouse import ClickHouseEngine

ENDLESS = "SELECT sum(sipHash64(number)) FROM numbers(1000000000000)"


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClickHouseEngine]:
    opened = ClickHouseEngine.embedded(tmp_path_factory.mktemp("cancel") / "tier", SystemClock())
    yield opened
    opened.close()


def run(engine: ClickHouseEngine, query_id: str, errors: list[BaseException]) -> None:
    try:
        engine.select(parse_one(ENDLESS), query_id=query_id, timeout_s=60, max_memory_bytes=10**8)  # type: ignore[arg-type]
    except BaseException as exc:
        errors.append(exc)


def test_a_running_statement_ends_when_it_is_cancelled(engine: ClickHouseEngine) -> None:
    errors: list[BaseException] = []
    thread = threading.Thread(target=run, args=(engine, "mine", errors))
    thread.start()
    time.sleep(0.2)
    started = time.monotonic()
    assert engine.cancel("mine")
    thread.join(timeout=10)
    assert not thread.is_alive()
    assert time.monotonic() - started < 5
    assert [type(error) for error in errors] == [QueryCancelled]


def test_a_cancel_that_comes_first_also_ends_it(engine: ClickHouseEngine) -> None:
    errors: list[BaseException] = []
    threads = [threading.Thread(target=run, args=(engine, "early", errors)) for _ in range(3)]
    for thread in threads:
        thread.start()
    while not engine.cancel("early"):
        time.sleep(0.001)
    while any(thread.is_alive() for thread in threads):
        engine.cancel("early")
        time.sleep(0.01)
    assert {type(error) for error in errors} == {QueryCancelled}


def test_other_statements_go_on(engine: ClickHouseEngine) -> None:
    assert not engine.cancel("nobody")
    errors: list[BaseException] = []
    thread = threading.Thread(target=run, args=(engine, "one", errors))
    thread.start()
    time.sleep(0.1)
    assert not engine.cancel("two")
    assert thread.is_alive()
    engine.cancel("one")
    thread.join(timeout=10)


def test_the_deadline_ends_a_statement(engine: ClickHouseEngine) -> None:
    started = time.monotonic()
    with pytest.raises(QueryCancelled, match="time limit"):
        engine.select(parse_one(ENDLESS), query_id="late", timeout_s=0.3, max_memory_bytes=10**8)  # type: ignore[arg-type]
    assert time.monotonic() - started < 5

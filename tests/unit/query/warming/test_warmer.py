"""Asking ahead over real records, step by step on a clock that stands still."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from heimdall.clock import ManualClock
from heimdall.errors import HeimdallError, Misconfigured, QueryCancelled
from heimdall.model.batch import DEFAULT_TENANT, LOG_SCHEMA, POSITION_FIELD, TEMPLATE_FIELD, LogBatch, Origin
from heimdall.model.template import CATALOGUE_SCHEMA
from heimdall.query.cache import open_cache
from heimdall.query.cached import CachedQueryService
from heimdall.query.config import QueryConfig
from heimdall.query.request import QueryRequest, SearchRequest
from heimdall.query.warming import Warmer, read_plan
from heimdall.storage import open_engine
from heimdall.storage.tiers import Tiers

NOW_NS = 1_700_000_000_000_000_000
MINUTE_NS, HOUR_NS, DAY_NS = 60 * 10**9, 3_600 * 10**9, 86_400 * 10**9
SCHEMA = pa.schema([*LOG_SCHEMA, POSITION_FIELD, TEMPLATE_FIELD])
OVERVIEW = "* | timechart span=10m avg(duration_ms) as mean"
ERRORS = "level:error | stats count(duration_ms) as n by service"


class Node:
    def __init__(self, folder: Path) -> None:
        self.clock = ManualClock(NOW_NS)
        self.engine = open_engine(f"clickhouse+embedded://{folder}/tier", self.clock)
        rows = [
            {
                "timestamp": NOW_NS - number * MINUTE_NS, "observed_timestamp": NOW_NS, "severity_number": 17,
                "service": "cart", "message": "slow", "duration_ms": 1.0 * number, "position": number + 1,
                "template_id": 1,
            }
            for number in range(2_000)
        ]  # fmt: skip
        self.engine.append(LogBatch(DEFAULT_TENANT, pa.Table.from_pylist(rows, schema=SCHEMA), Origin(1, 2_000)))
        self.service = CachedQueryService(
            Tiers({"hot": self.engine}), self.clock, QueryConfig(), CATALOGUE_SCHEMA.empty_table,
            open_cache("memory://", self.clock), worth_rows=0,
        )  # fmt: skip

    def ask(self, q: str, *, user: str = "ann", background: bool = False) -> SearchRequest:
        now_ns = self.clock.time_ns()
        return SearchRequest(q=q, start_ns=now_ns - DAY_NS, end_ns=now_ns, user=user, background=background)


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    opened = Node(tmp_path)
    yield opened
    opened.service.close()
    opened.engine.close()


def make_warmer(node: Node, *lines: str) -> Warmer:
    warmer = Warmer(node.service._ask, node.service._executor.is_quiet, node.clock, read_plan(lines))
    warmer.start = lambda: None  # type: ignore[method-assign]  # steps are taken by the test
    node.service._warmer = warmer
    return warmer


def test_what_follows_is_there_when_it_is_asked(node: Node) -> None:
    warmer = make_warmer(node)
    for _ in range(2):
        node.service.search(node.ask(OVERVIEW))
        node.clock.advance(3)
        node.service.search(node.ask(ERRORS))
        node.clock.advance(3_600)
    node.service.search(node.ask(OVERVIEW))
    assert warmer.ask_one()
    assert not warmer.ask_one()
    node.clock.advance(3)
    answer = node.service.search(node.ask(ERRORS))
    assert answer.cached or answer.known_pieces >= 23


def test_a_schedule_keeps_a_page_warm(node: Node) -> None:
    warmer = make_warmer(node, f"*/10 * * * * -24h {OVERVIEW}")
    node.clock.advance(400)  # 22:20
    warmer.look()
    assert warmer.ask_one()
    node.clock.advance(5)
    assert node.service.search(node.ask(OVERVIEW)).known_pieces >= 23
    warmer.look()
    assert not warmer.ask_one()  # once a minute


def test_nothing_is_asked_ahead_while_somebody_asks(node: Node) -> None:
    warmer = make_warmer(node, f"* * * * * -24h {OVERVIEW}")
    node.clock.advance(60)
    warmer.look()
    with node.service._executor.job(QueryRequest()):
        assert not warmer.ask_one()
    assert warmer.ask_one()


def test_what_runs_in_the_background_ends_when_somebody_asks(node: Node) -> None:
    with node.service._executor.job(QueryRequest(background=True)) as ahead:
        assert node.service._executor.is_quiet()
        node.service.search(node.ask("*"))
        with pytest.raises(QueryCancelled):
            ahead.check()


def test_the_background_takes_nobody_s_turn(node: Node) -> None:
    with node.service._executor.job(QueryRequest(background=True)):
        assert node.service._executor._slots._value == QueryConfig().concurrent


def test_a_question_that_fails_is_left(node: Node) -> None:
    def fail(_: QueryRequest) -> None:
        raise HeimdallError("no")

    warmer = Warmer(fail, lambda: True, node.clock, read_plan(["* * * * * -1h *"]))  # type: ignore[arg-type]
    node.clock.advance(60)
    warmer.look()
    assert warmer.ask_one()
    assert not warmer.ask_one()


def test_its_thread_ends(node: Node) -> None:
    node.service.keep_warm()
    for _ in range(2):
        node.service.search(node.ask(OVERVIEW))
    warmer = node.service._warmer
    assert warmer is not None
    assert warmer._thread is not None
    node.service.close()
    assert not warmer._thread.is_alive()


def test_a_wrong_line_is_named_at_the_start(node: Node) -> None:
    node.service._config = QueryConfig(warm=("every day",))
    with pytest.raises(Misconfigured):
        node.service.keep_warm()

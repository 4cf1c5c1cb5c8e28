"""A cached answer is the answer: the same question to a service with a cache and to one without, on both engines, while
records come, go and change hands."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, Phase, given, note, settings
from hypothesis import strategies as st

from heimdall.clock import ManualClock
from heimdall.model.batch import LOG_SCHEMA, POSITION_FIELD, TEMPLATE_FIELD, LogBatch, Origin, TenantId
from heimdall.model.template import CATALOGUE_SCHEMA
from heimdall.query.cache import open_cache
from heimdall.query.cached import CachedQueryService
from heimdall.query.request import Answer, FacetsRequest, HistogramRequest, QueryRequest, SearchRequest
from heimdall.query.service import QueryConfig, QueryService
from heimdall.query.templates import TableCatalogue
from heimdall.storage import Engine, open_engine
from heimdall.storage.selection import pack
from heimdall.storage.tiers import Tiers

NOW_NS = 1_700_000_000_000_000_000
MINUTE_NS, HOUR_NS, DAY_NS = 60 * 10**9, 3_600 * 10**9, 86_400 * 10**9
SCHEMA = pa.schema([*LOG_SCHEMA, POSITION_FIELD, TEMPLATE_FIELD])

AGGREGATES = (
    "* | stats count() as n, sum(duration_ms) as s, min(duration_ms), max(timestamp), avg(duration_ms) by service",
    "* | stats count(), count(user_id) as users, avg(n), sum(n) as s by level",
    '* | stats count_if(level >= "error") / count() as share by bin(10m), service | where share > 0 | sort share desc',
    "cart | stats count() as n by kind | sort n desc, kind | head 3",
    "* | stats rate() as r, rate(duration_ms) by bin(30m)",
    "* | stats rate() as r",
    "* | stats min(duration_ms) as low, max(message) as last",
    "level>=warn | timechart count() as n by service",
    "* | timechart span=1h avg(duration_ms) as mean, count()",
    "* | top 3 service",
    "* | rare 2 service, level",
    "* | extend slow = duration_ms > 4 | stats count() by slow, environment",
    "* | where duration_ms > 2 | stats count() as n by service | extend twice = n * 2 | fields twice, service",
    "* | stats count_distinct(user_id) as u, p95(duration_ms) by service",
    "* | dedup service | stats count()",
    "* | where timestamp > now() - 2h | stats count() as n",
)
RECORDS = (
    "*",
    "declined",
    "level>=error",
    "service:cart | where duration_ms > 2",
    "* | head 5",
    "* | sort duration_ms desc",
)


class World:
    """One engine, asked with a cache and without."""

    def __init__(self, url: str) -> None:
        self.clock = ManualClock(NOW_NS)
        self.engine: Engine = open_engine(url, self.clock)
        self.tenant = TenantId("t0")
        self.position = 1
        self.examples = 0
        tiers, config = Tiers({"hot": self.engine}), QueryConfig()
        catalogue = CATALOGUE_SCHEMA.empty_table()
        self.plain = QueryService(tiers, self.clock, config, TableCatalogue(lambda: catalogue))
        self.cached = CachedQueryService(
            tiers,
            self.clock,
            config,
            TableCatalogue(lambda: catalogue),
            open_cache("memory://?size=4MiB", self.clock),
            worth_rows=0,
        )

    def append(self, seed: int, *, hours: float = 60.0, rows: int = 40) -> None:
        chance = random.Random(seed)
        table = pa.Table.from_pylist([self._record(chance, place, hours) for place in range(rows)], schema=SCHEMA)
        self.engine.append(LogBatch(self.tenant, table, Origin(self.position, self.position + rows - 1)))
        self.position += rows

    def _record(self, chance: random.Random, place: int, hours: float) -> dict[str, Any]:
        at_ns = NOW_NS - int(chance.random() * hours * HOUR_NS)
        return {
            "timestamp": at_ns,
            "observed_timestamp": at_ns,
            "severity_number": chance.choice([0, 5, 9, 10, 13, 17, 21]),
            "service": chance.choice(["cart", "payment", "é", None]),
            "environment": chance.choice(["prod", None]),
            "message": chance.choice(["card declined", "cart opened", "ok"]),
            "user_id": chance.choice(["u1", "u2", None]),
            # Sums of eighths are exact in any order.
            "duration_ms": chance.choice([None, 0.125, 2.5, 8.0, 1024.0]),
            "attributes": chance.choice([None, '{"kind":"a","n":5}', '{"kind":7,"n":"2.5"}', '{"kind":[1],"n":"x"}']),
            "position": self.position + place,
            "template_id": 1,
        }

    def ask(self, request: QueryRequest) -> tuple[Answer, Answer]:
        kind = {SearchRequest: "search", HistogramRequest: "histogram", FacetsRequest: "facets"}[type(request)]
        plain, cached = getattr(self.plain, kind)(request), getattr(self.cached, kind)(request)
        return plain, cached


def same(plain: Answer, cached: Answer) -> None:
    """Equal but for the last digits of quotients, in which the two evaluators may differ."""
    assert cached.rows.schema.equals(plain.rows.schema)
    assert rounded(cached.rows) == rounded(plain.rows)
    assert cached.data == plain.data
    assert dict(cached.extra) == dict(plain.extra)
    assert (cached.exact, cached.partial, cached.next) == (plain.exact, plain.partial, plain.next)


def rounded(rows: pa.Table) -> list[dict[str, Any]]:
    return [
        {name: float(f"{value:.12g}") if isinstance(value, float) else value for name, value in row.items()}
        for row in rows.to_pylist()
    ]


@pytest.fixture(scope="module", params=["memory", "clickhouse"])
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    directory = tmp_path_factory.mktemp("tier")
    made = World("memory://" if request.param == "memory" else f"clickhouse+embedded://{directory}")
    yield made
    made.engine.close()


RANGES = st.sampled_from(
    [
        (NOW_NS - DAY_NS, NOW_NS),
        (NOW_NS - DAY_NS + 7 * MINUTE_NS, NOW_NS + 7 * MINUTE_NS),
        (NOW_NS - DAY_NS + 13, NOW_NS + 13),
        (NOW_NS - 3 * DAY_NS, NOW_NS - DAY_NS),
        (NOW_NS - 61 * MINUTE_NS, NOW_NS),
        (NOW_NS // DAY_NS * DAY_NS - 2 * DAY_NS, NOW_NS // DAY_NS * DAY_NS + DAY_NS),
        (None, NOW_NS - HOUR_NS),
        (NOW_NS - 2 * DAY_NS, None),
        (None, None),
    ]
)


@st.composite
def questions(draw: st.DrawFn) -> QueryRequest:
    start_ns, end_ns = draw(RANGES)
    ends = {"start_ns": start_ns, "end_ns": end_ns}
    match draw(st.sampled_from(["aggregate", "aggregate", "records", "histogram", "facets"])):
        case "aggregate":
            return SearchRequest(q=draw(st.sampled_from(AGGREGATES)), limit=draw(st.sampled_from([2, 100])), **ends)
        case "records":
            return SearchRequest(q=draw(st.sampled_from(RECORDS)), limit=draw(st.sampled_from([3, 100])), **ends)
        case "histogram":
            interval_ns = draw(st.sampled_from([None, MINUTE_NS, 7 * MINUTE_NS, HOUR_NS, DAY_NS]))
            by = draw(st.sampled_from(["level", "service", "kind", None]))
            return HistogramRequest(q=draw(st.sampled_from(RECORDS[:4])), interval_ns=interval_ns, by=by, **ends)
        case _:
            names = draw(st.sampled_from([(), ("service", "kind"), ("n", "level", "duration_ms")]))
            return FacetsRequest(q=draw(st.sampled_from(RECORDS[:4])), fields=names, limit=2, **ends)


STEPS = st.lists(
    st.one_of(
        questions(),
        questions(),
        questions(),
        st.tuples(st.just("append"), st.integers(0, 10**6), st.sampled_from([0.1, 2.0, 60.0])),
        st.tuples(st.just("expire"), st.integers(0, 2)),
        st.tuples(st.just("tenant"), st.integers(0, 1)),
        st.tuples(st.just("wait"), st.integers(1, 20)),
    ),
    min_size=5,
    max_size=10,
)
CHECKS = settings(
    max_examples=4,
    deadline=None,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@CHECKS
@given(steps=STEPS)
def test_cached_and_uncached_answers_are_equal_while_records_come_and_go(world: World, steps: list[Any]) -> None:
    world.examples += 1
    world.tenant = TenantId(f"{world.examples}-0")
    world.append(7)
    for step in steps:
        match step:
            case ("append", seed, hours):
                world.append(seed, hours=hours)
            case ("expire", days):
                for old in pack(world.engine.ages(NOW_NS - days * DAY_NS, 2**62, ()), (), 2**62, 10**6):
                    world.engine.remove(old)
            case ("tenant", number):
                world.tenant = TenantId(f"{world.examples}-{number}")
            case ("wait", seconds):
                world.clock.advance(seconds)
            case _:
                for _ in range(3):
                    plain, cached = world.ask(replace(step, tenant=world.tenant))
                    note(f"{step}: cached={cached.cached} known_pieces={cached.known_pieces}")
                    same(plain, cached)


@pytest.mark.parametrize("q", AGGREGATES)
def test_each_aggregate_from_pieces_is_the_one_from_the_engine(world: World, q: str) -> None:
    """Ranges that move by minutes, with and without a record that comes between."""
    world.tenant = TenantId("moving")
    world.append(1)
    for minutes in (0, 61):
        shift_ns = minutes * MINUTE_NS
        request = SearchRequest(q=q, start_ns=NOW_NS - DAY_NS + shift_ns, end_ns=NOW_NS + shift_ns, tenant=world.tenant)
        same(*world.ask(request))
        world.append(minutes, hours=0.1, rows=3)
        same(*world.ask(request))


def test_pieces_are_reused_by_a_range_that_moves(world: World) -> None:
    world.tenant = TenantId("reuse")
    world.append(3)
    request = SearchRequest(q="* | stats count() as n by service", tenant=world.tenant)
    found = []
    for minutes in range(3):
        shift_ns = minutes * MINUTE_NS
        plain, cached = world.ask(
            SearchRequest(
                q=request.q, start_ns=NOW_NS - DAY_NS + shift_ns, end_ns=NOW_NS + shift_ns, tenant=world.tenant
            )
        )
        same(plain, cached)
        found.append((cached.known_pieces, cached.scanned_rows < plain.scanned_rows))
    assert found[0] == (0, False)
    assert found[1][0] == 0
    assert found[2][0] >= 32  # 23 hours, and five minutes at the ends; not the ragged ones
    assert found[2][1]


def test_answers_keep_up_with_records_that_come_while_they_are_asked(world: World) -> None:
    """Counts only grow here: an answer lies between what was there before it was asked and after."""
    world.tenant = TenantId(f"busy {world.position}")
    stop = threading.Event()

    def ingest() -> None:
        for seed in range(12):
            world.append(seed, rows=5)
        stop.set()

    request = SearchRequest(
        q="* | stats count() as n", start_ns=NOW_NS - 2 * DAY_NS, end_ns=NOW_NS + HOUR_NS, tenant=world.tenant
    )
    histogram = HistogramRequest(start_ns=request.start_ns, end_ns=request.end_ns, tenant=world.tenant)
    thread = threading.Thread(target=ingest)
    thread.start()
    asked = 0
    while not stop.is_set() or asked < 5:
        before = world.plain.search(request).rows.to_pylist()[0]["n"]
        cached = world.cached.search(request).rows.to_pylist()[0]["n"]
        counted = world.cached.histogram(histogram).extra["total"]
        after = world.plain.search(request).rows.to_pylist()[0]["n"]
        assert before <= cached <= after
        assert before <= counted <= after  # type: ignore[operator]
        asked += 1
    thread.join()
    for _ in range(2):
        same(*world.ask(request))
        same(*world.ask(histogram))

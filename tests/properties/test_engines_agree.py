"""Both evaluators give the same answer: ClickHouse SQL on the real engine, and Polars over the same records.

`HEIMDALL_HQL_QUERIES=10000 HEIMDALL_HQL_RECORDS=5000` for a release (`make fuzz`).
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import Phase, given, note, settings
from hypothesis import strategies as st

from heimdall.errors import QuerySyntaxError
from heimdall.query.ast import Query
from heimdall.query.languages.hql import parse, to_text
from heimdall.query.shape import shape_of
from properties.engines import START_NS, Asked, Engines, Record
from properties.queries import QUERIES as QUERY_TREES

MESSAGES = (
    "Connection refused to host-1",
    "card declined: code=5",
    "user bob took 15 ms",
    "user al took 7 ms",
    "GET /api/v1/x 200",
    "É naïve ümlaut\nsecond line",
    "refused",
)
ATTRIBUTES = (
    None,
    '{"http":{"status_code":200},"s":"x"}',
    '{"http.status_code":500,"t":true,"s":"5","l":["a","b"],"n":5.0}',
    '{"s":5,"n":1.5e300,"m":"a\\"b"}',
)


def records(seed: int, rows: int = 60) -> list[Record]:
    chance = random.Random(seed)
    return [
        {
            "timestamp": START_NS + chance.randrange(600) * 10**9,
            "severity_number": chance.choice([0, 1, 9, 10, 13, 17, 18, 21]),
            "service": chance.choice(["cart", "payment", None, "auth"]),
            "message": chance.choice(MESSAGES),
            "attributes": chance.choice(ATTRIBUTES),
            "trace_id": chance.choice([None, bytes(range(16))]),
            "user_id": chance.choice([None, "u1", "u2"]),
            "duration_ms": chance.choice([None, 1.0, 2.5, 1500.0, 20.25]),
            "template_id": chance.randrange(4),
        }
        for _ in range(rows)
    ]


@pytest.fixture(scope="module")
def engines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engines]:
    opened = Engines(tmp_path_factory.mktemp("engines"))
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def asked(engines: Engines) -> Asked:
    return engines.keep(records(seed=1))


@pytest.fixture(scope="module")
def sets(engines: Engines) -> dict[int, Asked]:
    return {seed: engines.keep(records(seed, GENERATED_RECORDS)) for seed in range(2, 6)}


@pytest.fixture(scope="module")
def nothing(engines: Engines) -> Asked:
    return engines.keep([])


LONG = "HEIMDALL_HQL_QUERIES" in os.environ
"""Other questions each time."""
GENERATED = int(os.environ.get("HEIMDALL_HQL_QUERIES", "100"))
GENERATED_RECORDS = int(os.environ.get("HEIMDALL_HQL_RECORDS", "20"))
QUERIES = (Path(__file__).parents[1] / "golden" / "hql_queries.txt").read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("text", QUERIES)
def test_sql_and_frame_agree(asked: Asked, text: str) -> None:
    query = parse(text)
    assert parse(to_text(query)) == query
    assert asked.by_sql(query) == asked.by_frame(query)


def test_as_many_pipes_as_there_may_be(asked: Asked) -> None:
    doubling = "".join(" | extend a = a + a" for _ in range(62))
    query = parse(f"* | extend a = 1 {doubling} | fields a")
    assert asked.by_sql(query) == asked.by_frame(query)


def test_grouping_nothing_by_a_constant_gives_no_row(nothing: Asked) -> None:
    query = parse('* | stats count() by lower("A")')
    assert nothing.by_sql(query) == nothing.by_frame(query) == []


@given(query=QUERY_TREES, seed=st.integers(2, 5))
@settings(max_examples=GENERATED, deadline=None, derandomize=not LONG, phases=[Phase.explicit, Phase.generate])
def test_sql_and_frame_agree_on_any_query(sets: dict[int, Asked], query: Query, seed: int) -> None:
    try:
        shape_of(query)
    except QuerySyntaxError:
        return
    note(to_text(query))
    assert sets[seed].by_sql(query) == sets[seed].by_frame(query)


@pytest.mark.parametrize("text", QUERIES)
def test_sql_and_frame_agree_on_no_records_at_all(nothing: Asked, text: str) -> None:
    query = parse(text)
    assert nothing.by_sql(query) == nothing.by_frame(query)

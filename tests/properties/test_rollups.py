"""Counts from rollups are the counts of the records, whatever the range, the step and the place a record lies in."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heimdall.query.context import Context
from heimdall.query.languages.hql import parse
from heimdall.query.sql.statement import to_sql
from heimdall.storage.rollups import MINUTE_NS, ROLLUPS
from properties.engines import CONTEXT, START_NS, Asked, Engines, Record

COUNTED = (
    "* | stats count() as n",
    "level>=warn | stats count() as n, rate() as r by service",
    "service:cart or level:error | stats count() * 2 as n by bin(5m), level",
    "not service:cart | timechart span=1h count() as n by service",
    "* | timechart span=7d count() as n",
    "region:eu | stats count() as n by region, environment, bin(timestamp, 10m)",
    "* | top 3 service | where count > 1",
    "level:error | rare template_id",
    "* | stats count() as n by template_id, level | sort n desc | head 3",
    "level:warn | stats count() as n by upper(service)",
    "* | stats count() as n by severity_number | stats count() as groups, sum(n) as rows",
)
NOT_COUNTED = (
    "refused | stats count() as n",
    "* | stats count() as n by bin(30s)",
    "* | stats count() as n by service, region",
    "* | stats count(duration_ms) as n",
    "* | stats count() as n by user_id",
    "timestamp>now-5m | stats count() as n",
    "* | where service == \"cart\" | stats count() as n",
    "* | stats max(timestamp) as last by service",
)  # fmt: skip


def records() -> list[Record]:
    chance = random.Random(7)
    moments = [
        START_NS + chance.randrange(-90, 90) * MINUTE_NS + chance.choice([0, 1, 59_999_999_999]) for _ in range(400)
    ]
    return [
        {
            "timestamp": chance.choice([moment, moment, -moment // 10**6]),  # some before 1970
            "severity_number": chance.choice([0, 9, 13, 17, 21]),
            "service": chance.choice(["cart", "payment", None]),
            "region": chance.choice(["eu", "us", None]),
            "message": chance.choice(["connection refused", "ok"]),
            "template_id": chance.randrange(4),
        }
        for moment in moments
    ]


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    engines = Engines(tmp_path_factory.mktemp("rollups"))
    yield engines.keep(records())
    engines.close()


def reads_counts(text: str, context: Context = CONTEXT) -> bool:
    statement = to_sql(parse(text), table="heimdall.logs", tenant="t", context=context, rollups=ROLLUPS)  # type: ignore[arg-type]
    return "_weight" in statement.sql("clickhouse")


@pytest.mark.parametrize("text", COUNTED)
def test_what_a_rollup_holds_is_read_from_it(asked: Asked, text: str) -> None:
    assert reads_counts(text)
    assert asked.by_sql(parse(text), rollups=ROLLUPS) == asked.by_frame(parse(text))


@pytest.mark.parametrize("text", NOT_COUNTED)
def test_what_no_rollup_holds_is_read_from_records(text: str) -> None:
    assert not reads_counts(text)


BOUNDS = st.none() | st.builds(
    lambda minute, rest_ns: START_NS + minute * MINUTE_NS + rest_ns,
    st.integers(-100, 100),
    st.sampled_from([0, 1, 17 * 10**9, 59_999_999_999]),
)


@given(text=st.sampled_from(COUNTED), start_ns=BOUNDS, end_ns=BOUNDS)
@settings(max_examples=150, deadline=None)
def test_a_range_may_begin_and_end_inside_a_minute(
    asked: Asked, text: str, start_ns: int | None, end_ns: int | None
) -> None:
    options = {"start_ns": start_ns, "end_ns": end_ns}
    context = replace(CONTEXT, start_ns=start_ns, end_ns=end_ns)
    query = parse(text)
    from_counts = asked.by_sql(query, rollups=ROLLUPS, **options, context=context)
    assert from_counts == asked.by_sql(query, **options, context=context)

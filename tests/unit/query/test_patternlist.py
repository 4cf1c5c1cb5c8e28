"""The list of templates over both engines: exact counts, merged templates as one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from heimdall.clock import SystemClock
from heimdall.errors import InvalidInput
from heimdall.query.request import PatternsRequest
from heimdall.query.service import QueryConfig, QueryService
from heimdall.storage import Tiers, open_engine
from unit.query.test_service import START_NS, fill, templates

HOUR_NS = 3600 * 10**9


@pytest.fixture(scope="module", params=["memory", "clickhouse"])
def service(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[QueryService]:
    folder = tmp_path_factory.mktemp("patterns")
    url = "memory://" if request.param == "memory" else f"clickhouse+embedded://{folder}/tier"
    engine = open_engine(url, SystemClock())
    fill(engine)
    yield QueryService(Tiers({"hot": engine}), SystemClock(), QueryConfig(), templates)
    engine.close()


def test_every_template_has_its_counts_levels_and_steps(service: QueryService) -> None:
    answer = service.patterns(PatternsRequest(interval_ns=HOUR_NS))
    data: Any = answer.data
    assert [(row["template_id"], row["count"], row["share"]) for row in data] == [(1, 540, 0.9), (2, 60, 0.1)]
    most, declined = data
    assert most["template"] == "GET /cart/<*> took <*> ms"
    assert (most["levels"], declined["levels"]) == ({"info": 540}, {"error": 60})
    assert (declined["first"], declined["last"]) == (
        "2023-11-14T22:13:20.000000000Z", "2023-11-15T08:03:20.000000000Z",
    )  # fmt: skip
    assert declined["example"] == "card declined for order 590"
    assert declined["counts"] == [5, *[6] * 9, 1]
    assert sum(most["counts"]) == 540
    assert answer.exact
    assert answer.extra == {
        "interval_ms": 3_600_000, "from": "2023-11-14T22:00:00.000000000Z", "to": "2023-11-15T09:00:00.000000000Z",
        "total": 600, "templates": 2,
    }  # fmt: skip


def test_a_range_and_a_limit_are_kept_to(service: QueryService) -> None:
    answer = service.patterns(
        PatternsRequest(q="* | patterns", start_ns=START_NS, end_ns=START_NS + HOUR_NS, limit=1, buckets=10)
    )
    (row,) = answer.data  # type: ignore[attr-defined]
    assert (row["count"], sum(row["counts"]), answer.extra["total"]) == (54, 54, 60)
    assert answer.rows.column_names == ["template_id", "template", "count", "first", "last", "example", "share"]


def test_nothing_found_is_an_empty_list(service: QueryService) -> None:
    assert service.patterns(PatternsRequest(q="service:nobody")).data == []
    assert service.patterns(PatternsRequest(start_ns=START_NS, end_ns=START_NS)).data == []


@pytest.mark.parametrize("q", ["* | stats count()", "* | head 3", "* | extend a = 1"])
def test_records_are_counted_and_nothing_else(service: QueryService, q: str) -> None:
    with pytest.raises(InvalidInput, match="leave out"):
        service.patterns(PatternsRequest(q=q))


def test_too_many_steps_are_refused(service: QueryService) -> None:
    with pytest.raises(InvalidInput, match="too many"):
        service.patterns(PatternsRequest(interval_ns=1_000))

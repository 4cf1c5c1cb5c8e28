"""The list of templates over both engines: exact counts, merged templates as one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pytest

from heimdall.clock import SystemClock
from heimdall.errors import InvalidInput
from heimdall.model.batch import LogBatch, Origin, TenantId
from heimdall.model.timerange import format_time
from heimdall.query.request import PatternOrder, PatternsRequest
from heimdall.query.service import QueryConfig, QueryService
from heimdall.query.templates import TableCatalogue
from heimdall.storage import Tiers, open_engine
from unit.query.test_service import SCHEMA, START_NS, fill, record, templates

HOUR_NS, SECOND_NS = 3600 * 10**9, 10**9

OTHER, THIRD = TenantId("other"), TenantId("third")
DENSE = [record(i) | {"timestamp": START_NS + i * 7 * SECOND_NS // 2} for i in range(400)]
"""Many in a minute, of all templates, one of which was merged into another."""

RARELY = [
    {"template_id": template, "severity_number": severity, "timestamp": START_NS + second * SECOND_NS}
    for template, severity, second in (
        *[(11, 9, second) for second in range(0, 200, 2)],
        *[(12, 17, second) for second in (3, 61, 64)],
        *[(13, 21, second) for second in (90, 91)],
        (14, 9, 185), (15, 9, 184), (16, 13, 150), (17, 17, 186),
    )
]  # fmt: skip
"""A template of many records; errors, some fatal; and three whose first record is in one minute."""


def catalogue() -> pa.Table:
    own = templates()
    others = [{**row, "tenant": OTHER} for row in own.to_pylist()]
    return pa.concat_tables([own, pa.Table.from_pylist(others, own.schema)])


@pytest.fixture(scope="module", params=["memory", "clickhouse"])
def service(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[QueryService]:
    folder = tmp_path_factory.mktemp("patterns")
    url = "memory://" if request.param == "memory" else f"clickhouse+embedded://{folder}/tier"
    engine = open_engine(url, SystemClock())
    fill(engine)
    engine.append(LogBatch(OTHER, pa.Table.from_pylist(DENSE, SCHEMA), Origin(1, 400)))
    rare = [record(i) | own for i, own in enumerate(RARELY)]
    engine.append(LogBatch(THIRD, pa.Table.from_pylist(rare, SCHEMA), Origin(1, len(rare))))
    yield QueryService(Tiers({"hot": engine}), SystemClock(), QueryConfig(), TableCatalogue(catalogue))
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


def test_first_last_and_example_are_those_of_the_records_wherever_the_range_begins(service: QueryService) -> None:
    for start, end, q, wanted in (
        (None, None, "*", (1, 2)),
        (START_NS + 61 * SECOND_NS, START_NS + 1_003 * SECOND_NS, "*", (1, 2)),
        (START_NS + 31 * SECOND_NS, START_NS + 45 * SECOND_NS, "*", (1, 2)),
        (START_NS + 100 * SECOND_NS, START_NS + 900 * SECOND_NS, "level:error", (2,)),
        (START_NS + 100 * SECOND_NS, None, "GET", (1,)),
        (None, None, "level:debug", ()),
    ):
        data: Any = service.patterns(PatternsRequest(tenant=OTHER, q=q, start_ns=start, end_ns=end)).data
        found = {row["template_id"]: (row["count"], row["first"], row["last"], row["example"]) for row in data}
        expected = {}
        for template in wanted:
            own = [
                one for one in DENSE
                if (2 if one["template_id"] == 2 else 1) == template
                and (start is None or one["timestamp"] >= start) and (end is None or one["timestamp"] < end)
            ]  # fmt: skip
            newest = max(own, key=lambda one: (one["timestamp"], one["position"]))
            oldest = min(one["timestamp"] for one in own)
            times = (format_time(oldest), format_time(newest["timestamp"]))
            expected[template] = (len(own), *times, newest["message"])
        assert found == expected


def test_a_range_and_a_limit_are_kept_to(service: QueryService) -> None:
    answer = service.patterns(
        PatternsRequest(q="* | patterns", start_ns=START_NS, end_ns=START_NS + HOUR_NS, limit=1, buckets=10)
    )
    (row,) = answer.data  # type: ignore[attr-defined]
    assert (row["count"], sum(row["counts"]), answer.extra["total"]) == (54, 54, 60)
    assert answer.rows.column_names == ["template_id", "template", "count", "first", "last", "example", "share"]


@pytest.mark.parametrize(
    ("order", "wanted"),
    [
        (PatternOrder.FREQUENT, [11, 12, 13, 14, 15, 16, 17]),
        (PatternOrder.RARE, [14, 15, 16, 17, 13, 12, 11]),
        (PatternOrder.NEW, [17, 14, 15, 16, 13, 12, 11]),
        (PatternOrder.ERRORS, [12, 13, 17, 11, 14, 15, 16]),
    ],
)
def test_the_order_is_that_of_all_matches_whatever_is_shown(
    service: QueryService, order: PatternOrder, wanted: list[int]
) -> None:
    def asked(limit: int, **rest: int) -> tuple[list[int], Any]:
        answer = service.patterns(PatternsRequest(tenant=THIRD, order=order, limit=limit, **rest))  # type: ignore[arg-type]
        return [row["template_id"] for row in answer.data], answer  # type: ignore[attr-defined]

    found, answer = asked(100)
    assert found == wanted
    assert answer.rows["template_id"].to_pylist() == wanted
    for limit in range(1, len(wanted)):
        found, answer = asked(limit)
        assert found == wanted[:limit]
        assert (answer.extra["templates"], answer.extra["total"]) == (7, len(RARELY))
        assert all(sum(row["levels"].values()) == row["count"] for row in answer.data)
    within = [one for one in wanted if one != 17]
    assert asked(100, end_ns=START_NS + 186 * SECOND_NS)[0] == within


def test_merged_templates_are_ordered_as_one(service: QueryService) -> None:
    for order, wanted in (("frequent", [1, 2]), ("rare", [2, 1]), ("new", [1, 2]), ("errors", [2, 1])):
        data: Any = service.patterns(PatternsRequest(order=PatternOrder(order))).data
        assert [row["template_id"] for row in data] == wanted


def test_nothing_found_is_an_empty_list(service: QueryService) -> None:
    for order in PatternOrder:
        assert service.patterns(PatternsRequest(q="service:nobody", order=order)).data == []
    assert service.patterns(PatternsRequest(start_ns=START_NS, end_ns=START_NS)).data == []


@pytest.mark.parametrize("q", ["* | stats count()", "* | head 3", "* | extend a = 1"])
def test_records_are_counted_and_nothing_else(service: QueryService, q: str) -> None:
    with pytest.raises(InvalidInput, match="leave out"):
        service.patterns(PatternsRequest(q=q))


def test_too_many_steps_are_refused(service: QueryService) -> None:
    with pytest.raises(InvalidInput, match="too many"):
        service.patterns(PatternsRequest(interval_ns=1_000))

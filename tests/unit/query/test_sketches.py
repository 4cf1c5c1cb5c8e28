"""What happens to an aggregate that needs more memory than it may use."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pyarrow as pa
import pytest
from sqlglot import parse_one

from heimdall.clock import ManualClock
from heimdall.errors import TooMuchMemory
from heimdall.model.batch import DEFAULT_TENANT, LOG_SCHEMA, POSITION_FIELD, TEMPLATE_FIELD, LogBatch, Origin
from heimdall.model.template import CATALOGUE_SCHEMA
from heimdall.query.request import Answer, ExplainRequest, SearchRequest
from heimdall.query.service import QueryConfig, QueryService
from heimdall.query.sketches import ERROR, sketched
from heimdall.query.templates import TableCatalogue
from heimdall.storage import open_engine
from heimdall.storage.tiers import Tiers

RECORDS = 400_000
NOW_NS = 1_700_000_000_000_000_000
SMALL_BYTES = 24 * 2**20
SCHEMA = pa.schema([*LOG_SCHEMA, POSITION_FIELD, TEMPLATE_FIELD])


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[QueryService]:
    clock = ManualClock(NOW_NS)
    engine = open_engine(f"clickhouse+embedded://{tmp_path_factory.mktemp('sketches')}/tier", clock)
    numbers = range(RECORDS)
    columns = {
        "timestamp": [NOW_NS - number for number in numbers],
        "observed_timestamp": [NOW_NS] * RECORDS,
        "severity_number": [9] * RECORDS,
        "message": ["taken"] * RECORDS,
        "user_id": [f"user-{number}-of-many" for number in numbers],
        "duration_ms": [float(number) for number in numbers],
        "position": [number + 1 for number in numbers],
        "template_id": [1] * RECORDS,
    }
    arrays = [
        pa.array(columns[field.name], field.type) if field.name in columns else pa.nulls(RECORDS, field.type)
        for field in SCHEMA
    ]
    engine.append(LogBatch(DEFAULT_TENANT, pa.table(arrays, schema=SCHEMA), Origin(1, RECORDS)))
    yield QueryService(Tiers({"hot": engine}), clock, QueryConfig(), TableCatalogue(CATALOGUE_SCHEMA.empty_table))
    engine.close()


def ask(service: QueryService, q: str, *, small: bool = True, exact: bool = False) -> Answer:
    memory_bytes = SMALL_BYTES if small else None
    return service.search(SearchRequest(q=q, max_memory_bytes=memory_bytes, exact=exact))


def test_distinct_values_beyond_the_memory_are_estimated_and_say_so(service: QueryService) -> None:
    q = "* | stats count_distinct(user_id) as users"
    answer = ask(service, q)
    assert (answer.exact, answer.error) == (False, ERROR)
    assert answer.rows.to_pylist()[0]["users"] == pytest.approx(RECORDS, rel=ERROR)
    whole = ask(service, q, small=False)
    assert (whole.exact, whole.error) == (True, None)
    assert whole.rows.to_pylist() == [{"users": RECORDS}]


def test_exact_on_request_fails_rather_than_estimates(service: QueryService) -> None:
    with pytest.raises(TooMuchMemory, match="more memory"):
        ask(service, "* | stats count_distinct(user_id) as users", exact=True)


def test_what_fits_stays_exact(service: QueryService) -> None:
    answer = ask(service, "* | stats count_distinct(message) as n, max(duration_ms) as longest")
    assert answer.exact
    assert answer.rows.to_pylist() == [{"n": 1, "longest": RECORDS - 1}]


@pytest.mark.parametrize(("percentile", "level"), [("p50", 0.5), ("p99", 0.99), ("median", 0.5)])
def test_percentiles_are_within_their_error(service: QueryService, percentile: str, level: float) -> None:
    q = f"* | stats count_distinct(user_id) as users, {percentile}(duration_ms) as found"
    answer = ask(service, q)
    assert not answer.exact
    assert answer.rows.to_pylist()[0]["found"] == pytest.approx(level * RECORDS, rel=ERROR)


def test_groups_beyond_the_memory_go_to_the_disk_and_stay_exact(service: QueryService) -> None:
    answer = service.search(SearchRequest(q="* | top 3 user_id", max_memory_bytes=80 * 2**20))
    assert answer.exact
    assert [row["count"] for row in answer.rows.to_pylist()] == [1, 1, 1]


def test_a_plan_that_cannot_fit_begins_with_sketches(service: QueryService) -> None:
    request = ExplainRequest(q="* | stats p95(duration_ms) as slow", max_memory_bytes=RECORDS * 2)
    data = service.explain(request).data
    assert isinstance(data, dict)
    (tier,) = data["tiers"]
    assert tier["strategy"] == "sketches"
    assert {one["strategy"] for one in tier["candidates"]} == {"one statement", "sketches"}
    exact = service.explain(replace(request, exact=True)).data
    assert isinstance(exact, dict)
    assert exact["tiers"][0]["strategy"] == "one statement"


def test_other_aggregates_have_nothing_to_sketch() -> None:
    assert sketched(parse_one("SELECT max(a), count() FROM t", dialect="clickhouse")) is None  # type: ignore[arg-type]

"""The query service over both engines: the same questions, the same answers."""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pytest

from heimdall.clock import SystemClock
from heimdall.errors import InvalidInput, Overloaded, QueryCancelled, QuerySyntaxError
from heimdall.model.batch import DEFAULT_TENANT, LOG_SCHEMA, POSITION_FIELD, TEMPLATE_FIELD, LogBatch, Origin, TenantId
from heimdall.model.template import CATALOGUE_SCHEMA
from heimdall.query.request import Answer, ExplainRequest, FacetsRequest, HistogramRequest, QueryRequest, SearchRequest
from heimdall.query.rows import json_rows
from heimdall.query.service import QueryConfig, QueryService
from heimdall.query.templates import TableCatalogue
from heimdall.query.unknown import hint
from heimdall.storage import Engine, Tiers, open_engine

START_NS = 1_700_000_000_000_000_000  # 2023-11-14T22:13:20Z
MINUTE_NS = 60 * 10**9
SCHEMA = pa.schema([*LOG_SCHEMA, POSITION_FIELD, TEMPLATE_FIELD])
RECORDS = 600
SERVICES = ("cart", "payment", "auth")


def record(i: int) -> dict[str, Any]:
    """One a minute; every tenth an error of the payment service; template 3 was merged into 1."""
    error = i % 10 == 0
    return {
        "timestamp": START_NS + i * MINUTE_NS,
        "observed_timestamp": START_NS + i * MINUTE_NS + 5,
        "severity_number": 17 if error else 9,
        "service": "payment" if error else SERVICES[i % 3],
        "message": f"card declined for order {i}" if error else f"GET /cart/{i} took {i % 7} ms",
        "attributes": json.dumps({"seq": i, "http": {"status_code": 500 if error else 200}}),
        "trace_id": i.to_bytes(16, "big") if i % 2 else None,
        "position": i + 1,
        "template_id": 2 if error else 1 + (i % 2) * 2,
    }


def templates() -> pa.Table:
    rows = [(1, "GET /cart/<*> took <*> ms", 0), (2, "card declined for order <*>", 0), (3, "GET <*>", 1)]
    return pa.Table.from_pylist(
        [
            {"tenant": "default", "template_id": i, "text": text, "merged_into": into, "count": 1, "first_seen_ns": 0,
             "last_seen_ns": 0, "example": ""}
            for i, text, into in rows
        ],
        schema=CATALOGUE_SCHEMA,
    )  # fmt: skip


def fill(engine: Engine) -> None:
    for first in range(0, RECORDS, 200):
        rows = [record(i) for i in range(first, first + 200)]
        engine.append(LogBatch(DEFAULT_TENANT, pa.Table.from_pylist(rows, SCHEMA), Origin(first + 1, first + 200)))


@pytest.fixture(scope="module", params=["memory", "clickhouse"])
def service(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[QueryService]:
    folder = tmp_path_factory.mktemp("service")
    url = "memory://" if request.param == "memory" else f"clickhouse+embedded://{folder}/tier"
    engine = open_engine(url, SystemClock())
    fill(engine)
    yield QueryService(Tiers({"hot": engine}), SystemClock(), QueryConfig(), TableCatalogue(templates))
    engine.close()


def rows(answer: Answer) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(json_rows(answer.rows))
    return found


def sequence(answer: Answer) -> list[int]:
    return [row["seq"] for row in rows(answer)]


def test_a_record_reads_as_documented(service: QueryService) -> None:
    (row,) = rows(service.search(SearchRequest(q="seq:31")))
    assert row == {
        "id": row["id"],
        "timestamp": "2023-11-14T22:44:20.000000000Z",
        "observed_timestamp": "2023-11-14T22:44:20.000000005Z",
        "level": "info",
        "severity_number": 9,
        "service": "payment",
        "message": "GET /cart/31 took 3 ms",
        "template_id": 3,
        "trace_id": "0000000000000000000000000000001f",
        "seq": 31,
        "http.status_code": 200,
    }
    assert row["id"].startswith("018bcfea-") or len(row["id"]) == 36
    assert sequence(service.search(SearchRequest(q=f"id:{row['id']}"))) == [31]


def test_the_newest_records_come_first(service: QueryService) -> None:
    answer = service.search(SearchRequest(limit=5))
    assert sequence(answer) == [599, 598, 597, 596, 595]
    assert answer.exact
    assert answer.tiers == ("hot",)
    assert not answer.partial


def test_the_latest_of_something_rare_is_found_wherever_it_is(service: QueryService) -> None:
    assert sequence(service.search(SearchRequest(q="seq:0 or seq:599 or seq:1"))) == [599, 1, 0]
    assert sequence(service.search(SearchRequest(q='"card declined"', limit=3))) == [590, 580, 570]


def test_the_latest_records_are_found_without_reading_all(service: QueryService) -> None:
    """Ten hours of data; a page of the newest must not depend on how long the past is."""
    answer = service.search(SearchRequest(limit=1))
    everything = service.search(SearchRequest(q="* | stats max(seq) as n"))
    assert rows(everything) == [{"n": 599}]
    assert answer.scanned_rows <= everything.scanned_rows


def test_a_time_range_holds_its_start_and_not_its_end(service: QueryService) -> None:
    answer = service.search(SearchRequest(start_ns=START_NS + 3 * MINUTE_NS, end_ns=START_NS + 6 * MINUTE_NS))
    assert sequence(answer) == [5, 4, 3]


def test_a_range_that_ends_before_it_begins_is_refused(service: QueryService) -> None:
    with pytest.raises(InvalidInput, match="ends before"):
        service.search(SearchRequest(start_ns=5, end_ns=4))


@pytest.mark.parametrize(
    "q", ["*", "level:error", "* | where seq >= 100", "* | extend half = seq / 2", "* | dedup seq"]
)
def test_pages_by_cursor_give_every_row_once(service: QueryService, q: str) -> None:
    whole = sequence(service.search(SearchRequest(q=q, limit=10_000)))
    paged: list[int] = []
    cursor: str | None = None
    while True:
        answer = service.search(SearchRequest(q=q, limit=77, cursor=cursor))
        paged += sequence(answer)
        if (cursor := answer.next) is None:
            break
    assert paged == whole
    assert len(whole) == len(set(whole)) > 50


@pytest.mark.parametrize("rank", [0, 1, 99, 350, 598, 599])
@pytest.mark.parametrize("q", ["*", "service:cart"])
def test_a_rank_gives_the_rows_at_that_place(service: QueryService, q: str, rank: int) -> None:
    whole = sequence(service.search(SearchRequest(q=q, limit=10_000)))
    answer = service.search(SearchRequest(q=q, rank=rank, limit=20))
    assert sequence(answer) == whole[rank : rank + 20]
    assert (answer.next is None) == (rank + 20 >= len(whole))


def test_a_rank_within_a_range_counts_from_its_end(service: QueryService) -> None:
    answer = service.search(SearchRequest(rank=2, limit=2, end_ns=START_NS + 100 * MINUTE_NS))
    assert sequence(answer) == [97, 96]


@pytest.mark.parametrize("q", ["* | stats count()", "* | sort seq", "* | head 5"])
def test_a_rank_wants_records_in_their_own_order(service: QueryService, q: str) -> None:
    with pytest.raises(InvalidInput, match="rank"):
        service.search(SearchRequest(q=q, rank=3))


def test_a_cursor_of_another_kind_of_query_is_refused(service: QueryService) -> None:
    records = service.search(SearchRequest(limit=1)).next
    with pytest.raises(InvalidInput, match="cursor"):
        service.search(SearchRequest(q="* | stats count() by seq", cursor=records))
    with pytest.raises(InvalidInput, match="not a cursor"):
        service.search(SearchRequest(cursor="nonsense"))


def test_aggregates_are_keyed_by_their_alias(service: QueryService) -> None:
    assert rows(service.search(SearchRequest(q="* | stats count() as n"))) == [{"n": 600}]
    answer = service.search(SearchRequest(q="level:error | stats count() as n by service"))
    assert rows(answer) == [{"service": "payment", "n": 60}]


def test_a_long_aggregated_answer_says_that_it_was_cut_and_goes_on(service: QueryService) -> None:
    first = service.search(SearchRequest(q="* | stats count() as n by seq | sort seq", limit=400))
    assert first.partial
    second = service.search(SearchRequest(q="* | stats count() as n by seq | sort seq", limit=400, cursor=first.next))
    assert sequence(first) + sequence(second) == list(range(600))
    assert not second.partial
    assert second.next is None


def test_a_senders_field_keeps_its_type_through_pipes(service: QueryService) -> None:
    answer = service.search(SearchRequest(q="seq:31 | fields seq, http.status_code, service"))
    assert rows(answer) == [{"seq": 31, "http.status_code": 200, "service": "payment"}]


def test_patterns_show_texts_and_count_merged_templates_as_one(service: QueryService) -> None:
    answer = rows(service.search(SearchRequest(q="* | patterns 5")))
    assert [(row["template_id"], row["template"], row["count"]) for row in answer] == [
        (1, "GET /cart/<*> took <*> ms", 540),
        (2, "card declined for order <*>", 60),
    ]
    assert answer[0]["first"] == "2023-11-14T22:14:20.000000000Z"
    assert abs(answer[0]["share"] - 0.9) < 1e-9
    assert len(rows(service.search(SearchRequest(q="* | patterns 1")))) == 1


def test_a_histogram_has_every_bucket_and_every_record(service: QueryService) -> None:
    answer = service.histogram(
        HistogramRequest(
            start_ns=START_NS - 60 * MINUTE_NS, end_ns=START_NS + 600 * MINUTE_NS, interval_ns=30 * MINUTE_NS
        )
    )
    data: Any = answer.data
    assert answer.extra["interval_ms"] == 1_800_000
    assert answer.extra["total"] == 600 == sum(bucket["total"] for bucket in data)
    assert sum(bucket["counts"].get("error", 0) for bucket in data) == 60
    assert data[0] == {"time": "2023-11-14T21:00:00.000000000Z", "total": 0, "counts": {}}
    assert [bucket["time"] for bucket in data] == sorted(bucket["time"] for bucket in data)
    assert answer.rows.column_names == ["time", "total", "info", "error"]


def test_a_histogram_without_a_range_covers_the_data(service: QueryService) -> None:
    answer = service.histogram(HistogramRequest(q="level:error", buckets=50, by="service"))
    data: Any = answer.data
    assert answer.extra["total"] == 60
    assert 25 <= len(data) <= 52
    assert {name for bucket in data for name in bucket["counts"]} == {"payment"}


def test_a_histogram_by_a_senders_field(service: QueryService) -> None:
    data: Any = service.histogram(HistogramRequest(by="http.status_code", buckets=1)).data
    totals: dict[str, int] = {}
    for bucket in data:
        for name, count in bucket["counts"].items():
            totals[name] = totals.get(name, 0) + count
    assert totals == {"200": 540, "500": 60}


def test_a_histogram_of_too_many_buckets_is_refused(service: QueryService) -> None:
    with pytest.raises(InvalidInput, match="too many"):
        service.histogram(HistogramRequest(interval_ns=1_000))


def test_facets_are_exact(service: QueryService) -> None:
    data: Any = service.facets(FacetsRequest(fields=("level", "service", "http.status_code", "nothing"), limit=2)).data
    level, service_facet, status, nothing = data
    assert level["values"] == [{"value": "info", "count": 540}, {"value": "error", "count": 60}]
    assert service_facet["distinct"] == 3
    assert service_facet["values"][0] == {"value": "payment", "count": 240}
    assert status == {
        "field": "http.status_code",
        "type": "number",
        "distinct": 2,
        "coverage": 1.0,
        "values": [{"value": 200, "count": 540}, {"value": 500, "count": 60}],
    }
    assert (nothing["distinct"], nothing["coverage"], nothing["values"]) == (0, 0.0, [])


def test_columns_a_query_shows_do_not_change_what_is_counted(service: QueryService) -> None:
    q = "level:error | fields message | sort message"
    assert service.histogram(HistogramRequest(q=q)).extra["total"] == 60
    data: Any = service.facets(FacetsRequest(q=q, fields=("service",))).data
    assert data[0]["values"] == [{"value": "payment", "count": 60}]


def test_facets_of_many_fields_at_once_are_those_of_each_alone(service: QueryService) -> None:
    # Some of a rollup, some of the records; texts, numbers and what never occurs.
    fields = ("user_id", "level", "http.status_code", "service", "region", "severity_number", "trace_id", "instance",
              "nothing", "template_id", "environment", "message")  # fmt: skip
    for q in ("*", "payment", "level:error", "level:error payment"):
        together: Any = service.facets(FacetsRequest(q=q, fields=fields, limit=3)).data
        alone: list[Any] = [service.facets(FacetsRequest(q=q, fields=(name,), limit=3)).data for name in fields]
        assert together == [data[0] for data in alone]


@pytest.mark.parametrize("name", ["", "*", "_timestamp", "_position"])
def test_a_name_that_cannot_be_counted_by_is_refused(service: QueryService, name: str) -> None:
    with pytest.raises(InvalidInput, match="counted by"):
        service.facets(FacetsRequest(fields=(name,)))
    with pytest.raises(InvalidInput, match="counted by"):
        service.histogram(HistogramRequest(by=name))


@pytest.mark.parametrize("name", ['quo"te', "back`tick", "back\\slash", "nothing.", "é ü", "_value", "count", "others"])
def test_odd_names_of_fields_are_only_names(service: QueryService, name: str) -> None:
    data: Any = service.facets(FacetsRequest(fields=(name,))).data
    assert data[0]["distinct"] == 0
    assert service.histogram(HistogramRequest(by=name)).extra["total"] == 600


def test_the_usual_facets_are_those_that_occur(service: QueryService) -> None:
    data: Any = service.facets(FacetsRequest(q="level:error")).data
    assert [facet["field"] for facet in data] == ["level", "service"]


def test_fields_have_types_and_coverage(service: QueryService) -> None:
    answer = service.fields(QueryRequest())
    data: Any = answer.data
    found = {field["name"]: field for field in data}
    assert found["trace_id"]["coverage"] == 0.5
    assert found["timestamp"] == {
        "name": "timestamp", "type": "time", "coverage": 1.0, "canonical": True, "class": "internal",
    }  # fmt: skip
    assert found["http.status_code"]["type"] == "number"
    assert not found["http.status_code"]["canonical"]
    assert "user_id" not in found
    assert answer.exact


def test_explain_shows_the_tree_and_the_plan_without_running(service: QueryService) -> None:
    answer = service.explain(ExplainRequest(q="level:error"))
    data: Any = answer.data
    assert data["query"] == "level:error"
    assert data["ast"]["search"]["node"] == "Compare"
    (tier,) = data["tiers"]
    assert tier["rows"] == 600
    assert tier["windows"]
    assert tier["statement"] is None or "heimdall.logs" in tier["statement"]


def test_parse_answers_always(service: QueryService) -> None:
    good: Any = service.parse("level:error  and payment").data
    assert good["ok"]
    assert good["canonical"] == "level:error payment"
    bad: Any = service.parse("level:error | stats").data
    assert not bad["ok"]
    assert bad["column"] >= 1
    assert bad["hint"]


def test_completion_offers_fields_and_values_of_the_data(service: QueryService) -> None:
    data: Any = service.complete(QueryRequest(q="service:pay"), cursor=11, limit=5).data
    assert [(offer["label"], offer["detail"]) for offer in data] == [("payment", "service · 40% of the newest records")]
    answer = service.complete(QueryRequest(q="http."), cursor=5, limit=5)
    names: Any = answer.data
    assert "http.status_code" in [offer["label"] for offer in names]
    assert (answer.extra["replace_from"], answer.extra["replace_to"]) == (0, 5)


def test_a_syntax_error_names_the_column(service: QueryService) -> None:
    with pytest.raises(QuerySyntaxError) as caught:
        service.search(SearchRequest(q="level:nonsense"))
    assert caught.value.column > 1


def test_another_tenant_sees_nothing(service: QueryService) -> None:
    answer = service.search(SearchRequest(tenant=TenantId("other")))
    assert rows(answer) == []
    assert answer.next is None


def test_limits_are_checked(service: QueryService) -> None:
    for limit in (0, 10_001):
        with pytest.raises(InvalidInput, match="limit"):
            service.search(SearchRequest(limit=limit))


def test_an_answer_is_cut_at_its_bound_in_bytes_and_continues(service: QueryService) -> None:
    small = QueryService(
        service._executor.tiers, SystemClock(), replace(QueryConfig(), answer_bytes=4_000), TableCatalogue(templates)
    )
    first = small.search(SearchRequest(limit=500))
    assert first.partial
    assert 0 < first.rows.num_rows < 500
    second = small.search(SearchRequest(limit=500, cursor=first.next))
    assert sequence(second)[0] == sequence(first)[-1] - 1


def test_what_was_appended_is_found_at_once(service: QueryService) -> None:
    live = TenantId("live")
    assert rows(service.search(SearchRequest(tenant=live))) == []
    for i in range(3):
        table = pa.Table.from_pylist([{**record(i), "timestamp": START_NS + (1_000 + i) * MINUTE_NS}], SCHEMA)
        service._executor.tiers.append(LogBatch(live, table, Origin(i + 1, i + 1)))
        assert sequence(service.search(SearchRequest(tenant=live))) == list(range(i, -1, -1))
        assert service.histogram(HistogramRequest(tenant=live)).extra["total"] == i + 1


# ---- turns, deadlines, cancelling -----------------------------------------------------------------------------------


class SlowEngine:
    """A memory engine whose reads wait until they are let go."""

    def __init__(self) -> None:
        from heimdall.storage.engines.memory import MemoryEngine

        self.entered = threading.Event()
        self.go_on = threading.Event()
        outer = self

        class Slow(MemoryEngine):
            def table(self, tenant: TenantId, start_ns: int, end_ns: int) -> pa.Table:
                outer.entered.set()
                outer.go_on.wait(5)
                return super().table(tenant, start_ns, end_ns)

        self.engine = Slow(SystemClock())
        fill(self.engine)


def in_background(work: Callable[[], Any]) -> tuple[threading.Thread, list[Any]]:
    outcome: list[Any] = []

    def run() -> None:
        try:
            outcome.append(work())
        except Exception as exc:
            outcome.append(exc)

    thread = threading.Thread(target=run)
    thread.start()
    return thread, outcome


def test_queries_beyond_the_queue_are_refused_at_once() -> None:
    slow = SlowEngine()
    config = replace(QueryConfig(), concurrent=1, queued=1)
    service = QueryService(Tiers({"hot": slow.engine}), SystemClock(), config, TableCatalogue(templates))
    first, _ = in_background(lambda: service.search(SearchRequest()))
    assert slow.entered.wait(5)
    second, outcome = in_background(lambda: service.search(SearchRequest()))
    while service._executor._waiting < 2:
        time.sleep(0.001)
    with pytest.raises(Overloaded) as caught:
        service.search(SearchRequest())
    assert caught.value.retry_after_s > 0
    slow.go_on.set()
    first.join()
    second.join()
    assert isinstance(outcome[0], Answer)


def test_a_query_that_waits_too_long_for_its_turn_is_cancelled() -> None:
    slow = SlowEngine()
    service = QueryService(
        Tiers({"hot": slow.engine}), SystemClock(), replace(QueryConfig(), concurrent=1), TableCatalogue(templates)
    )
    first, _ = in_background(lambda: service.search(SearchRequest()))
    assert slow.entered.wait(5)
    with pytest.raises(QueryCancelled, match="time limit"):
        service.search(SearchRequest(timeout_s=0.15))
    waiting, outcome = in_background(lambda: service.search(SearchRequest(query_id="waiting")))
    while not service.cancel("waiting"):
        time.sleep(0.001)
    waiting.join(2)
    assert isinstance(outcome[0], QueryCancelled)
    slow.go_on.set()
    first.join()
    assert not service.cancel("waiting")


@pytest.mark.parametrize(
    ("q", "said"),
    [
        ("servce:payment", "The newest records have no field 'servce'. Did you mean 'service'?"),
        ("* | where http.status_cod == 500", "The newest records have no field 'http.status_cod'. Did you mean"),
        ("* | where service == pay", "The newest records have no field 'pay'. Text to compare with stands in quotes."),
        ("servce:payment | stats count() as n", "The newest records have no field 'servce'"),
        ("* | stats p95(sequ) as p", "The newest records have no field 'sequ'"),
        ("shop:1 and servce:payment", "The newest records have no field 'servce'"),
        ("shop:1", "The newest records have no field 'shop'."),
        ("service:nowhere", None),
        ("seq:9999", None),
        ("http:9999", None),
        ("* | extend twice = seq * 2 | where twice < 0", None),
        ("* | stats count() as n by service | where n > 1000", None),
        ("servce:payment or service:cart", None),
    ],
)
def test_an_empty_answer_says_which_field_is_unknown(service: QueryService, q: str, said: str | None) -> None:
    found = service.search(SearchRequest(q=q)).extra.get("hint")
    assert found is None if said is None else str(found).startswith(said)


def test_a_hint_is_cheap_whatever_is_asked_and_never_costs_the_answer(
    service: QueryService, monkeypatch: pytest.MonkeyPatch
) -> None:
    began_s = time.thread_time()
    draw = random.Random(1)
    names = ["".join(draw.choices("abcdef_", k=draw.choice([12, 50, 5_000]))) for _ in range(2_000)]
    assert hint(dict.fromkeys(names[:1_000], True), names[1_000:])
    assert time.thread_time() - began_s < 3  # without bounds minutes

    def cancelled(*_: object) -> None:
        raise QueryCancelled("no time is left")

    monkeypatch.setattr(service, "_known", cancelled)
    answer = service.search(SearchRequest(q="servce:payment"))
    assert not answer.rows.num_rows
    assert "hint" not in answer.extra

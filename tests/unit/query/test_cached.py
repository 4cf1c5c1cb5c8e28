"""When a whole answer is found again, and everything that keeps it from being found."""

from __future__ import annotations

import inspect
from dataclasses import dataclass, fields, replace
from typing import Any

import pyarrow as pa
import pytest

from heimdall.clock import ManualClock
from heimdall.model.batch import DEFAULT_TENANT, LOG_SCHEMA, POSITION_FIELD, TEMPLATE_FIELD, LogBatch, Origin, TenantId
from heimdall.model.template import CATALOGUE_SCHEMA
from heimdall.query.cache import open_cache
from heimdall.query.cached import NO_PART_OF_THE_ANSWER, CachedQueryService
from heimdall.query.languages.hql import parse
from heimdall.query.request import ExplainRequest, FacetsRequest, HistogramRequest, QueryRequest, SearchRequest
from heimdall.query.service import QueryConfig
from heimdall.query.templates import TableCatalogue
from heimdall.storage.engines.memory import MemoryEngine
from heimdall.storage.tiers import Tiers

NOW_NS = 1_700_000_000_000_000_000
HOUR_NS = 3_600 * 10**9
SCHEMA = pa.schema([*LOG_SCHEMA, POSITION_FIELD, TEMPLATE_FIELD])


class Node:
    def __init__(self) -> None:
        self.clock = ManualClock(NOW_NS)
        self.engine = MemoryEngine(self.clock)
        cache = open_cache("memory://", self.clock)
        catalogue = CATALOGUE_SCHEMA.empty_table()
        self.service = CachedQueryService(
            Tiers({"hot": self.engine}),
            self.clock,
            QueryConfig(),
            TableCatalogue(lambda: catalogue),
            cache,
            worth_rows=0,
        )
        self.position = 0
        self.append(NOW_NS - HOUR_NS)

    def append(self, at_ns: int, tenant: TenantId = DEFAULT_TENANT) -> None:
        self.position += 1
        row: dict[str, Any] = {"timestamp": at_ns, "observed_timestamp": at_ns, "severity_number": 9, "message": "m"}
        table = pa.Table.from_pylist([row | {"position": self.position, "template_id": 1}], SCHEMA)
        self.engine.append(LogBatch(tenant, table, Origin(self.position, self.position)))


@pytest.fixture
def node() -> Node:
    return Node()


DAY = {"start_ns": NOW_NS - 24 * HOUR_NS, "end_ns": NOW_NS}


@pytest.mark.parametrize(
    "request_",
    [
        SearchRequest(**DAY),
        SearchRequest(q="* | stats count() by service", **DAY),
        HistogramRequest(**DAY),
        FacetsRequest(**DAY),
        SearchRequest(),
        HistogramRequest(),
    ],
    ids=repr,
)
def test_the_same_question_again_costs_nothing_and_says_so(node: Node, request_: QueryRequest) -> None:
    ask = getattr(node.service, type(request_).__name__.removesuffix("Request").lower())
    first = ask(request_)
    node.clock.advance(2.5)
    again = ask(replace(request_, query_id="mine", timeout_s=3.0))
    assert (first.cached, first.age_ms) == (False, None)
    assert (again.cached, again.age_ms, again.scanned_rows, again.query_id) == (True, 2500.0, 0, "mine")
    assert again.rows.equals(first.rows)
    assert again.data == first.data


def test_only_a_record_inside_the_range_makes_it_be_computed_again(node: Node) -> None:
    request = SearchRequest(**DAY)
    node.service.search(request)
    node.append(NOW_NS + HOUR_NS)
    node.append(NOW_NS - HOUR_NS, TenantId("other"))
    assert node.service.search(request).cached
    node.append(NOW_NS - HOUR_NS)
    answer = node.service.search(request)
    assert not answer.cached
    assert answer.rows.num_rows == 2


def test_fresh_neither_looks_nor_keeps(node: Node) -> None:
    request = SearchRequest(**DAY)
    assert not node.service.search(replace(request, fresh=True)).cached
    assert not node.service.search(request).cached
    assert not node.service.search(replace(request, fresh=True)).cached


def test_white_space_and_the_order_of_nothing_else_make_the_same_question(node: Node) -> None:
    node.service.search(SearchRequest(q="service:cart   error", **DAY))
    assert node.service.search(SearchRequest(q="service:cart error", **DAY)).cached
    assert not node.service.search(SearchRequest(q="service:cart OR error", **DAY)).cached


@pytest.mark.parametrize(
    "q", ["timestamp:>-5m", "* | where timestamp > now() - 5m", '* | where timestamp > "-5m"', "* | patterns"]
)
def test_what_changes_without_a_record_is_never_kept(node: Node, q: str) -> None:
    for _ in range(3):
        assert not node.service.search(SearchRequest(q=q, **DAY)).cached


def test_every_field_of_a_request_is_part_of_the_key_unless_it_is_named() -> None:
    """A field that is added tomorrow, as a scope or a mask, separates answers from the first day."""

    @dataclass(frozen=True, slots=True, kw_only=True)
    class ScopedRequest(SearchRequest):
        scope: str = ""

    node = Node()
    others = {
        "start_ns": 1, "end_ns": 2, "tenant": TenantId("x"), "limit": 7, "cursor": "c", "rank": 3, "buckets": 9,
        "interval_ns": 5, "by": "service", "fields": ("a",), "scope": "service:cart",
    }  # fmt: skip
    query = inspect.signature(node.service._plan)
    assert list(query.parameters) == ["request", "query"]
    for kind in (ScopedRequest, HistogramRequest, FacetsRequest):
        plain = kind()
        plans = {node.service._plan(plain, None)}  # type: ignore[arg-type]
        names = [field.name for field in fields(kind) if field.name not in NO_PART_OF_THE_ANSWER]
        for name in names:
            plans.add(node.service._plan(replace(plain, **{name: others[name]}), None))  # type: ignore[arg-type,type-var]
        assert len(plans) == len(names) + 1


def test_explain_says_what_the_cache_would_give(node: Node) -> None:
    request = SearchRequest(q="* | stats count()", **DAY)
    asked = ExplainRequest(q=request.q, **DAY)

    def prospect() -> Any:
        data = node.service.explain(asked).data
        assert isinstance(data, dict)
        return data["cache"]

    before = prospect()
    assert (before["answer"], before["cacheable"], before["known_pieces"]) == (False, True, 0)
    for minutes in (0, 1):
        shift_ns = minutes * 60 * 10**9
        node.service.search(replace(request, start_ns=DAY["start_ns"] + shift_ns, end_ns=DAY["end_ns"] + shift_ns))
    after = prospect()
    assert after["answer"]
    assert after["known_pieces"] >= 30


def test_a_question_that_reads_few_records_is_not_cut(node: Node) -> None:
    catalogue = CATALOGUE_SCHEMA.empty_table()
    cache = open_cache("memory://", node.clock)
    service = CachedQueryService(
        Tiers({"hot": node.engine}), node.clock, QueryConfig(), TableCatalogue(lambda: catalogue), cache
    )
    for minutes in range(4):
        shift_ns = minutes * 60 * 10**9
        ends = {"start_ns": DAY["start_ns"] + shift_ns, "end_ns": DAY["end_ns"] + shift_ns}
        assert service.search(SearchRequest(q="* | stats count()", **ends)).known_pieces == 0


def test_a_page_of_a_tree_is_kept_until_a_record_of_its_range_comes(node: Node) -> None:
    asked: list[object] = []
    source = node.engine.frame
    node.engine.frame = lambda *of: asked.append(of) or source(*of)  # type: ignore[method-assign,func-returns-value]
    node.append(NOW_NS - 2 * HOUR_NS)
    query, request = parse("* | where severity_number == 9"), QueryRequest(**DAY)
    first = node.service.page(query, request, limit=1)
    assert (first.rows.num_rows, len(asked) > 0) == (1, True)
    asked.clear()
    again = node.service.page(query, request, limit=1)
    assert again.rows.equals(first.rows)
    assert again.next == first.next
    assert asked == []
    assert node.service.page(query, request, limit=1, cursor=first.next).rows.num_rows == 1
    assert node.service.page(query, replace(request, fresh=True), limit=1).rows.num_rows == 1
    node.append(NOW_NS - HOUR_NS + 1)
    assert not node.service.page(query, request, limit=1).rows.equals(first.rows)

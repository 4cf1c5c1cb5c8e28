from __future__ import annotations

from heimdall.query.estimate import Estimate
from heimdall.query.languages.hql import parse
from heimdall.query.planner.cost import CostModel
from heimdall.query.planner.work import Work, work_of
from heimdall.query.sql.statement import to_sql

ROW_BYTES = {"message": 70.0, "attributes": 40.0, "trace_id": 16.0, "user_id": 12.0, "timestamp": 8.0, "position": 8.0}


def work(text: str) -> Work:
    query = parse(text)
    statement = to_sql(query, table="heimdall.logs", tenant="shop", limit=101)  # type: ignore[arg-type]
    return work_of(statement, ROW_BYTES, grouped=query.aggregates)


def cost(text: str, rows: int = 1_000_000) -> Estimate:
    return CostModel().estimate("any", work(text), rows, rows / 8192, rows, 100)


def test_only_columns_that_are_read_count() -> None:
    assert work("* | top 10 user_id").matched_bytes < 70
    assert work("/x+/ | stats count()").tested_bytes >= 70
    assert work("* | parse \"took=<took>ms\" | stats p99(took)").matched_bytes >= 70  # fmt: skip


def test_records_of_an_answer_are_read_last() -> None:
    found = work("/x+/")
    assert found.shown_bytes > 0
    assert found.matched_bytes == 0
    assert not found.grouped


def test_more_to_do_costs_more() -> None:
    assert cost("* | stats count() by severity_number").ms < cost("* | top 10 user_id").ms
    assert cost("* | stats count() by severity_number").ms < cost("/x[0-9]+y/ | stats count()").ms
    assert cost("* | top 10 user_id", rows=1_000).ms < cost("* | top 10 user_id").ms / 10


def test_a_slower_machine_is_learnt_and_an_outlier_is_not_a_law() -> None:
    model = CostModel()
    asked = work("* | top 10 user_id")

    def estimated() -> float:
        return model.estimate("many groups", asked, 1_000_000, 120, 1_000_000, 10).ms

    first = estimated()
    model.learn("many groups", first, first * 1_000_000)
    assert estimated() < first * 3
    for _ in range(60):
        model.learn("many groups", estimated(), first * 2)
    assert 1.9 < estimated() / first < 2.1
    # What holds for one kind of statement holds in part for all: the machine is the same.
    assert 1.2 < model.estimate("rollup", asked, 1_000_000, 120, 1_000_000, 10).ms / first < 2


def test_a_kind_that_is_priced_far_too_low_makes_no_other_expensive() -> None:
    model = CostModel()
    words, ids = work('"order accepted" | stats count()'), work("trace_id:1f")

    def of(kind: str, asked: Work) -> Estimate:
        return model.estimate(kind, asked, 1_000_000, 120, 10, 10)

    before = of("records, few", ids)
    first = of("grouped with words", words)
    for _ in range(40):
        model.learn("grouped with words", of("grouped with words", words).ms, first.ms * 30)
        for _ in range(4):
            model.learn("records, few", of("records, few", ids).ms, before.ms)
    assert of("grouped with words", words).own_ms > first.own_ms * 5
    assert of("records, few", ids).ms < before.ms * 1.5
    assert of("records, few", ids).own_ms < before.own_ms * 1.1

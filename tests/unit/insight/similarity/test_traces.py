"""Records with a stack trace like another, in both engines."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlglot import exp

from heimdall.clock import SystemClock
from heimdall.insight.pipes.similar import Similar
from heimdall.insight.similarity.features import MAX_CHARS
from heimdall.insight.similarity.traces import Trace
from heimdall.model.batch import DEFAULT_TENANT, LOG_SCHEMA, POSITION_FIELD, LogBatch, Origin
from heimdall.pipeline.stages.template import TemplateStage
from heimdall.query.ast import And, Phrase
from heimdall.query.executor import Executor, Job
from heimdall.query.request import SearchRequest
from heimdall.query.service import QueryConfig, QueryService
from heimdall.query.templates import TableCatalogue
from heimdall.storage import Engine, Tiers, open_engine

START_NS = 1_700_000_000_000_000_000
RARE, FREQUENT = 6, 1_300


def java(thrown: str, functions: list[str], line: int) -> str:
    frames = "".join(f"\n\tat com.shop.{one}(Shop.java:{line})" for one in [*functions, "Api.handle", "Thread.run"])
    return f"request {line} failed\n{thrown}: cart {line} is closed{frames}"


def rare(line: int) -> str:
    return java("java.lang.IllegalStateException", ["Cart.add", "Basket.fill", "Store.keep"], line)


def frequent(line: int) -> str:
    return java("java.lang.NullPointerException", ["Cart.add", "Basket.fill", "Store.keep"], line)


@pytest.fixture(scope="module", params=["clickhouse", "memory"])
def service(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[QueryService]:
    folder = tmp_path_factory.mktemp("traces")
    url = f"clickhouse+embedded://{folder}" if request.param == "clickhouse" else "memory://"
    engine = open_engine(url, SystemClock())
    texts = [rare(n) for n in range(RARE)] + [frequent(n) for n in range(FREQUENT)]
    texts += [f"\tat com.shop.Lonely.frame(Lonely.java:{n})" for n in range(3)] + ["order saved"] * 3
    service = stored(engine, texts)
    yield service
    service.close()
    engine.close()


def stored(engine: Engine, texts: list[str]) -> QueryService:
    times = [START_NS + place * 10**6 for place in range(len(texts))]
    rows = [
        {"timestamp": time, "observed_timestamp": time, "severity_number": 17, "message": text, "position": place}
        for place, (time, text) in enumerate(zip(times, texts, strict=True), 1)
    ]
    stage = TemplateStage()
    table = pa.Table.from_pylist(rows, pa.schema([*LOG_SCHEMA, POSITION_FIELD]))
    engine.append(stage.process(LogBatch(DEFAULT_TENANT, table, origin=Origin(1, len(rows)))))
    catalogue = stage.catalogue()
    return QueryService(Tiers({"hot": engine}), SystemClock(), QueryConfig(), TableCatalogue(lambda: catalogue))


def found(service: QueryService, text: str, rows: int) -> list[dict[str, object]]:
    return service.search(SearchRequest(q=f"* | {Similar(text, rows).to_text()}", limit=1_000)).rows.to_pylist()


def test_a_rare_fault_is_found_behind_many_that_differ_in_what_was_thrown(service: QueryService) -> None:
    rows = found(service, rare(999), RARE + 2)
    assert ["IllegalState" in str(row["message"]) for row in rows] == [True] * RARE + [False] * 2
    assert [row["similarity"] for row in rows[:RARE]] == [1.0] * RARE
    assert float(str(rows[RARE]["similarity"])) < 0.9
    assert "Cart.add" in str(rows[0]["why"])
    times = [str(row["timestamp"]) for row in rows[:RARE]]
    assert times == sorted(times, reverse=True)


def test_messages_that_are_known_are_not_read_again(service: QueryService, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[exp.Query] = []
    run = Executor.run

    def watched(self: Executor, job: Job, tier: str, statement: exp.Query, *, estimated: bool = False) -> pa.Table:
        asked.append(statement)
        return run(self, job, tier, statement, estimated=estimated)

    monkeypatch.setattr(Executor, "run", watched)
    rows = found(service, frequent(8), 5)
    assert all("NullPointer" in str(row["message"]) for row in rows)
    reading = [statement for statement in asked if "message" in _columns(statement)]
    assert len(reading) == (0 if not asked else 1)


def _columns(statement: exp.Query) -> set[str]:
    """What a statement's answer is made of."""
    star = statement.find(exp.Star)
    if star is not None:
        return {"message"} - {column.name for column in star.args["except_"]}
    return {column.name for item in statement.selects for column in item.find_all(exp.Column)}


def test_a_trace_longer_than_what_counts_of_it_comes_whole(tmp_path: Path) -> None:
    text = rare(1) + "\n\tat com.shop.Deep.down(Deep.java:1)" * 600
    engine = open_engine(f"clickhouse+embedded://{tmp_path}", SystemClock())
    service = stored(engine, [text, *(rare(n) for n in range(3))])
    assert len(text) > MAX_CHARS
    assert [row["message"] for row in found(service, text, 1)] == [text]
    service.close()
    engine.close()


def test_words_of_a_thrown_thing_are_looked_for_one_by_one() -> None:
    frames = "main.(*Cart).add(0x1)\n\t/src/cart.go:7 +0x1\nmain.run()\n\t/src/run.go:9 +0x2"
    trace = Trace.of(f"panic: send on closed channel\n\n{frames}")
    assert trace is not None
    sought = [predicate for predicate, _ in trace.sought()]
    assert And((Phrase("send"), Phrase("on"), Phrase("closed"), Phrase("channel"))) in sought


def test_the_whole_of_a_trace_comes_before_newer_ones_that_begin_like_it(tmp_path: Path) -> None:
    inner = ["Cart.add", "Basket.fill", "Store.keep", "Price.quote", "Stock.take"]
    thrown = "java.lang.IllegalStateException"
    own = [java(thrown, [*inner, "Mobile.tap", "Mobile.serve"], n) for n in range(10)]
    others = [java(thrown, [*inner, "Desk.click", "Desk.serve"], n) for n in range(300)]
    engine = open_engine(f"clickhouse+embedded://{tmp_path}", SystemClock())
    service = stored(engine, own + others)
    rows = found(service, java(thrown, [*inner, "Mobile.tap", "Mobile.serve"], 999), 12)
    assert ["Mobile" in str(row["message"]) for row in rows] == [True] * 10 + [False] * 2
    assert [row["similarity"] for row in rows[:10]] == [1.0] * 10
    service.close()
    engine.close()


def test_a_trace_is_looked_for_by_names_of_all_its_depths() -> None:
    trace = Trace.of(java("java.lang.IllegalStateException", [f"Shop.step{chr(97 + n)}" for n in range(26)], 1))
    assert trace is not None
    together, _ = trace.sought()[-1]
    assert isinstance(together, And)
    words = [item.text for item in together.items if isinstance(item, Phrase)]
    assert (words[0], words[1], words[-1]) == ("illegalstateexception", "stepa", "run")
    assert len(words) <= 12


def test_more_rows_than_one_statement_asks_for_come_whole(service: QueryService) -> None:
    rows = found(service, frequent(7), 250)
    assert len(rows) == 250
    assert len({row["id"] for row in rows}) == 250
    assert all("NullPointer" in str(row["message"]) for row in rows)


def test_a_renamed_frame_lowers_the_similarity_and_no_more(service: QueryService) -> None:
    renamed = rare(5).replace("Store.keep", "Store.keepNow")
    rows = found(service, renamed, RARE)
    assert all("IllegalState" in str(row["message"]) for row in rows)
    assert 0.5 < float(str(rows[0]["similarity"])) < 1


def test_frames_that_came_as_records_of_their_own_are_found_by_their_words(service: QueryService) -> None:
    trace = "boom\n\tat com.shop.Lonely.frame(Lonely.java:1)\n\tat com.shop.Nowhere.else(Nowhere.java:2)"
    assert "Lonely.frame" in str(found(service, trace, 3)[0]["message"])


def test_a_trace_of_an_unknown_program_is_like_nothing(service: QueryService) -> None:
    trace = "zork\n\tat qux.Quux.corge(Grault.qx:1)\n\tat qux.Garply.waldo(Fred.qx:2)"
    assert all(float(str(row["similarity"])) < 0.2 for row in found(service, trace, 5))


names = st.lists(st.sampled_from(["A.a", "B.b", "C.c", "D.d", "E.e"]), min_size=2, max_size=6)


@given(names, st.lists(names, max_size=4))
def test_similarity_is_symmetrical_and_one_for_the_trace_itself(own: list[str], others: list[list[str]]) -> None:
    texts = [java("x.MyError", one, 1) for one in [own, *others]]
    ranked = Trace.of(texts[0]).rank(pl.Series(texts))  # type: ignore[union-attr]
    assert ranked["similarity"].is_between(0, 1).all()
    assert dict(ranked.select("text", "similarity").iter_rows())[0] == pytest.approx(1.0)
    for place, text in enumerate(texts):
        back = Trace.of(text).rank(pl.Series(texts))  # type: ignore[union-attr]
        there, again = (dict(one.select("text", "similarity").iter_rows()) for one in (ranked, back))
        assert there[place] == pytest.approx(again[0])

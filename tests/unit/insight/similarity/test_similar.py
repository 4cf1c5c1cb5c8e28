"""Records like a text, over both engines, with the template stage of production."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import httpx
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from heimdall.api.asgi import build_asgi
from heimdall.api.explaining import explaining_routes
from heimdall.api.static_files import StaticUi
from heimdall.clock import SystemClock
from heimdall.insight.pipes.similar import Similar
from heimdall.insight.similarity.bm25 import Collection
from heimdall.insight.similarity.features import features
from heimdall.model.batch import DEFAULT_TENANT, LOG_SCHEMA, POSITION_FIELD, LogBatch, Origin
from heimdall.pipeline.stages.template import TemplateStage
from heimdall.query.languages.hql import parse, to_text
from heimdall.query.request import SearchRequest
from heimdall.query.service import QueryConfig, QueryService
from heimdall.query.templates import TableCatalogue
from heimdall.storage import Tiers, open_engine

START_NS = 1_700_000_000_000_000_000
JAVA = (
    "java.lang.IllegalStateException: cart {} is closed\n\tat com.shop.Cart.add(Cart.java:{})\n"
    "\tat com.shop.CartService.put(CartService.java:{})\n\tat java.lang.Thread.run(Thread.java:829)"
)
POOL = (
    "java.sql.SQLException: no connection for {}\n\tat com.shop.Pool.take(Pool.java:{})\n"
    "\tat com.shop.Pay.run(Pay.java:{})\n\tat java.lang.Thread.run(Thread.java:829)"
)
PYTHON = (
    'Traceback (most recent call last):\n  File "/app/pay.py", line {}, in charge\n    gateway.send(order)\n'
    "ConnectionResetError: [Errno 104] Connection reset by peer"
)
KINDS = [JAVA, POOL, PYTHON, "GET /cart/{} 200 in {} ms", "order {} saved in {} ms"]


def batch() -> LogBatch:
    rows: list[dict[str, Any]] = []
    for turn in range(60):
        text = KINDS[turn % len(KINDS)].format(1_000 + turn, turn % 90, turn % 70)
        at_ns = START_NS + turn * 10**9
        rows.append({"timestamp": at_ns, "observed_timestamp": at_ns, "severity_number": 17, "message": text,
                     "service": f"s{turn % len(KINDS)}", "position": turn + 1})  # fmt: skip
    table = pa.Table.from_pylist(rows, pa.schema([*LOG_SCHEMA, POSITION_FIELD]))
    return LogBatch(DEFAULT_TENANT, table, origin=Origin(1, len(rows)))


@pytest.fixture(scope="module", params=["clickhouse", "memory"])
def service(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[QueryService]:
    folder = tmp_path_factory.mktemp("similar")
    url = f"clickhouse+embedded://{folder}" if request.param == "clickhouse" else "memory://"
    engine = open_engine(url, SystemClock())
    stage = TemplateStage()
    engine.append(stage.process(batch()))
    catalogue = stage.catalogue()
    service = QueryService(Tiers({"hot": engine}), SystemClock(), QueryConfig(), TableCatalogue(lambda: catalogue))
    yield service
    service.close()
    engine.close()


def found(service: QueryService, text: str, before: str = "*", rows: int = 20) -> list[dict[str, Any]]:
    query = f"{before} | {Similar(text, rows).to_text()}"
    assert to_text(parse(query)) == query
    return service.search(SearchRequest(q=query, limit=1_000)).rows.to_pylist()


@pytest.mark.parametrize(("kind", "place"), [(JAVA, 0), (POOL, 1), (PYTHON, 2)])
def test_a_trace_finds_its_kind_whatever_its_lines_and_numbers(service: QueryService, kind: str, place: int) -> None:
    rows = found(service, kind.format(77, 1_234, 999), rows=12)
    assert {row["service"] for row in rows} == {f"s{place}"}
    assert min(row["similarity"] for row in rows) > 0.9
    times = [row["timestamp"] for row in rows]
    assert times == sorted(times, reverse=True)  # as similar as each other


def test_what_is_less_alike_comes_behind_and_says_why(service: QueryService) -> None:
    rows = found(service, "no connection from com.shop.Pool.take", rows=40)
    assert [row["service"] for row in rows[:12]] == ["s1"] * 12
    assert "com.shop.pool.take" in rows[0]["why"]
    assert rows[0]["similarity"] > rows[-1]["similarity"]


def test_the_search_before_it_counts(service: QueryService) -> None:
    rows = found(service, JAVA, before="service:s1")
    assert {row["service"] for row in rows} == {"s1"}


@pytest.mark.parametrize("text", ["", "12 345", "zzyzx", "\x00\n\n"])
def test_nothing_in_common_is_no_answer(service: QueryService, text: str) -> None:
    assert found(service, text) == []


async def test_the_route_answers_as_the_pipe(service: QueryService) -> None:
    app = build_asgi([explaining_routes(service, SystemClock())], [], [], StaticUi(None))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://node") as client:
        body = {"text": PYTHON.format(3), "q": "service:s2", "limit": 5}
        answer = (await client.post("/api/v1/similar", json=body)).json()
        assert [row["service"] for row in answer["data"]] == ["s2"] * 5
        assert (await client.post("/api/v1/similar", json={"text": "x" * 20_000})).status_code == 400
        assert (await client.get("/api/v1/similar", params={"text": "order saved"})).json()["data"]


class Pensive:
    """A model of language to which everything is a little alike."""

    def nearness(self, text: str, templates: Sequence[str]) -> dict[int, float]:
        return dict.fromkeys(range(len(templates)), 0.4)


async def test_the_answer_says_what_was_compared(service: QueryService) -> None:
    app = build_asgi([explaining_routes(service, SystemClock())], [], [], StaticUi(None))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://node") as client:

        async def compared_by(text: str) -> object:
            return (await client.post("/api/v1/similar", json={"text": text})).json()["compared_by"]

        assert await compared_by(JAVA) == ["frames"]
        assert await compared_by("order saved") == ["words"]
        service.meaning = Pensive()
        try:
            assert await compared_by("order saved") == ["words", "meaning"]
            assert await compared_by(JAVA) == ["frames"]
            answer = await client.get("/api/v1/similar", params={"text": "order"}, headers={"Accept": "text/csv"})
            assert answer.headers["X-Heimdall-Compared-By"] == "words,meaning"
        finally:
            service.meaning = None


def test_features_are_words_and_names_without_numbers() -> None:
    text = "PoolTimeoutException at com.shop.Cart$1.add(Cart.java:88) order 4711 id 3f2a77"
    told = set(features(pl.Series([text])).collect()["feature"])
    assert {"pool", "timeout", "exception", "pooltimeoutexception", "cart.java", "order"} <= told
    assert not any(any(letter.isdigit() for letter in one) for one in told)


@given(st.lists(st.text(max_size=60), min_size=1, max_size=8), st.data())
def test_a_text_is_most_like_itself(texts: list[str], data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(texts) - 1))
    collection = Collection(pl.Series(texts, dtype=pl.String))
    ranked = collection.rank(collection.weighed(texts[place]))
    assert ranked["similarity"].is_between(0, 1).all()
    if features(pl.Series([texts[place]])).collect().height:
        scores = dict(ranked.select("text", "similarity").iter_rows())
        assert scores[place] == pytest.approx(1.0)
    judged = collection.judge(collection.weighed(texts[place]), pl.Series(texts, dtype=pl.String))
    assert judged.drop("why").rows() == ranked.rows()

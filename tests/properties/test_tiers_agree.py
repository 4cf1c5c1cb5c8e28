"""The same answer whatever tier the rows lie in: hot, warm and cold as one, against the same records in memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import Phase, given, note, settings
from hypothesis import strategies as st

from heimdall.clock import SystemClock
from heimdall.errors import QuerySyntaxError
from heimdall.model.batch import LogBatch, Origin, TenantId
from heimdall.model.template import CATALOGUE_SCHEMA
from heimdall.query.ast import Phrase, Query
from heimdall.query.executor import Executor
from heimdall.query.fields import POSITION_COLUMN, TIME_COLUMN
from heimdall.query.languages.hql import parse, to_text
from heimdall.query.ranking import WORTH_COLUMN, Ranking
from heimdall.query.request import SearchRequest
from heimdall.query.service import QueryConfig, QueryService
from heimdall.query.shape import shape_of
from heimdall.query.source import Question
from heimdall.query.sources import source_of
from heimdall.query.templates import TableCatalogue
from heimdall.query.words import tokens
from heimdall.storage import Tiers, open_engine
from heimdall.storage.rollups import ROLLUPS
from properties.engines import CONTEXT, START_NS, Asked
from properties.queries import QUERIES as QUERY_TREES
from properties.test_engines_agree import QUERIES, records
from properties.test_rollups import COUNTED
from properties.tiers import DAY_NS, Node, as_batch, configured

ALL_HOT = 10**6
CONFIG = configured(
    hot_days=ALL_HOT, warm_days=0, cold_days=0, policies=(f"warm=1/{ALL_HOT}/0", "cold=1/0/0", "frozen=2/3/0")
)


@pytest.fixture(scope="module")
def sets(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Asked]]:
    """Sets of records, the rows of each spread over all tiers by their policy, not by their time."""
    node = Node(tmp_path_factory.mktemp("tiers"), CONFIG)
    found = []
    for seed in range(1, 5):
        tenant = TenantId(f"tenant {seed}/ä")
        rows = records(seed, rows=60 if seed == 1 else 20)
        for place, row in enumerate(rows):
            row["retention_policy"] = (None, "warm", "cold", "frozen", "unknown")[place % 5]
        batch = as_batch(tenant, rows, seed * 1000)
        node.append(tenant, rows, seed * 1000)
        found.append(Asked(node.engine, tenant, batch.table))
    node.mover().run_once(node.clock.time_ns() + 6 * DAY_NS)
    assert node.where() == {"hot": 48, "warm": 24, "cold": 48}
    yield found
    node.close()


@pytest.mark.parametrize("text", QUERIES[::2])
def test_tiers_and_frame_agree(sets: list[Asked], text: str) -> None:
    query = parse(text)
    assert sets[0].by_sql(query) == sets[0].by_frame(query)


@given(query=QUERY_TREES, place=st.integers(1, 3))
@settings(max_examples=25, deadline=None, derandomize=True, phases=[Phase.explicit, Phase.generate])
def test_tiers_and_frame_agree_on_any_query(sets: list[Asked], query: Query, place: int) -> None:
    try:
        shape_of(query)
    except QuerySyntaxError:
        return
    note(to_text(query))
    assert sets[place].by_sql(query) == sets[place].by_frame(query)


@pytest.mark.parametrize("text", COUNTED)
@pytest.mark.parametrize("bounds_s", [(None, None), (0, 600), (61, 539), (90, None), (None, 59)])
def test_counts_of_all_tiers_add_up(sets: list[Asked], text: str, bounds_s: tuple[int | None, int | None]) -> None:
    start_ns, end_ns = (None if bound is None else START_NS + bound * 10**9 for bound in bounds_s)
    options = {"start_ns": start_ns, "end_ns": end_ns, "context": replace(CONTEXT, start_ns=start_ns, end_ns=end_ns)}
    query = parse(text)
    assert sets[0].by_sql(query, rollups=ROLLUPS, **options) == sets[0].by_sql(query, **options)


@pytest.mark.parametrize("q", ["*", "level>=warn", "service:*a*"])
@pytest.mark.parametrize("place", range(4))
def test_patterns_have_their_first_last_and_newest_in_any_tier(sets: list[Asked], place: int, q: str) -> None:
    asked = sets[place]
    memory = open_engine("memory://", SystemClock())
    memory.append(LogBatch(asked.tenant, asked.table, Origin(1, asked.table.num_rows)))
    found = []
    for engine in (asked.engine, memory):
        service = QueryService(
            Tiers({"hot": engine}), SystemClock(), QueryConfig(), TableCatalogue(CATALOGUE_SCHEMA.empty_table)
        )
        answer = service.search(SearchRequest(tenant=asked.tenant, q=f"{q} | patterns", limit=1_000))
        found.append([tuple(row.items()) for row in answer.rows.to_pylist()])
    assert found[0] == found[1]


@pytest.mark.parametrize("place", range(4))
@pytest.mark.parametrize("limit", [1, 7, 200])
@pytest.mark.parametrize("message_chars", [None, 5])
def test_records_with_most_of_some_words_are_the_same_in_any_tier(
    sets: list[Asked], place: int, limit: int, message_chars: int | None
) -> None:
    asked = sets[place]
    words = Counter(word for text in asked.table["message"].to_pylist() for word in tokens(text or ""))
    sought = [
        (Phrase(word), 1.5**n) for n, (word, _) in enumerate(sorted(words.items(), key=lambda one: one[::-1])[-6:])
    ]
    memory = open_engine("memory://", SystemClock())
    memory.append(LogBatch(asked.tenant, asked.table, Origin(1, asked.table.num_rows)))
    found = []
    for engine in (asked.engine, memory):
        executor = Executor(Tiers({"hot": engine}), SystemClock(), QueryConfig())
        question = Question(query=Query(), tenant=asked.tenant, context=CONTEXT)
        with executor.job(SearchRequest(tenant=asked.tenant)) as job:
            ranking = Ranking(sought=sought, limit=limit, message_chars=message_chars)
            rows = source_of("hot", executor).ranked(job, question, ranking)
        found.append(rows.drop_columns(["attributes"]).to_pylist())
        assert rows.column_names[-3:] == [TIME_COLUMN, POSITION_COLUMN, WORTH_COLUMN]
    assert found[0] == found[1]
    assert len(found[0]) == limit or limit == 200
    assert len({row[WORTH_COLUMN] for row in found[0]}) > 1 or limit < 200
    assert all(len(row["message"] or "") <= (message_chars or 1_000) for row in found[0])

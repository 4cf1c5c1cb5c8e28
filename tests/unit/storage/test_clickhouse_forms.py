"""Forms are kept where they are common, and a phrase finds in them what it finds in messages."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlglot import exp, parse_one

from heimdall.clock import ManualClock
from heimdall.model.batch import DEFAULT_TENANT, LogBatch, Origin
from heimdall.query.planner.work import work_of
from heimdall.storage.engines.clickhouse import forms
from heimdall.storage.engines.clickhouse.engine import ClickHouseEngine
from heimdall.storage.engines.clickhouse.forms import Forms
from heimdall.storage.engines.clickhouse.indexes import use_indexes
from heimdall.storage.engines.clickhouse.phrases import by_forms
from heimdall.storage.engines.clickhouse.warm import WarmTable
from heimdall.storage.schedule import DAY_NS
from heimdall.storage.selection import Selection

NOW_NS = 1_700_000_000_000_000_000


def of(made: Forms, *messages: str | None) -> list[str]:
    found: list[str] = made.of(pa.chunked_array([pa.array(messages, pa.large_string())])).to_pylist()
    return found


def test_messages_of_one_statement_share_a_form() -> None:
    assert of(Forms(), "user 17 took 5ms", "user 4 took 12ms", "Id c94ab97d, é12", "Id 7f, é9") == [
        "user 0 took 0",
        "user 0 took 0",
        "Id 0, é0",
        "Id 0, é0",
    ]


def test_a_form_met_once_is_kept_the_next_time() -> None:
    made = Forms()
    assert of(made, "odd one", "", None) == ["", "", ""]
    assert of(made, "odd one") == ["odd one"]


def test_empty_messages_have_no_form_and_are_stored(tmp_path: Path) -> None:
    messages = pa.chunked_array([pa.array(["", "", None, "up", "up"], pa.large_string())])
    assert Forms().of(messages).dictionary.to_pylist() == ["", "up"]
    engine = ClickHouseEngine.embedded(tmp_path, ManualClock(NOW_NS))
    try:
        stored(engine, ["", "", "up", "up"])
        assert engine.statistics().rows == 4
    finally:
        engine.close()


def test_what_hardly_occurs_in_a_large_batch_has_no_form() -> None:
    messages = ["often"] * 3 * forms.MOST_OF_A_BATCH + ["twice", "twice"]
    assert set(of(Forms(), *messages)) == {"often", ""}


def test_long_messages_have_no_form_and_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forms, "REMEMBERED", 3)
    made = Forms()
    assert of(made, "a" * (forms.LONGEST + 1), "a" * (forms.LONGEST + 1)) == ["", ""]
    for letter in "abcdef":
        of(made, letter)
    assert of(made, "a") == [""]
    assert of(made, "f") == ["f"]


def test_a_move_takes_forms_along(tmp_path: Path) -> None:
    engine = ClickHouseEngine.embedded(tmp_path, ManualClock(NOW_NS))
    try:
        warm = WarmTable(engine.driver)
        stored(engine, ["user 17 left", "user 4 left"])
        day = NOW_NS // DAY_NS
        start_ns, end_ns = day * DAY_NS, (day + 1) * DAY_NS
        warm.copy(Selection(
            tenant=DEFAULT_TENANT, policy="", day=day, start_ns=start_ns, end_ns=end_ns, last_position=2**62
        ), unit_id=3)  # fmt: skip
        kept = parse_one("SELECT form FROM heimdall.logs_warm WHERE unit = 3", dialect="clickhouse")
        assert isinstance(kept, exp.Query)
        assert answer(engine, kept) == [{"form": "user 0 left"}] * 2
    finally:
        engine.close()


# ---- the same answers ----------------------------------------------------------------------------------------------

_TOKEN = re.compile(r"[0-9A-Za-z\x80-\U0010ffff]+")
WORDS = ("ab", "AB", "ba", "a1", "1", "22", "é", "é1", "1é", "x9y", "ab1", "0")
GAPS = (" ", "-", "  ", "_", ".", "\n", " 7 ", "'")
MESSAGES = st.lists(st.tuples(st.sampled_from(WORDS), st.sampled_from(GAPS)), min_size=1, max_size=6).map(
    lambda parts: "".join(word + gap for word, gap in parts)
)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClickHouseEngine]:
    opened = ClickHouseEngine.embedded(tmp_path_factory.mktemp("forms"), ManualClock(NOW_NS))
    yield opened
    opened.close()


_positions = iter(range(1, 10**9, 1_000))


def stored(engine: ClickHouseEngine, messages: list[str]) -> int:
    """Append them as one span; returns its first position."""
    first = next(_positions)
    time = pa.array([NOW_NS + first + at for at in range(len(messages))], pa.timestamp("ns", tz="UTC"))
    table = pa.table(
        {
            "timestamp": time,
            "observed_timestamp": time,
            "severity_number": pa.array([9] * len(messages), pa.uint8()),
            "message": pa.array(messages, pa.large_string()),
            "position": pa.array(range(first, first + len(messages)), pa.uint64()),
            "template_id": pa.array([7] * len(messages), pa.uint64()),
        }
    )
    engine.append(LogBatch(DEFAULT_TENANT, table, Origin(first, first + len(messages) - 1)))
    return first


def answer(engine: ClickHouseEngine, statement: exp.Query) -> list[dict[str, object]]:
    rows = engine.run(statement, query_id="forms", timeout_s=20, max_memory_bytes=2**28)
    return [row for batch in rows for row in batch.to_pylist()]


@st.composite
def asked(draw: st.DrawFn) -> tuple[list[str], list[str]]:
    """Messages, and two phrases of words that stand in one of them, side by side or with something between."""
    messages = draw(st.lists(MESSAGES, min_size=1, max_size=8))
    phrases = []
    for _ in range(2):
        words = [word for word in _TOKEN.findall(draw(st.sampled_from(messages))) if word.isascii() and word.isalpha()]
        first = draw(st.integers(0, len(words)))
        phrases.append(" ".join(words[first : first + draw(st.integers(1, 3))]) or "ab ba")
    return messages, phrases


@settings(deadline=None, max_examples=60)
@given(
    asked(),
    st.sampled_from(("{0}", "NOT {0}", "{0} AND {1}", "{0} OR NOT {1}", "{0} AND hasAllTokens(message, ['ba'])")),
    st.sampled_from(("count() AS n", "severity_number, position")),
)
def test_a_phrase_means_the_same_by_forms(
    engine: ClickHouseEngine, asked: tuple[list[str], list[str]], test: str, wanted: str
) -> None:
    """All messages but one come twice and have a form; that one has none unless it was met before."""
    messages, phrases = asked
    first = stored(engine, messages + messages[1:])
    condition = test.format(*(f"hasPhrase(message, '{phrase}')" for phrase in phrases))
    tail = "" if "count" in wanted else " ORDER BY r.position LIMIT 100"
    statement = parse_one(
        f"SELECT {wanted} FROM heimdall.logs AS r "
        f"WHERE position BETWEEN {first} AND {first + 999} AND ({condition}){tail}",
        dialect="clickhouse",
    )
    assert isinstance(statement, exp.Query)
    formed = by_forms(statement)
    assert formed is not statement
    assert answer(engine, use_indexes(formed, exact_words=True)) == answer(engine, use_indexes(statement))


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT count() FROM heimdall.logs WHERE hasPhrase(message, 'ab ba')",
        "SELECT service, count() FROM heimdall.logs AS t WHERE t.timestamp > 5 AND NOT hasPhrase(t.message, 'ab ba') "
        "GROUP BY service",
        "SELECT position FROM heimdall.logs WHERE hasPhrase(message, 'ab ba') ORDER BY timestamp DESC LIMIT 5",
    ],
)
def test_what_only_asks_for_phrases_reads_no_message_where_there_is_a_form(statement: str) -> None:
    tree = by_forms(parse_one(statement, dialect="clickhouse"))  # type: ignore[arg-type]
    with_form, without = tree.find_all(exp.Union).__next__().unnest_operands()
    test = use_indexes(with_form, exact_words=True).args["where"]
    assert not any(column.name == "message" for column in test.find_all(exp.Column))
    assert "hasPhrase" in without.sql("clickhouse")


def test_a_phrase_is_priced_by_forms_alone(engine: ClickHouseEngine) -> None:
    tree = parse_one("SELECT count() FROM heimdall.logs WHERE hasPhrase(message, 'ab ba')", dialect="clickhouse")
    assert isinstance(tree, exp.Query)
    work = work_of(engine.as_read(tree), {"message": 60.0, "form": 2.0}, grouped=True)
    assert (work.tested_bytes, work.matched_bytes) == (2.0, 0.0)
    assert work.tested_ns < 20


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT message FROM heimdall.logs WHERE hasPhrase(message, 'ab ba')",
        "SELECT * FROM heimdall.logs AS r WHERE hasPhrase(r.message, 'ab ba') ORDER BY r.timestamp DESC LIMIT 5",
        "SELECT count() FROM heimdall.logs WHERE hasPhrase(message, 'ab 17')",
        "SELECT count() FROM heimdall.logs WHERE hasPhrase(message, 'é ab')",
        "SELECT count() FROM heimdall.logs WHERE hasPhrase(message, 'ab ba') AND match(message, 'x+')",
        "SELECT count() FROM heimdall.logs WHERE hasAllTokens(message, ['ab'])",
        "SELECT attributes.a, count() FROM heimdall.logs WHERE hasPhrase(message, 'ab ba') GROUP BY attributes.a",
        "SELECT count() FROM heimdall.other WHERE hasPhrase(message, 'ab ba')",
    ],
)
def test_what_reads_messages_anyway_stays_as_it_is(statement: str) -> None:
    tree = parse_one(statement, dialect="clickhouse")
    assert by_forms(tree) is tree  # type: ignore[arg-type]

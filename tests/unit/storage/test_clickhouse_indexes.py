"""Conditions on the message mean the same with the indexes as without them."""

from __future__ import annotations

import re
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlglot import parse_one

from heimdall.clock import SystemClock
from heimdall.model.batch import DEFAULT_TENANT, LogBatch, Origin
from heimdall.storage.engines.clickhouse import ClickHouseEngine
from heimdall.storage.engines.clickhouse.engine import LARGE_APPEND_ROWS
from heimdall.storage.engines.clickhouse.indexes import use_indexes
from heimdall.storage.engines.clickhouse.literals import required_stretches


def rewritten(condition: str) -> str:
    statement = parse_one(f"SELECT 1 FROM logs AS t WHERE {condition}", dialect="clickhouse")
    return use_indexes(statement).sql("clickhouse").partition("WHERE ")[2].replace('"', "")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("pattern", "stretches"),
    [
        ("connection refused", ["connection refused"]),
        (r"postgres-[0-9]+.db.svc:5432 after", ["postgres-", "db", "svc:5432 after"]),
        (r"took \d+ ms", ["took ", " ms"]),
        (r"a\.b\[c\]", ["a.b[c]"]),
        ("colou?r", ["colo", "r"]),
        ("ab*c", ["a", "c"]),
        ("ab+c", ["a", "b", "c"]),
        ("x{0,3}y", ["y"]),
        ("(one) two (?:three)", [" two "]),
        ("one|two", []),
        ("(?i)one", []),
        (r"\Qone\E", []),
        (r"\x41bc", []),
        ("[abc", []),
        ("(abc", []),
        (r"[\]]x[[:alpha:]]y[]z]w", ["x", "y", "w"]),
        ("^start end$", ["start end"]),
    ],
)
def test_required_text_of_a_pattern(pattern: str, stretches: list[str]) -> None:
    assert required_stretches(pattern) == stretches


@given(st.from_regex(r"(?:[a-c .]|\\d|\[ab\]|\(a\|b\)|[a-c][*+?]|[a-c]\{0,2\}){1,8}", fullmatch=True), st.data())
def test_every_match_has_the_required_text(pattern: str, data: st.DataObject) -> None:
    text = data.draw(st.from_regex(f"(?a){pattern}"))
    found = re.search(f"(?as){pattern}", text)
    assert found is not None
    for stretch in required_stretches(pattern):
        assert stretch in found[0]


def test_a_word_asks_the_words_and_is_compared_as_a_whole() -> None:
    assert rewritten("hasAllTokens(t.message, ['Worker'])") == (
        "hasAllTokens(t.message_words, ['worker']) AND hasToken(lower(t.message), 'worker')"
    )


def test_a_word_is_looked_up_alone_where_the_table_holds_exactly_the_words() -> None:
    statement = parse_one(
        "SELECT n FROM t WHERE hasAllTokens(t.message, ['Worker', 'größe', '7'])", dialect="clickhouse"
    )
    text = use_indexes(statement, exact_words=True).sql("clickhouse").partition("WHERE ")[2].replace('"', "")  # type: ignore[arg-type]
    assert text == (
        "hasAllTokens(t.message_words, ['worker', 'größe']) "
        "AND hasToken(lower(t.message), 'größe') AND hasToken(lower(t.message), '7')"
    )


@pytest.mark.parametrize("token", ["474467", "819a21e6"])
def test_a_number_or_an_id_asks_only_the_token_filter(token: str) -> None:
    assert rewritten(f"hasAllTokens(t.message, ['{token}'])") == f"(hasToken(lower(t.message), '{token}'))"


def test_a_phrase_stays_a_phrase() -> None:
    assert rewritten("hasPhrase(t.message, 'card declined 402')") == (
        "hasAllTokens(t.message_words, ['card', 'declined']) AND hasToken(lower(t.message), '402') "
        "AND hasPhrase(lower(t.message), 'card declined 402')"
    )


def test_a_pattern_adds_only_tokens_that_stand_alone_in_every_match() -> None:
    assert rewritten(r"match(t.message, 'upstream:80 after 5\\d+ retries')") == (
        r"hasAllTokens(t.message_words, ['after']) AND hasToken(lower(t.message), '80') "
        r"AND match(t.message, 'upstream:80 after 5\\d+ retries')"
    )


def test_words_of_all_conditions_are_looked_up_at_once_before_messages_are_read() -> None:
    assert rewritten("hasAllTokens(t.message, ['worker', '7']) AND t.n = 1 AND hasPhrase(t.message, 'order made')") == (
        "t.n = 1 AND hasAllTokens(t.message_words, ['worker', 'order', 'made']) "
        "AND hasToken(lower(t.message), 'worker') AND hasToken(lower(t.message), '7') "
        "AND hasPhrase(lower(t.message), 'order made')"
    )


def test_what_either_of_two_conditions_says_stays_within_its_parentheses() -> None:
    either = "(t.n = 1 OR hasPhrase(t.message, 'a b'))"
    assert rewritten(f"hasAllTokens(t.message, ['c']) AND {either}") == (
        "hasAllTokens(t.message_words, ['c']) AND hasToken(lower(t.message), 'c') "
        "AND (t.n = 1 OR (hasAllTokens(t.message_words, ['a', 'b']) AND hasPhrase(lower(t.message), 'a b')))"
    )


@pytest.mark.parametrize(
    "condition",
    ["t.service = 'a'", "match(t.service, ' a b c ')", "match(t.message, 'abc')", "hasAllTokens(t.service, ['x'])"],
)
def test_other_conditions_stay_as_they_are(condition: str) -> None:
    assert rewritten(condition) == condition


def test_parts_with_and_without_the_message_indexes_answer_alike(tmp_path: Path) -> None:
    """A large append leaves the indexes to the first merge; small ones have them at once."""
    engine = ClickHouseEngine.embedded(tmp_path / "tier", SystemClock())
    engine._driver.command("SYSTEM STOP MERGES heimdall.logs")
    messages: list[str] = []
    try:
        for first, count in ((1, LARGE_APPEND_ROWS + 5), (100_001, 50)):
            positions = range(first, first + count)
            messages += [f"Order {p} placed" if p % 10 else f"Card-7 declined for {p}" for p in positions]
            times = pa.array([1_700_000_000_000_000_000 + p for p in positions], pa.int64())
            table = pa.table(
                {
                    "timestamp": times.cast(pa.timestamp("ns", "UTC")),
                    "observed_timestamp": times.cast(pa.timestamp("ns", "UTC")),
                    "severity_number": pa.array([9] * count, pa.uint8()),
                    "message": pa.array(messages[-count:], pa.large_string()),
                    "position": pa.array(positions, pa.uint64()),
                    "template_id": pa.array([1 if p % 10 else 2 for p in positions], pa.uint64()),
                }
            )
            engine.append(LogBatch(DEFAULT_TENANT, table, Origin(first, first + count - 1)))
        for condition, pattern in (
            ("hasAllTokens(t.message, ['declined'])", r"\bdeclined\b"),
            ("hasAllTokens(t.message, ['card'])", r"\bcard\b"),
            ("hasAllTokens(t.message, ['7'])", r"\b7\b"),
            ("hasAllTokens(t.message, ['12340'])", r"\b12340\b"),
            ("hasAllTokens(t.message, ['cline'])", r"\bcline\b"),
            ("hasPhrase(t.message, 'card 7 declined')", r"\bcard.7.declined\b"),
            ("hasPhrase(t.message, 'declined card')", r"\bdeclined.card\b"),
            ("match(t.message, 'rder 100\\\\d+ placed')", r"rder 100\d+ placed"),
            ("positionCaseInsensitive(t.message, 'DECLINED FOR 100') > 0", "declined for 100"),
        ):
            expected = sum(1 for message in messages if re.search(pattern, message.lower()))
            statement = parse_one(
                f"SELECT count() AS n FROM heimdall.logs AS t WHERE {condition}", dialect="clickhouse"
            )
            rows = engine.select(statement, query_id="q", timeout_s=60, max_memory_bytes=10**9)  # type: ignore[arg-type]
            assert [batch.to_pydict()["n"] for batch in rows] == [[expected]], condition
    finally:
        engine.close()

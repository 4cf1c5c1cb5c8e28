"""Conditions on the message mean the same with the indexes as without them."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlglot import parse_one

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


def test_a_token_asks_the_words_and_the_token_filter() -> None:
    assert rewritten("hasAllTokens(t.message, ['Worker7'])") == (
        "(hasAllTokens(t.message_words, ['worker']) AND hasToken(lower(t.message), 'worker7'))"
    )


def test_a_number_asks_only_the_token_filter() -> None:
    assert rewritten("hasAllTokens(t.message, ['474467'])") == "(hasToken(lower(t.message), '474467'))"


def test_a_phrase_stays_a_phrase() -> None:
    assert rewritten("hasPhrase(t.message, 'card declined 402')") == (
        "(hasAllTokens(t.message_words, ['card', 'declined']) AND hasToken(lower(t.message), '402') "
        "AND hasPhrase(lower(t.message), 'card declined 402'))"
    )


def test_a_pattern_adds_only_tokens_that_stand_alone_in_every_match() -> None:
    assert rewritten(r"match(t.message, 'upstream:80 after 5\\d+ retries')") == (
        r"(hasAllTokens(t.message_words, ['after']) AND hasToken(lower(t.message), '80') "
        r"AND match(t.message, 'upstream:80 after 5\\d+ retries'))"
    )


@pytest.mark.parametrize(
    "condition",
    ["t.service = 'a'", "match(t.service, ' a b c ')", "match(t.message, 'abc')", "hasAllTokens(t.service, ['x'])"],
)
def test_other_conditions_stay_as_they_are(condition: str) -> None:
    assert rewritten(condition) == condition

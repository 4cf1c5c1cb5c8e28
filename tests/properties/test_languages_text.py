"""Whatever text comes, a reader answers with a tree or with an error of ours, and soon; what it shows is what runs."""

from __future__ import annotations

import contextlib
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heimdall.errors import HeimdallError
from heimdall.query.languages.hql import parse, to_text
from heimdall.query.languages.registry import LANGUAGES, translate

OTHERS = sorted(set(LANGUAGES) - {"hql"})
WORDS = [
    *("search", "where", "stats", "eval", "count", "by", "as", "in", "IN", "not", "NOT", "and", "OR", "|", "(", ")"),
    *("[", "]", "{", "}", '"', "'", "`", "/", "*", "?", "=", "==", "!=", "<>", "<=", ">", "-", "+", "%", ".", ",", ":"),
    *(
        "SELECT",
        "FROM",
        "logs",
        "WHERE",
        "GROUP BY",
        "ORDER BY",
        "LIMIT",
        "CASE",
        "WHEN",
        "THEN",
        "END",
        "LIKE",
        "'a%'",
    ),
    *("count(*)", "sum(n)", "service", "level", "error", "timestamp", "_time", "5m", "1.5", "99999999999999999999"),
    *(
        "rex",
        "timechart",
        "span=5m",
        "top",
        "sort",
        "head",
        "(?<x>a)",
        "~",
        "NULL",
        "IS",
        "BETWEEN",
        ";",
        "--",
        "é",
        "\0",
    ),
    *("stats by", "filter", "uniq", "limit", "range[", "_msg", "quantile(0.9, n)", "http.status", "TO", "now-5m", "\\"),
]
TEXTS = st.one_of(st.text(max_size=80), st.lists(st.sampled_from(WORDS), max_size=25).map(" ".join))


@pytest.mark.parametrize("language", OTHERS)
@given(text=TEXTS)
def test_any_text_is_answered(language: str, text: str) -> None:
    started_s = time.monotonic()
    with contextlib.suppress(HeimdallError):
        found = translate(text, language)
        assert found.gaps or found.query is not None
        if found.hql is not None and found.query is not None:
            assert parse(found.hql) == found.query
            assert to_text(found.query) == found.hql or parse(to_text(found.query)) == found.query
    assert time.monotonic() - started_s < 5


@pytest.mark.parametrize("language", OTHERS)
@pytest.mark.parametrize(
    "text",
    [
        "(" * 20_000,
        "SELECT " + "(" * 5_000 + "1" + ")" * 5_000 + " FROM logs",
        "SELECT * FROM logs WHERE " + "NOT " * 1_500 + "a = 1",
        "SELECT * FROM logs WHERE " + " AND ".join(["a = 1"] * 480),
        "SELECT " + "CASE WHEN a = 1 THEN " * 300 + "1" + " END" * 300 + " FROM logs",
        "* | eval x=" + "(" * 3_000,
        "* | eval x=" + "-" * 3_000 + "1",
        "NOT " * 10_000 + "a",
        "* | where " + "not " * 5_000 + "a=1",
        "a " * 30_000,
        '"' * 50_000,
        "a" * 70_000,
        "\\" * 60_000,
        "* " + "| head 1 " * 5_000,
    ],
    ids=range(14),
)
def test_hostile_text_is_refused_soon(language: str, text: str) -> None:
    started_s = time.monotonic()
    with contextlib.suppress(HeimdallError):
        translate(text, language)
    assert time.monotonic() - started_s < 5

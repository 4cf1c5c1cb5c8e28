"""What HQL's parser makes of a text: trees and errors as literals."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from heimdall.errors import QuerySyntaxError
from heimdall.query.ast import (
    And,
    Arithmetic,
    Compare,
    Exists,
    Field,
    Glob,
    Literal,
    MatchAll,
    Not,
    Operator,
    Or,
    Phrase,
    Predicate,
    Range,
    Regex,
    Word,
)
from heimdall.query.languages.hql import parse, to_text
from heimdall.query.pipes.extend import Extend

CORPUS: list[dict[str, Any]] = json.loads(
    (Path(__file__).parents[3] / "golden" / "hql_corpus.json").read_text(encoding="utf-8")
)


@pytest.mark.parametrize("case", CORPUS, ids=lambda case: case["text"] or "nothing")
def test_the_corpus(case: dict[str, Any]) -> None:
    """The same cases hold the editor's grammar to this parser."""
    if case["ok"]:
        assert to_text(parse(case["text"])) == case["canonical"]
        assert parse(case["canonical"]) == parse(case["text"])
        return
    with pytest.raises(QuerySyntaxError) as refused:
        parse(case["text"])
    found = refused.value
    assert (found.column, found.length, found.message, found.hint) == tuple(
        case[name] for name in ("column", "length", "message", "hint")
    )


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("", MatchAll()),
        ("a b or c", Or((And((Word("a"), Word("b"))), Word("c")))),
        ("NOT a AND -b", And((Not(Word("a")), Not(Word("b"))))),
        ('"x \\"y\\" \\z"', Phrase('x "y" \\z')),
        ("a\\*b*", Glob("a\\*b*")),
        ("f:a\\*", Compare("f", Operator.EQ, "a*")),
        ("f:(>5 or x*)", Or((Compare("f", Operator.GT, "5"), Glob("x*", "f")))),
        ("f:{1 to *]", Range("f", "1", None, False, True)),
        ("f:[a]", Compare("f", Operator.EQ, "[a]")),
        ("f!=*", Not(Exists("f"))),
        ("f:/a\\/b/", Regex("a/b", "f")),
        ("f:/a/b", Compare("f", Operator.EQ, "/a/b")),
        ("message:a*", Glob("a*")),
        ("message=a*", Glob("a*", "message")),
    ],
)
def test_a_search_is_read_as(text: str, tree: Predicate) -> None:
    assert parse(text).search == tree


def test_operators_bind_as_in_school() -> None:
    assert parse("* | extend x = 1 + a * 2 - 3").pipes == (
        Extend(
            (
                (
                    "x",
                    Arithmetic(
                        "-",
                        Arithmetic("+", Literal(1), Arithmetic("*", Field("a"), Literal(2))),
                        Literal(3),
                    ),
                ),
            )
        ),
    )


def test_aggregates_and_sorts_are_known_of_a_query() -> None:
    assert not parse("a | where b > 1").aggregates
    assert parse("a | sort b").sorts
    assert parse("a | top b").aggregates


def test_a_typical_query_takes_less_than_a_millisecond() -> None:
    text = 'service:payment level>=error "card declined" | stats count() as n, p95(duration_ms) by bin(5m) | head 20'
    parse(text)
    started = time.thread_time()
    for _ in range(100):
        parse(text)
    assert (time.thread_time() - started) / 100 < 0.001

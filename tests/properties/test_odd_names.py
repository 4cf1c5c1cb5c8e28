"""Names and values of any characters are data: never SQL, never a pattern."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from heimdall.query import ast
from heimdall.query.ast import Operator, Query
from heimdall.query.pipes.aggregation import Column
from heimdall.query.pipes.extend import Extend
from heimdall.query.pipes.stats import Stats
from heimdall.query.pipes.top import Top
from heimdall.query.pipes.where import Where
from properties.engines import START_NS, Asked, Engines

ODD = (
    "a'b", 'a"b', "a\\b", "a\nb", "a`b", "a b", "/*x*/", "a;b --", "?", "{a:String}", "^a$", "a..b", "_records",
    "message.x", "\\'", "%_", "😀",
)  # fmt: skip


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    engines = Engines(tmp_path_factory.mktemp("odd"))
    yield engines.keep(
        [
            {
                "timestamp": START_NS + place,
                "message": odd,
                "user_id": odd,
                "attributes": json.dumps({odd: odd, "v": odd}),
            }
            for place, odd in enumerate(ODD)
        ]
    )
    engines.close()


def queries(odd: str) -> list[Query]:
    literal = "".join(f"\\{char}" if char in "*?\\" else char for char in odd)
    field, everything = ast.Field(odd), ast.MatchAll()
    return [
        Query(ast.Compare(odd, Operator.EQ, odd)),
        Query(ast.Or((ast.Compare("user_id", Operator.EQ, odd), ast.Compare("message", Operator.EQ, odd)))),
        Query(ast.Glob(f"*{literal}", "v")),
        Query(everything, (Where(ast.Comparison(Operator.EQ, field, ast.Literal(odd))),)),
        Query(everything, (Stats((Column(ast.Call("count"), odd),), (Column(field, f"{odd}2"),)),)),
        Query(
            everything, (Extend(((odd, ast.Call("replace", (ast.Field("v"), ast.Literal(odd), ast.Literal("_")))),)),)
        ),
    ]


@pytest.mark.parametrize("odd", ODD)
def test_engines_agree_about_odd_text(asked: Asked, odd: str) -> None:
    for query in queries(odd):
        found = asked.by_sql(query)
        assert found == asked.by_frame(query)
        assert found


@pytest.mark.parametrize("odd", ODD)
def test_an_odd_field_has_its_value(asked: Asked, odd: str) -> None:
    assert asked.by_sql(Query(ast.MatchAll(), (Top((odd,)),))) == [{odd: odd, "count": 1, "share": 1.0}]
    assert len(asked.by_sql(Query(ast.Compare(odd, Operator.EQ, odd)))) == 1


@pytest.mark.parametrize("odd", [odd for odd in ODD if any(char.isalnum() for char in odd)])
def test_an_odd_phrase_is_found(asked: Asked, odd: str) -> None:
    query = Query(ast.Phrase(odd))
    assert asked.by_sql(query) == asked.by_frame(query) != []

"""Laws of HQL's text: what is printed is parsed again, and any text at all has an answer."""

from __future__ import annotations

import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from heimdall.errors import QuerySyntaxError
from heimdall.model.batch import DEFAULT_TENANT
from heimdall.query.ast import Expression, Predicate, Query
from heimdall.query.languages.cursor import Cursor
from heimdall.query.languages.hql import parse, to_text
from heimdall.query.languages.hql.expressions import parse_expression
from heimdall.query.languages.hql.printer import expression_text
from heimdall.query.shape import shape_of
from heimdall.query.sql.statement import to_sql
from properties.queries import EXPRESSIONS, PREDICATES, QUERIES

_TOKENS = r"""
    and or not ( ) | "a b" "a a* *b ? /x/ /x /( field: field:x level:error level:x f>5 f != f:[1 to 5} f:(a or b)
    f:in(a,b) - -x \\ \| | stats count() by bin(5m) as n | where x == "a" | head 5 | sort -n | top 3 f | fields - a
    | extend a = b / 2 | parse "<a> b" | timechart span=5m count p95(x) | patterns | dedup f ` 1e999 5m = , é 🙂
    message:x id:1 timestamp>now null true in ( "x" ) =~ /a/ % 0.5.5 _timestamp count(count())
"""
TOKENS = st.sampled_from(_TOKENS.split())


@given(PREDICATES)
@settings(max_examples=300, deadline=None)
def test_a_printed_search_is_parsed_again(search: Predicate) -> None:
    text = to_text(Query(search))
    assert parse(text) == Query(search), text
    assert to_text(parse(text)) == text


@given(EXPRESSIONS)
@settings(max_examples=300, deadline=None)
def test_a_printed_expression_is_parsed_again(expression: Expression) -> None:
    text = expression_text(expression)
    cursor = Cursor(text)
    assert parse_expression(cursor) == expression, text
    assert cursor.at_end


@given(QUERIES)
@settings(max_examples=200, deadline=None)
def test_a_printed_query_is_parsed_again(query: Query) -> None:
    try:
        shape_of(query)
    except QuerySyntaxError:
        return
    assert parse(to_text(query)) == query


@given(st.one_of(st.text(max_size=60), st.lists(TOKENS, max_size=14).map(" ".join)))
@settings(max_examples=300, deadline=None)
@example("\ud800")
@example("a|")
@example('"')
@example("\\")
@example("x:(")
def test_any_text_is_a_query_or_an_error_that_says_where(text: str) -> None:
    try:
        query = parse(text)
    except QuerySyntaxError as refused:
        error = refused
    else:
        assert parse(to_text(query)) == query
        statement = to_sql(query, table="heimdall.logs", tenant=DEFAULT_TENANT)
        assert statement.sql("clickhouse").startswith("SELECT")
        return
    assert 1 <= error.column <= len(text) + 1
    assert error.length >= 1
    assert error.message[0].islower() or not error.message[0].isalpha()


@pytest.mark.parametrize(
    "text",
    [
        "(" * 30_000,
        "(" * 60 + "a" + ")" * 60,
        "not " * 16_000 + "a",
        "-" * 60_000 + "a",
        "* | where " + "(" * 20_000,
        "* | where " + "not " * 10_000 + "x",
        "* | where " + "-" * 30_000 + "x",
        "* | where " + "a + " * 15_000 + "a",
        "* | where " + "a + " * 1_500 + "a > 1",
        "* | where " + "a and " * 1_500 + "a",
        "* | where " + " and ".join(["a > 1"] * 900),
        " | ".join(["*"] + ["extend a = a + a"] * 600),
        "* | where " + "lower(" * 9_000,
        "* | head 5" * 6_000,
        "a or " * 12_000 + "a",
        "f:(" * 20_000,
        '"' + "\\" * 60_000,
        "/" + "(" * 60_000 + "/",
        "/" * 60_000,
        "*" * 60_000,
        "?*" * 30_000,
        "a" * 70_000,
        "`" * 60_000,
        "x:[" * 20_000,
        "x:in(" + "a," * 30_000 + "a)",
        '* | parse "' + "<a>" * 20_000 + '"',
        "=" * 60_000,
        "a." * 30_000 + ":x",
        "a" * 60_000 + " = ",
        " " * 65_000,
    ],
    ids=lambda text: f"{text[:14]}…",
)
def test_hostile_text_is_answered_quickly(text: str) -> None:
    started = time.process_time()
    said = ""
    try:
        parse(text)
    except QuerySyntaxError as error:
        said = str(error)
    assert len(said) < 2_000
    assert time.process_time() - started < 2

"""LogsQL: filters and pipes as VictoriaLogs means them."""

from __future__ import annotations

import pytest

from heimdall.errors import QuerySyntaxError
from heimdall.query.languages.registry import translate


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("*", "*"),
        ("a b or c", "a b or c"),
        ("!a -b not c", "not a not b not c"),
        ("service:cart", r"service:/\bcart\b/"),
        ("service:(cart or =pay)", r"service:/\bcart\b/ or service:pay"),
        ("service:!=cart", "not service:cart"),
        ("level:error", "level:error"),
        ('_msg:="whole line"', 'message="whole line"'),
        ("n:range(1, inf]", "n:{1 to *]"),
        ("_time:>1h", "timestamp<-1h"),
        ("_time:>=2026-11-22", "timestamp>=2026-11-22"),
        ("* | by (level) count() n, sum(a) s", "* | stats count() as n, sum(a) as s by level"),
        ("* | count()", "* | stats count() as `count()`"),
        ("* | uniq by (a, b) with hits", "* | stats count() as hits by a, b"),
        ("* | filter a:>1 | where b", "a>1 b"),
        ("* | count() n | filter n:>1 or n:=0", "* | stats count() as n | where n > 1 or n = 0"),
        ("* | sort by (a, b desc) desc limit 3", "* | sort a desc, b | head 3"),
        ("* | copy a as b | rm a, c", "* | extend b = a | fields - a, c"),
        ("a:i(Cart)", r"a:/(?i)\bCart\b/"),
        ("a:exact(x) b:exact('y z'*)", r"a:x b:y\ z*"),
        ("contains_all(a, 'b c') a:contains_any(x, y)", r'("a" "b c") (a:/\bx\b/ or a:/\by\b/)'),
        ('seq("a b", c)', r"/(?s)\ba b\b.*\bc\b/"),
        ("a:len_range(1, 5) b:len_range(3,inf)", "a:/(?s)^.{1,5}$/ b:/(?s)^.{3,}$/"),
        ("* | len(_msg) as n", "* | extend n = byte_length(message)"),
        ('* | format "<a>: <uc:b.c>!" as d', '* | extend d = concat(a, ": ", upper(b.c), "!")'),
        ('* | format "x"', '* | extend message = concat("x")'),
        ('* | replace ("a", "b") at c', '* | extend c = replace(c, "a", "b")'),
        ('* | replace_regexp ("(a+)", "<$1${1}$$>")', r'* | extend message = replace(message, /(a+)/, "<\\1\\1$>")'),
        ('* | extract_regexp "took (?P<ms>[0-9]+)" from a', "* | parse /took (?P<ms>[0-9]+)/ from a"),
        ("* | first 5 by (a desc)", "* | sort a desc | head 5"),
        ("* | last by (a)", "* | sort a desc | head 1"),
        ("* | field_values a limit 3", "* | stats count() as hits by a | head 3"),
        ("* | unpack_json | unpack_logfmt from _msg", "*"),
        (
            "* | stats sum_len(a) s, count_empty(a) e, rate() r, rate_sum(a) p",
            "* | stats sum(byte_length(a)) as s, count_if(not exists(a)) as e, rate() as r, rate(a) as p",
        ),
    ],
)
def test_meanings(text: str, expected: str) -> None:
    found = translate(text, "logsql")
    assert found.gaps == ()
    assert found.hql == expected


def test_every_gap_is_named_with_its_place() -> None:
    found = translate("a:len_range(1,2000) b | facets | stats row_any(x) y, count() n", "logsql")
    places = [("len_range(1,2000)", 3), ("facets", 25), ("row_any(x)", 40)]
    assert [(gap.word, gap.column) for gap in found.gaps] == places
    assert found.hql == "b | stats count() as n"


@pytest.mark.parametrize(
    ("text", "column"), [("", 1), ("(a", 1), ("a:", 3), ("level:banana", 1), ("a | stats", 10), ('"a', 1), ("a)", 2)]
)
def test_what_is_no_logsql_is_refused_at_its_place(text: str, column: int) -> None:
    with pytest.raises(QuerySyntaxError) as caught:
        translate(text, "logsql")
    assert caught.value.column == column


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("* | unpack_json from a", "from a"),
        ("* | unpack_json result_prefix x", "result_prefix x"),
        ('* | format "<time:a>"', '"<time:a>"'),
        ('* | replace ("a", "b") limit 2', "limit 2"),
        ("* | last 3 by (a) partition by (b)", "partition by (b)"),
        ("a:contains_any(b | fields c)", "a:contains_any("),
    ],
)
def test_parts_of_pipes_that_say_more_are_named(text: str, word: str) -> None:
    assert [gap.word for gap in translate(text, "logsql").gaps] == [word]

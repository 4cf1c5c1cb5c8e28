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
    ],
)
def test_meanings(text: str, expected: str) -> None:
    found = translate(text, "logsql")
    assert found.gaps == ()
    assert found.hql == expected


def test_every_gap_is_named_with_its_place() -> None:
    found = translate("a:len_range(1,2) b | facets | stats row_any(x) y, count() n", "logsql")
    assert [(gap.word, gap.column) for gap in found.gaps] == [("len_range(1,2)", 3), ("facets", 22), ("row_any(x)", 37)]
    assert found.hql == "b | stats count() as n"


@pytest.mark.parametrize(
    ("text", "column"), [("", 1), ("(a", 1), ("a:", 3), ("level:banana", 1), ("a | stats", 10), ('"a', 1), ("a)", 2)]
)
def test_what_is_no_logsql_is_refused_at_its_place(text: str, column: int) -> None:
    with pytest.raises(QuerySyntaxError) as caught:
        translate(text, "logsql")
    assert caught.value.column == column

"""SPL: what its words mean, and what has no place in HQL."""

from __future__ import annotations

import pytest

from heimdall.errors import QuerySyntaxError
from heimdall.query.languages.registry import as_hql, translate


def hql(text: str) -> str | None:
    found = translate(text, "spl")
    assert found.gaps == ()
    return found.hql


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "*"),
        ("search error", "error"),
        ("a b OR c d", "a (b or c) d"),
        ("NOT a OR b", "not a or b"),
        ("a or b", "a \\or b"),
        ('status!=200 "x y"', 'status!=200 "x y"'),
        ("host!=web*", "host:* not host:web*"),
        ("a?b path=/x?*", r"a\?b path:\/x\?*"),
        ("earliest=0 latest=now()", "timestamp<now"),
        ("earliest=-2mon", "timestamp>=-2mo"),
        ("| stats count", "* | stats count() as count"),
        ("* | stats sum(a) avg(b)", "* | stats sum(a), avg(b)"),
        ("* | stats count by level", "* | stats count() as count by level"),
        ("* | where a=1 AND b=2 OR c=3", "* | where a = 1 and b = 2 or c = 3"),
        ("* | where NOT (a>1 AND isnull(b))", "* | where a <= 1 or exists(b)"),
        ('* | where NOT (NOT like(a, "x%"))', "* | where matches(a, /(?s)^x.*$/)"),
        ('* | eval a=if(NOT match(b, "^x"), 1, 2)', "* | extend a = if(exists(b) and not matches(b, /^x/), 1, 2)"),
        ("* | eval x='odd name'+1", "* | extend x = `odd name` + 1"),
        ("* | timechart span=1hour dc(user_id)", "* | timechart span=1h count_distinct(user_id) as `dc(user_id)`"),
        ("* | sort - a, +b", "* | sort a desc, b"),
    ],
)
def test_meanings(text: str, expected: str) -> None:
    assert hql(text) == expected


def test_every_gap_is_named_with_its_place() -> None:
    found = translate('* | frob a="x|y" | eval b=foo(a), c=1 | stats mode(d), count', "spl")
    assert [(gap.word, gap.column) for gap in found.gaps] == [("frob", 5), ("foo", 27), ("mode(d)", 47)]
    assert found.hql == "* | extend b = null, c = 1 | stats count() as count"


def test_a_question_with_a_gap_does_not_run() -> None:
    with pytest.raises(QuerySyntaxError, match="transaction.*; column 25: 'join'") as caught:
        as_hql("error | transaction a | join b", "spl")
    assert caught.value.column == 9
    assert caught.value.hint is not None


@pytest.mark.parametrize(
    ("text", "column"),
    [
        ("a | stats count by", 19),
        ("(a", 1),
        ('"a', 1),
        ("level=banana", 7),
        ("a AND", 6),
        ("* | eval x", 11),
        ("a)", 2),
    ],
)
def test_what_is_no_spl_is_refused_at_its_place(text: str, column: int) -> None:
    with pytest.raises(QuerySyntaxError) as caught:
        translate(text, "spl")
    assert caught.value.column == column


def test_a_name_made_just_before_is_no_column_to_rename():
    (gap,) = translate("* | rename a as b, b as a", "spl").gaps
    assert gap.word == "b as a"
    assert translate("* | rename a as a, b as c", "spl").hql == "* | extend c = b | fields - b"

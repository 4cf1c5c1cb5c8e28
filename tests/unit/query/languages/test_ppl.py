"""PPL: what its words mean, and what has no place in HQL."""

from __future__ import annotations

import pytest

from heimdall.errors import QuerySyntaxError
from heimdall.query.languages.registry import as_hql, translate


def hql(text: str) -> str | None:
    found = translate(text, "ppl")
    assert found.gaps == ()
    return found.hql


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("source=logs | where regexp_match(message, 'time.?out')", "* | where matches(message, /time.?out/)"),
        ("source=logs | where timestamp >= timestamp('2026-11-22 10:00:00')", 'timestamp>="2026-11-22 10:00:00"'),
        ("source=logs | eval h = hour(timestamp)", "* | extend h = hour(timestamp)"),
        ("source=logs", "*"),
        ("search index = logs-*", "*"),
        ("source=shop, `desk 2`", '_index:shop or _index:"desk 2"'),
        ("search source=logs level='error' and service = \"payment\"", "level:error service:payment"),
        ("source=logs timestamp > '2026-11-01 00:00:00'", 'timestamp>"2026-11-01 00:00:00"'),
        ('source=logs refused "card declined" and status = 5', 'refused "card declined" | where status = 5'),
        (
            "source=logs | where duration_ms > 5 | where a = 1 | where level = 'error'",
            "duration_ms>5 level:error | where a = 1",
        ),
        ("source=logs not debug", "not debug"),
        ("source=logs refused not \"by peer\" and level = 'error'", 'refused not "by peer" level:error'),
        ("source=logs a not in (1, 2)", "* | where exists(a) and not a in (1, 2)"),
        ("source=logs | head 5 | where level = 'error'", '* | head 5 | where level = "error"'),
        ("source=logs | where a between 4 and 5 or b is null", "* | where a >= 4 and a <= 5 or not exists(b)"),
        (
            "source=logs | where a is not null and b not like 'x%'",
            "* | where exists(a) and exists(b) and not matches(b, /(?s)^x.*$/)",
        ),
        ("source=logs | where not (a <> 1 or b not in (2, 3))", "* | where a = 1 and b in (2, 3)"),
        ("source=logs | eval x = case(a > 1, 'y' else 'n')", '* | extend x = if(a > 1, "y", "n")'),
        (
            "source=logs | eval x = nullif(a, 0), y = ifnull(`odd name`, b.c)",
            "* | extend x = if(a = 0, null, a), y = coalesce(`odd name`, b.c)",
        ),
        ("source=logs | stats count() by span(`@timestamp`, 1h) as t", "* | stats count() by bin(timestamp, 1h) as t"),
        (
            "source=logs | stats p99(a), percentile(a, 50) as m by span(a, 2.5) as s",
            "* | stats p99(a), p50(a) as m by bin(a, 2.5) as s",
        ),
        ("source=logs | sort 20 - num(a), + b", "* | sort tonumber(a) desc, b | head 20"),
        ("source=logs | dedup 2 level, a keepempty=false", "* | where exists(a) | dedup 2 level, a"),
        ("source=logs | rex field=body '(?<ms>[0-9]+)'", "* | parse /(?P<ms>[0-9]+)/ from body"),
        ("source=logs | regex service != '^pay'", "* | where not matches(service, /^pay/)"),
        ("source=logs | fillnull with 0 in a, b", "* | extend a = coalesce(a, 0), b = coalesce(b, 0)"),
        ("source=logs | fillnull using a = 'x'", '* | extend a = coalesce(a, "x")'),
    ],
)
def test_meanings(text: str, expected: str) -> None:
    assert hql(text) == expected


def test_every_gap_is_named_with_its_place() -> None:
    found = translate("source=logs | frob 'x|y' | eval b=foo(a), c=1 | stats take(d), count() as n", "ppl")
    assert [(gap.word, gap.column) for gap in found.gaps] == [("frob", 15), ("foo", 35), ("take(d)", 55)]
    assert found.hql == "* | extend b = null, c = 1 | stats count() as n"


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("source=logs | head 10 from 5", "from 5"),
        ("source=logs | dedup a keepempty=true", "keepempty=true"),
        ("source=logs | fields http*, a", "http*"),
        ("source=logs | stats count() by span(timestamp, 1M)", "span(timestamp, 1M"),
        ("source=logs | parse message '(?=x)y'", "'(?=x)y'"),
        ("source=logs | sort ip(address)", "ip(address)"),
    ],
)
def test_words_without_a_place(text: str, word: str) -> None:
    assert [gap.word for gap in translate(text, "ppl").gaps] == [word]


def test_a_question_with_a_gap_does_not_run() -> None:
    with pytest.raises(QuerySyntaxError, match="'lookup'") as caught:
        as_hql("source=logs | lookup users id", "ppl")
    assert caught.value.column == 15


@pytest.mark.parametrize(
    ("text", "column"),
    [
        ("describe logs", 1),
        ("", 1),
        ("source=", 8),
        ("source=logs | ", 15),
        ("source=logs | where a =", 24),
        ("source=logs | stats avg()", 21),
        ("source=logs | parse message", 28),
        ("source=app-*", 8),
        ("source=logs | where level = 'fine and well'", 21),
    ],
)
def test_what_is_no_ppl_is_refused_at_its_place(text: str, column: int) -> None:
    with pytest.raises(QuerySyntaxError) as caught:
        translate(text, "ppl")
    assert caught.value.column == column


def test_two_columns_do_not_change_names() -> None:
    """A later column of `extend` reads what an earlier one made."""
    (gap,) = translate("source=logs | rename a as b, b as a", "ppl").gaps
    assert gap.word == "b as a"
    assert hql("source=logs | rename a as a, b as c") == "* | extend c = b | fields - b"

"""SQL: one SELECT over `logs`, and nothing else."""

from __future__ import annotations

import pytest

from heimdall.errors import InvalidInput, QuerySyntaxError
from heimdall.query.languages.registry import translate


def hql(text: str) -> str | None:
    found = translate(text, "sql")
    assert found.gaps == ()
    return found.hql


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SELECT * FROM logs", "*"),
        ("select l.service from logs as l where l.level > 'info';", "level>info | fields service"),
        ("SELECT * FROM logs WHERE NOT (a = 1 AND NOT (b IN (2, 3)))", "* | where a != 1 or b in (2, 3)"),
        (
            "SELECT * FROM logs WHERE a NOT LIKE 'x!_%' ESCAPE '!'",
            "* | where exists(a) and not matches(a, /(?s)^x_.*$/)",
        ),
        ("SELECT * FROM logs WHERE service ILIKE 'Ä%'", "* | where matches(service, /(?s)^Ä.*$/)"),
        ("SELECT count(*) FROM logs", "* | stats count()"),
        ("SELECT a + 1 AS b FROM logs ORDER BY 1 DESC", "* | extend b = a + 1 | sort b desc | fields b"),
        (
            "SELECT sum(a) AS t FROM logs GROUP BY service ORDER BY count(*) DESC",
            "* | stats sum(a) as t, count() as column_2 by service | sort column_2 desc | fields t",
        ),
        (
            "SELECT * FROM logs WHERE timestamp > now() - interval '15 minutes'",
            "* | where timestamp > now() - 15m",
        ),
    ],
)
def test_meanings(text: str, expected: str) -> None:
    assert hql(text) == expected


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("DROP TABLE logs", "only SELECT"),
        ("INSERT INTO logs VALUES (1)", "only SELECT"),
        ("UPDATE logs SET a = 1", "only SELECT"),
        ("SET a = 1", "only SELECT"),
        ("SELECT 1 UNION SELECT 2", "only SELECT"),
        ("COPY logs TO '/tmp/x'", "only SELECT"),
        ("SELECT * INTO other FROM logs", "INTO"),
        ("SELECT * FROM logs; SELECT * FROM logs", "one statement"),
        ("SELECT * FROM system.tables", "only the table logs"),
        ("SELECT * FROM users", "no table 'users'"),
        ("SELECT * FROM '/etc/passwd'", "no table"),
        ("SELECT * FROM file('/etc/passwd')", "only the table logs"),
        ("SELECT * FROM read_csv('x.csv')", "only the table logs"),
        ("SELECT * FROM url('http://x', CSV)", "only the table logs"),
        ("SELECT * FROM logs, users", "JOINS"),
        ("SELECT * FROM logs JOIN users USING (id)", "JOINS"),
        ("WITH a AS (SELECT * FROM logs) SELECT * FROM a", "WITH"),
        ("SELECT * FROM logs OFFSET 5", "OFFSET"),
        ("SELECT * FROM logs FOR UPDATE", "LOCKS"),
        ("SELECT 1", "from where"),
        ("SELECT * FROM logs ORDER BY a NULLS FIRST", "missing values come last"),
        ("SELECT a, b AS a FROM logs", "two columns"),
        ("SELECT * FROM logs LIMIT (SELECT 1)", "limit is a number"),
        ("", "no statement"),
        ("SELECT 'a", "no SQL"),
    ],
)
def test_whatever_else_is_refused_with_its_reason(text: str, reason: str) -> None:
    with pytest.raises(QuerySyntaxError, match=reason):
        translate(text, "sql")


@pytest.mark.parametrize(
    "text",
    [
        "SELECT read_csv('/etc/passwd') AS a FROM logs",
        "SELECT pg_read_file('x') AS a FROM logs",
        "SELECT getenv('HOME') AS a FROM logs",
        "SELECT * FROM logs WHERE a = (SELECT max(a) FROM logs)",
        "SELECT * FROM logs WHERE EXISTS (SELECT 1 FROM users)",
        "SELECT a[1] AS b FROM logs",
        "SELECT sum(a) OVER (PARTITION BY b) AS c FROM logs",
    ],
)
def test_what_has_no_place_in_an_expression_is_a_gap(text: str) -> None:
    assert translate(text, "sql").gaps


def test_a_language_nobody_knows() -> None:
    with pytest.raises(InvalidInput, match="no language 'cobol'"):
        translate("DISPLAY", "cobol")

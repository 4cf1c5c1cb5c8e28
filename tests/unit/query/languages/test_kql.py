"""KQL: filters as Kibana means them."""

from __future__ import annotations

import pytest

from heimdall.errors import QuerySyntaxError
from heimdall.query.languages.registry import translate


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "*"),
        ("*", "*"),
        ("not a: b or c: d and e: f", "not a:b or c:d e:f"),
        ("NOT (a: 1 OR b: 2)", "not (a:1 or b:2)"),
        ("a: (x or not y)", "a:x or not a:y"),
        ("host.name: web", "host.name:web or instance:web"),
        ("message: pool exhausted", "pool or exhausted"),
        ('message: "pool exhausted"', '"pool exhausted"'),
        ("region: eu west", 'region:"eu west"'),
        (r"a: x\*y*", r"a:x\*y*"),
        ("trace.id: abc*", "trace_id:abc*"),
        ('@timestamp < "2026-11-22T10:00:00Z"', "timestamp<2026-11-22T10:00:00Z"),
        (r"x\:y: 5", '"x:y":5'),
    ],
)
def test_meanings(text: str, expected: str) -> None:
    found = translate(text, "kql")
    assert found.gaps == ()
    assert found.hql == expected


@pytest.mark.parametrize(
    ("text", "column"), [("a: (b", 4), ("a:", 3), ("a: not b", 4), ("and", 1), ("log.level: banana", 1), ('"a', 1)]
)
def test_what_is_no_kql_is_refused_at_its_place(text: str, column: int) -> None:
    with pytest.raises(QuerySyntaxError) as caught:
        translate(text, "kql")
    assert caught.value.column == column

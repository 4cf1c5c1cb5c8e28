"""`stdev` over a few records."""

from __future__ import annotations

from typing import Any

import pytest

from heimdall.query.languages.registry import translate
from unit.query.asking import Record, aggregate

RECORDS: list[Record] = [
    {"duration_ms": 1.0, "service": "b", "x": 3},
    {"duration_ms": 2.0, "service": "a", "x": "z"},
    {"service": "b", "y": 12},
    {"duration_ms": 4.0},
]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("stdev(duration_ms)", pytest.approx(1.5275252316519468)),
        ("stdev(y)", None),
        ("stdev(z)", None),
    ],
)
def test_stdev(expression: str, expected: Any) -> None:
    assert aggregate(expression, *RECORDS) == expected


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("spl", "* | stats stdev(duration_ms) as s"),
        ("ppl", "source=logs | stats stddev_samp(duration_ms) as s"),
        ("sql", "SELECT stddev_samp(duration_ms) AS s FROM logs"),
        ("sql", "SELECT stddev(duration_ms) AS s FROM logs"),
    ],
)
def test_other_languages_have_it(language: str, text: str) -> None:
    assert translate(text, language).hql == "* | stats stdev(duration_ms) as s"

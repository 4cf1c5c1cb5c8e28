"""`count_distinct` over a few records."""

from __future__ import annotations

from typing import Any

import pytest

from unit.query.asking import Record, aggregate

RECORDS: list[Record] = [
    {"duration_ms": 1.0, "service": "b", "x": 3},
    {"duration_ms": 2.0, "service": "a", "x": "z"},
    {"service": "b", "x": "12"},
    {"duration_ms": 4.0},
]


@pytest.mark.parametrize(
    ("expression", "records", "expected"),
    [
        ("count_distinct(service)", RECORDS, 2),
        ("count_distinct(x)", [{"x": 5}, {"x": "5"}, {}], 2),
    ],
)
def test_count_distinct(expression: str, records: list[Record], expected: Any) -> None:
    assert aggregate(expression, *records) == expected

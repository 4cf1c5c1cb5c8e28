"""`values` over a few records."""

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
        ("values(service)", RECORDS, ["a", "b"]),
        ("values(x)", RECORDS, ["12", "z", 3]),
        ("values(y)", RECORDS, None),
    ],
)
def test_values(expression: str, records: list[Record], expected: Any) -> None:
    assert aggregate(expression, *records) == expected

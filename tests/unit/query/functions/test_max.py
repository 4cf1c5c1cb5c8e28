"""`max` over a few records."""

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
        ("max(duration_ms)", RECORDS, pytest.approx(4.0)),
        ("max(service)", RECORDS, "b"),
        ("max(x)", RECORDS, "z"),
        ("max(timestamp)", RECORDS, "2023-11-14T22:13:23+00:00"),
    ],
)
def test_max(expression: str, records: list[Record], expected: Any) -> None:
    assert aggregate(expression, *records) == expected

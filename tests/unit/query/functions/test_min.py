"""`min` over a few records."""

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
        ("min(duration_ms)", RECORDS, pytest.approx(1.0)),
        ("min(service)", RECORDS, "a"),
        ("min(x)", RECORDS, 3),
        ("min(level)", [{"severity_number": 17}, {"severity_number": 9}], "info"),
        ("min(timestamp)", RECORDS, "2023-11-14T22:13:20+00:00"),
        ("min(y)", RECORDS, None),
    ],
)
def test_min(expression: str, records: list[Record], expected: Any) -> None:
    assert aggregate(expression, *records) == expected

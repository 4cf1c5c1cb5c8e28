"""`percentile` over a few records."""

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
        ("p50(duration_ms)", RECORDS, pytest.approx(2.0)),
        ("p75(duration_ms)", RECORDS, pytest.approx(3.0)),
        ("p100(duration_ms)", RECORDS, pytest.approx(4.0)),
        ("p99.9(duration_ms)", RECORDS, pytest.approx(3.996)),
    ],
)
def test_percentile(expression: str, records: list[Record], expected: Any) -> None:
    assert aggregate(expression, *records) == expected

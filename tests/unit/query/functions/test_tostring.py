"""`tostring` of one record."""

from __future__ import annotations

from typing import Any

import pytest

from unit.query.asking import Record, value


@pytest.mark.parametrize(
    ("expression", "record", "expected"),
    [
        ("tostring(duration_ms)", {"duration_ms": 5.0}, "5"),
        ("tostring(1e21)", {}, "1e21"),
        ("tostring(0.000001)", {}, "0.000001"),
        ("tostring(true)", {}, "true"),
        ("tostring(timestamp)", {}, "2023-11-14T22:13:20.000000000Z"),
        ("tostring(tags)", {"tags": ["a", 1]}, '["a",1]'),
    ],
)
def test_tostring(expression: str, record: Record, expected: Any) -> None:
    assert value(expression, record) == expected

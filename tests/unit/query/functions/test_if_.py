"""`if` of one record."""

from __future__ import annotations

from typing import Any

import pytest

from unit.query.asking import Record, value


@pytest.mark.parametrize(
    ("expression", "record", "expected"),
    [
        ('if(duration_ms > 1s, "slow", "fast")', {"duration_ms": 1500.0}, "slow"),
        ('if(duration_ms > 1s, "slow", "fast")', {}, "fast"),
        ("if(true, 1, 2.5)", {}, 1.0),
        ('if(false, 1, "one")', {}, "one"),
    ],
)
def test_if(expression: str, record: Record, expected: Any) -> None:
    assert value(expression, record) == expected

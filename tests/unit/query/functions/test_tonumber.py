"""`tonumber` of one record."""

from __future__ import annotations

from typing import Any

import pytest

from unit.query.asking import Record, value


@pytest.mark.parametrize(
    ("expression", "record", "expected"),
    [
        ('tonumber("1.5e3")', {}, 1500.0),
        ('tonumber("1,5")', {}, None),
        ('tonumber("nan")', {}, None),
        ("tonumber(seq)", {"seq": 7}, 7.0),
        ("tonumber(timestamp)", {}, 1700000000000.0),
        ("tonumber(5m)", {}, 300000.0),
    ],
)
def test_tonumber(expression: str, record: Record, expected: Any) -> None:
    assert value(expression, record) == expected

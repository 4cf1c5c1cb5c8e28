"""`round` of one record."""

from __future__ import annotations

from typing import Any

import pytest

from unit.query.asking import Record, value


@pytest.mark.parametrize(
    ("expression", "record", "expected"),
    [
        ("round(2.5)", {}, 3.0),
        ("round(-2.5)", {}, -2.0),
        ("round(2.345, 1)", {}, 2.3),
        ("round(user_id)", {"user_id": "x"}, None),
    ],
)
def test_round(expression: str, record: Record, expected: Any) -> None:
    assert value(expression, record) == expected

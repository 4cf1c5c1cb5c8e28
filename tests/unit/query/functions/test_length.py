"""`length` of one record."""

from __future__ import annotations

from typing import Any

import pytest

from unit.query.asking import Record, value


@pytest.mark.parametrize(
    ("expression", "record", "expected"),
    [
        ("length(message)", {"message": "größe"}, 5),
        ('length("")', {}, 0),
        ("length(user_id)", {}, None),
    ],
)
def test_length(expression: str, record: Record, expected: Any) -> None:
    assert value(expression, record) == expected

"""`byte_length` of one record."""

from __future__ import annotations

from typing import Any

import pytest

from unit.query.asking import Record, value


@pytest.mark.parametrize(
    ("expression", "record", "expected"),
    [
        ("byte_length(message)", {"message": "größe"}, 7),
        ('byte_length("")', {}, 0),
        ("byte_length(user_id)", {}, None),
    ],
)
def test_byte_length(expression: str, record: Record, expected: Any) -> None:
    assert value(expression, record) == expected

"""`contains` of one record."""

from __future__ import annotations

from typing import Any

import pytest

from unit.query.asking import Record, value


@pytest.mark.parametrize(
    ("expression", "record", "expected"),
    [
        ('contains(message, "refused")', {"message": "was refused"}, True),
        ('contains(message, "REFUSED")', {"message": "was refused"}, False),
        ('contains(user_id, "x")', {}, None),
    ],
)
def test_contains(expression: str, record: Record, expected: Any) -> None:
    assert value(expression, record) == expected

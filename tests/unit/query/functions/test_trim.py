"""`trim` of one record."""

from __future__ import annotations

from typing import Any

import pytest

from unit.query.asking import Record, value


@pytest.mark.parametrize(
    ("expression", "record", "expected"),
    [
        ('trim("  a b ")', {}, "a b"),
        ("trim(user_id)", {}, None),
    ],
)
def test_trim(expression: str, record: Record, expected: Any) -> None:
    assert value(expression, record) == expected

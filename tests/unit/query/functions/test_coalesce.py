"""`coalesce` of one record."""

from __future__ import annotations

from typing import Any

import pytest

from unit.query.asking import Record, value


@pytest.mark.parametrize(
    ("expression", "record", "expected"),
    [
        ('coalesce(user_id, session_id, "nobody")', {"session_id": "s1"}, "s1"),
        ('coalesce(user_id, session_id, "nobody")', {}, "nobody"),
        ("coalesce(x, 5)", {"x": "a"}, "a"),
    ],
)
def test_coalesce(expression: str, record: Record, expected: Any) -> None:
    assert value(expression, record) == expected

"""`exists` of one record."""

from __future__ import annotations

from typing import Any

import pytest

from unit.query.asking import Record, value


@pytest.mark.parametrize(
    ("expression", "record", "expected"),
    [
        ("exists(user_id)", {"user_id": "u"}, True),
        ("exists(user_id)", {}, False),
        ("exists(x.y)", {"x": {"y": 0}}, True),
        ("exists(x)", {"x": None}, False),
    ],
)
def test_exists(expression: str, record: Record, expected: Any) -> None:
    assert value(expression, record) == expected

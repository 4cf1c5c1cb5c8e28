"""`lower` of one record."""

from __future__ import annotations

from typing import Any

import pytest

from unit.query.asking import Record, value


@pytest.mark.parametrize(
    ("expression", "record", "expected"),
    [
        ("lower(service)", {"service": "CART"}, "cart"),
        ('lower("ÄÖ")', {}, "äö"),
        ("lower(service)", {}, None),
    ],
)
def test_lower(expression: str, record: Record, expected: Any) -> None:
    assert value(expression, record) == expected

"""`upper` of one record."""

from __future__ import annotations

from typing import Any

import pytest

from unit.query.asking import Record, value


@pytest.mark.parametrize(
    ("expression", "record", "expected"),
    [
        ("upper(service)", {"service": "cart"}, "CART"),
        ("upper(region)", {}, None),
    ],
)
def test_upper(expression: str, record: Record, expected: Any) -> None:
    assert value(expression, record) == expected

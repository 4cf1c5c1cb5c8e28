"""`concat` of one record."""

from __future__ import annotations

from typing import Any

import pytest

from unit.query.asking import Record, value


@pytest.mark.parametrize(
    ("expression", "record", "expected"),
    [
        ('concat(service, "/", region)', {"service": "cart", "region": "eu"}, "cart/eu"),
        ('concat(service, "/", region)', {"region": "eu"}, "/eu"),
        ('concat("n", 5)', {}, "n5"),
    ],
)
def test_concat(expression: str, record: Record, expected: Any) -> None:
    assert value(expression, record) == expected

"""`ends_with` of one record."""

from __future__ import annotations

from typing import Any

import pytest

from unit.query.asking import Record, value


@pytest.mark.parametrize(
    ("expression", "record", "expected"),
    [
        ('ends_with(service, "art")', {"service": "cart"}, True),
        ('ends_with(service, "ca")', {"service": "cart"}, False),
    ],
)
def test_ends_with(expression: str, record: Record, expected: Any) -> None:
    assert value(expression, record) == expected

"""`cidr_match` of one record."""

from __future__ import annotations

from typing import Any

import pytest

from unit.query.asking import Record, value


@pytest.mark.parametrize(
    ("expression", "record", "expected"),
    [
        ('cidr_match("10.1.2.3", "10.0.0.0/8")', {}, True),
        ('cidr_match("11.1.2.3", "10.0.0.0/8")', {}, False),
        ('cidr_match("2001:db8::1", "2001:db8::/32")', {}, True),
        ('cidr_match(ip, "10.0.0.0/8")', {"ip": "no address"}, None),
    ],
)
def test_cidr_match(expression: str, record: Record, expected: Any) -> None:
    assert value(expression, record) == expected

"""`extract` of one record."""

from __future__ import annotations

from typing import Any

import pytest

from unit.query.asking import Record, value


@pytest.mark.parametrize(
    ("expression", "record", "expected"),
    [
        ('extract("user=bob took", /user=(\\w+)/)', {}, "bob"),
        ('extract("took 15 ms", /\\d+/)', {}, "15"),
        ('extract("a1 b2", /(\\w)(\\d)/, 2)', {}, "1"),
        ('extract("none", /\\d+/)', {}, None),
    ],
)
def test_extract(expression: str, record: Record, expected: Any) -> None:
    assert value(expression, record) == expected

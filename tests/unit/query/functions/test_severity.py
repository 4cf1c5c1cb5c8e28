"""`severity` of one record."""

from __future__ import annotations

from typing import Any

import pytest

from unit.query.asking import Record, value


@pytest.mark.parametrize(
    ("expression", "record", "expected"),
    [
        ('severity("WARNING")', {}, 13),
        ('severity("loud")', {}, None),
    ],
)
def test_severity(expression: str, record: Record, expected: Any) -> None:
    assert value(expression, record) == expected

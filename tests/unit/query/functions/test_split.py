"""`split` of one record."""

from __future__ import annotations

from typing import Any

import pytest

from unit.query.asking import Record, value


@pytest.mark.parametrize(
    ("expression", "record", "expected"),
    [
        ('split("a-b-c", "-", 2)', {}, "b"),
        ('split("a-b", "-", 3)', {}, None),
        ('split("a--b", "-", 2)', {}, None),
    ],
)
def test_split(expression: str, record: Record, expected: Any) -> None:
    assert value(expression, record) == expected

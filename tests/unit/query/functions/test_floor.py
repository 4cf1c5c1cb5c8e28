"""`floor` of one record."""

from __future__ import annotations

from typing import Any

import pytest

from unit.query.asking import Record, value


@pytest.mark.parametrize(
    ("expression", "record", "expected"),
    [
        ("floor(-2.5)", {}, -3.0),
    ],
)
def test_floor(expression: str, record: Record, expected: Any) -> None:
    assert value(expression, record) == expected

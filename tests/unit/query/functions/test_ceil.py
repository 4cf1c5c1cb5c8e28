"""`ceil` of one record."""

from __future__ import annotations

from typing import Any

import pytest

from unit.query.asking import Record, value


@pytest.mark.parametrize(
    ("expression", "record", "expected"),
    [
        ("ceil(-2.5)", {}, -2.0),
    ],
)
def test_ceil(expression: str, record: Record, expected: Any) -> None:
    assert value(expression, record) == expected

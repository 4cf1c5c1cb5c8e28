"""`abs` of one record."""

from __future__ import annotations

from typing import Any

import pytest

from unit.query.asking import Record, value


@pytest.mark.parametrize(
    ("expression", "record", "expected"),
    [
        ("abs(-2.5)", {}, 2.5),
        ("abs(x)", {"x": "-3"}, 3.0),
    ],
)
def test_abs(expression: str, record: Record, expected: Any) -> None:
    assert value(expression, record) == expected

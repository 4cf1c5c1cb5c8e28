"""`sqrt` of one record."""

from __future__ import annotations

from typing import Any

import pytest

from unit.query.asking import Record, value


@pytest.mark.parametrize(
    ("expression", "record", "expected"),
    [
        ("sqrt(9)", {}, 3.0),
        ("sqrt(-1)", {}, None),
    ],
)
def test_sqrt(expression: str, record: Record, expected: Any) -> None:
    assert value(expression, record) == expected

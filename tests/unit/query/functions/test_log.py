"""`log` of one record."""

from __future__ import annotations

from typing import Any

import pytest

from unit.query.asking import Record, value


@pytest.mark.parametrize(
    ("expression", "record", "expected"),
    [
        ("log(1)", {}, 0.0),
        ("log(0)", {}, None),
    ],
)
def test_log(expression: str, record: Record, expected: Any) -> None:
    assert value(expression, record) == expected

"""`level_name` of one record."""

from __future__ import annotations

from typing import Any

import pytest

from unit.query.asking import Record, value


@pytest.mark.parametrize(
    ("expression", "record", "expected"),
    [
        ("level_name(17)", {}, "error"),
        ("level_name(0)", {}, "unset"),
        ("level_name(25)", {}, None),
    ],
)
def test_level_name(expression: str, record: Record, expected: Any) -> None:
    assert value(expression, record) == expected

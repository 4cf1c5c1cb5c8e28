"""`replace` of one record."""

from __future__ import annotations

from typing import Any

import pytest

from unit.query.asking import Record, value


@pytest.mark.parametrize(
    ("expression", "record", "expected"),
    [
        ('replace("a.b.c", ".", "-")', {}, "a-b-c"),
        ('replace("ab12", /([a-z])([0-9])/, "\\\\2\\\\1")', {}, "a1b2"),
        ('replace("abc", "", "-")', {}, "abc"),
    ],
)
def test_replace(expression: str, record: Record, expected: Any) -> None:
    assert value(expression, record) == expected

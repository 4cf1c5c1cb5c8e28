"""`substring` of one record."""

from __future__ import annotations

from typing import Any

import pytest

from unit.query.asking import Record, value


@pytest.mark.parametrize(
    ("expression", "record", "expected"),
    [
        ('substring("größe", 3, 2)', {}, "öß"),
        ('substring("größe", 4)', {}, "ße"),
        ('substring("abc", 0, 2)', {}, "ab"),
        ('substring("abc", 9)', {}, ""),
    ],
)
def test_substring(expression: str, record: Record, expected: Any) -> None:
    assert value(expression, record) == expected

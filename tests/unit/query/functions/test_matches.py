"""`matches` of one record."""

from __future__ import annotations

from typing import Any

import pytest

from unit.query.asking import Record, value


@pytest.mark.parametrize(
    ("expression", "record", "expected"),
    [
        ("matches(message, /^a.c$/)", {"message": "a\nc"}, True),
        ("message =~ /b/", {"message": "abc"}, True),
        ("message !~ /b/", {"message": "abc"}, False),
        ("matches(user_id, /x/)", {}, None),
    ],
)
def test_matches(expression: str, record: Record, expected: Any) -> None:
    assert value(expression, record) == expected

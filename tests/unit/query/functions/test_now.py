"""`now` of one record."""

from __future__ import annotations

from typing import Any

import pytest

from unit.query.asking import Record, value


@pytest.mark.parametrize(
    ("expression", "record", "expected"),
    [
        ("now() - timestamp", {}, 600000.0),
    ],
)
def test_now(expression: str, record: Record, expected: Any) -> None:
    assert value(expression, record) == expected

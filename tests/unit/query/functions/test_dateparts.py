"""Parts of a time of one record."""

from __future__ import annotations

from typing import Any

import pytest

from unit.query.asking import Record, value


@pytest.mark.parametrize(
    ("expression", "record", "expected"),
    [
        ("year()", {}, 2023),
        ("month()", {}, 11),
        ("day()", {}, 14),
        ("hour()", {}, 22),
        ("minute()", {}, 13),
        ("second(timestamp)", {}, 20),
        ("weekday()", {}, 2),
    ],
)
def test_dateparts(expression: str, record: Record, expected: Any) -> None:
    assert value(expression, record) == expected

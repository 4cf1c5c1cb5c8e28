"""`bin` of one record."""

from __future__ import annotations

from typing import Any

import pytest

from unit.query.asking import Record, value


@pytest.mark.parametrize(
    ("expression", "record", "expected"),
    [
        ("bin(5m)", {}, "2023-11-14T22:10:00+00:00"),
        ("bin(1w)", {}, "2023-11-13T00:00:00+00:00"),
        ("bin(duration_ms, 100)", {"duration_ms": 250.0}, 200.0),
        ("bin(duration_ms, 100)", {"duration_ms": -1.0}, -100.0),
        ("bin(observed_timestamp, 1h)", {}, "2023-11-14T22:00:00+00:00"),
    ],
)
def test_bin(expression: str, record: Record, expected: Any) -> None:
    assert value(expression, record) == expected

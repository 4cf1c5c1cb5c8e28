"""`calendar()` of one record."""

from __future__ import annotations

import pytest

from heimdall.errors import InvalidInput
from unit.query.asking import value


@pytest.mark.parametrize(
    ("unit", "zone", "expected"),
    [
        ("day", "UTC", "2023-11-14T00:00:00+00:00"),
        ("day", "Asia/Tokyo", "2023-11-14T15:00:00+00:00"),
        ("week", "UTC", "2023-11-13T00:00:00+00:00"),
        ("month", "Europe/Berlin", "2023-10-31T23:00:00+00:00"),
        ("quarter", "Europe/Berlin", "2023-09-30T22:00:00+00:00"),
        ("year", "America/New_York", "2023-01-01T05:00:00+00:00"),
    ],
)
def test_the_start_of_a_unit_by_the_clocks_of_a_place(unit: str, zone: str, expected: str) -> None:
    assert value(f'calendar(timestamp, "{unit}", "{zone}")') == expected


def test_utc_is_meant_when_no_place_is_named() -> None:
    assert value('calendar(timestamp, "month")') == "2023-11-01T00:00:00+00:00"


@pytest.mark.parametrize("call", ['calendar(timestamp, "fortnight")', 'calendar(timestamp, "day", "Middle/Earth")'])
def test_what_is_no_unit_and_no_place_is_named(call: str) -> None:
    with pytest.raises(InvalidInput):
        value(call)

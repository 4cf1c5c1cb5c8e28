"""Moments as Elasticsearch writes them."""

from __future__ import annotations

from datetime import UTC
from zoneinfo import ZoneInfo

import pytest

from heimdall.query.languages.esdsl.datemath import format_ms, parse_ms, zone_of
from heimdall.query.languages.esdsl.faults import Fault

NOW_NS = 1_763_807_025_678_000_000
"""2025-11-22T10:23:45.678Z, a Saturday."""


def moment(text: object, **how: object) -> str:
    return format_ms(parse_ms(text, now_ns=NOW_NS, **how), None)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "down", "up"),
    [
        ("now", "2025-11-22T10:23:45.678Z", "2025-11-22T10:23:45.678Z"),
        ("now-1h", "2025-11-22T09:23:45.678Z", "2025-11-22T09:23:45.678Z"),
        ("now/d", "2025-11-22T00:00:00.000Z", "2025-11-22T23:59:59.999Z"),
        ("now/w", "2025-11-17T00:00:00.000Z", "2025-11-23T23:59:59.999Z"),
        ("now-1M/M", "2025-10-01T00:00:00.000Z", "2025-10-31T23:59:59.999Z"),
        ("2025-01-31||+1M", "2025-02-28T00:00:00.000Z", "2025-02-28T00:00:00.000Z"),
        ("2024-02-29||+1y", "2025-02-28T00:00:00.000Z", "2025-02-28T00:00:00.000Z"),
        ("2025-11", "2025-11-01T00:00:00.000Z", "2025-11-01T23:59:59.999Z"),
        ("2025-11-22T10:15", "2025-11-22T10:15:00.000Z", "2025-11-22T10:15:59.999Z"),
        ("2025-11-22T10:15:30.5+02:00", "2025-11-22T08:15:30.500Z", "2025-11-22T08:15:30.500Z"),
        (1763807025678, "2025-11-22T10:23:45.678Z", "2025-11-22T10:23:45.678Z"),
        ("1763807025678", "2025-11-22T10:23:45.678Z", "2025-11-22T10:23:45.678Z"),
    ],
)
def test_a_moment_and_its_end(text: object, down: str, up: str) -> None:
    assert moment(text) == down
    assert moment(text, up=True) == up


def test_days_begin_by_the_clocks_of_a_zone() -> None:
    assert moment("now/d", zone=ZoneInfo("Europe/Berlin")) == "2025-11-21T23:00:00.000Z"
    assert moment("2025-11-22", zone=zone_of("+05:30")) == "2025-11-21T18:30:00.000Z"


@pytest.mark.parametrize(
    ("text", "formats", "expected"),
    [
        ("22/11/2025", "dd/MM/yyyy", "2025-11-22T00:00:00.000Z"),
        ("2025.11.22 10:05", "yyyy.MM.dd HH:mm||epoch_second", "2025-11-22T10:05:00.000Z"),
        ("1763807025", "yyyy||epoch_second", "2025-11-22T10:23:45.000Z"),
        (1763807025, "epoch_second", "2025-11-22T10:23:45.000Z"),
        ("20251122", "basic_date", "2025-11-22T00:00:00.000Z"),
    ],
)
def test_formats(text: object, formats: str, expected: str) -> None:
    assert moment(text, formats=formats) == expected


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        (None, "2025-11-22T11:23:45.678+01:00"),
        ("epoch_millis", "1763807025678"),
        ("epoch_second", "1763807025"),
        ("yyyy-MM-dd HH:mm:ss.SSS", "2025-11-22 11:23:45.678"),
        ("dd MMM yy 'at' H", "22 Nov 25 at 11"),
        ("date", "2025-11-22"),
    ],
)
def test_how_a_moment_is_shown(pattern: str | None, expected: str) -> None:
    assert format_ms(NOW_NS // 1_000_000, pattern, ZoneInfo("Europe/Berlin")) == expected


@pytest.mark.parametrize(
    "text", ["", "now+", "now-1x", "2025-13-01", "yesterday", None, True, "2025-11-22||/q", "9" * 300]
)
def test_what_is_no_moment_is_refused(text: object) -> None:
    with pytest.raises(Fault, match="failed to parse date field"):
        parse_ms(text, now_ns=NOW_NS, zone=UTC)


def test_moments_beyond_64_bits_of_nanoseconds_are_its_ends() -> None:
    assert moment("9999-01-01") == "2262-04-11T23:47:16.854Z"

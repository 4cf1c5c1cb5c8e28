import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heimdall.errors import InvalidInput
from heimdall.model.timerange import MAX_NS, MIN_NS, format_time, parse_time

NOW_NS = 1_795_342_530_123_456_789


@pytest.mark.parametrize(
    ("text", "expected_ns"),
    [
        ("now", NOW_NS),
        ("-15m", NOW_NS - 900 * 10**9),
        ("-1h30m", NOW_NS - 5_400 * 10**9),
        ("now - 1mo2m1ms", NOW_NS - (30 * 86_400 + 120) * 10**9 - 10**6),
        ("now-30d", NOW_NS - 30 * 86_400 * 10**9),
        ("+1h", NOW_NS + 3600 * 10**9),
        ("1795342530", 1_795_342_530 * 10**9),
        ("1795342530.25", 1_795_342_530_250_000_000),
        ("1795342530123", 1_795_342_530_123_000_000),
        ("1795342530123456", 1_795_342_530_123_456_000),
        ("1795342530123456789", NOW_NS),
        ("0", 0),
        ("1970-01-02", 86_400 * 10**9),
        ("1970-01-01T00:00:01.000000001Z", 10**9 + 1),
        ("1970-01-01T02:00:00+02:00", 0),
        ("1970-01-01 00:00", 0),
        ("2016-12-31T23:59:60Z", 1_483_228_800 * 10**9),
        ("1969-12-31T23:59:59.5Z", -500_000_000),
    ],
)
def test_a_moment_is_read_in_every_form(text, expected_ns):
    assert parse_time(text, now_ns=NOW_NS) == expected_ns


@pytest.mark.parametrize("text", ["", "yesterday", "2026-13-01", "2026-02-30T00:00:00Z", "9999-01-01", "٣", "-1x"])
def test_what_is_not_a_moment_is_refused(text):
    with pytest.raises(InvalidInput):
        parse_time(text, now_ns=NOW_NS)


@given(st.integers(MIN_NS, MAX_NS))
def test_a_written_moment_reads_back(time_ns):
    assert parse_time(format_time(time_ns), now_ns=NOW_NS) == time_ns


@given(st.text(max_size=40))
def test_any_text_gives_a_moment_or_our_error(text):
    with contextlib.suppress(InvalidInput):
        assert MIN_NS <= parse_time(text, now_ns=NOW_NS) <= MAX_NS

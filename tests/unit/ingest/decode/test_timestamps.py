from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from heimdall.ingest.decode.timestamps import parse_timestamps

NOW_NS = 1_795_348_800_000_000_000  # 2026-11-22T12:00:00Z
TEN_FIFTEEN_THIRTY = 1_795_342_530_000_000_000  # 2026-11-22T10:15:30Z


def parse(*values: object, zone: str = "UTC") -> list[int | None]:
    return parse_timestamps(pl.Series(values, strict=False), now_ns=NOW_NS, zone=zone).to_list()


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-22T10:15:30Z",
        "2026-11-22 11:15:30+01:00",
        "2026-11-22T11:15:30+0100",
        "2026-11-22T11:15:30+01:00[Europe/Berlin]",
        "2026/11/22 10:15:30",
        "[2026-11-22 10:15:30,000]",
        "20261122T101530Z",
        "261122 101530",
        "Sun, 22 Nov 2026 10:15:30 GMT",
        "22 Nov 2026 05:15:30 EST",
        "Sun Nov 22 11:15:30 CET 2026",
        "Sun Nov 22 10:15:30 2026",
        "22/Nov/2026:10:15:30 +0000",
        "Nov 22, 2026 10:15:30 AM",
        "November 22, 2026 10:15:30",
        "11/22/2026 10:15:30 AM",
        "22/11/2026 10:15:30",
        "26/11/22 10:15:30",
        "Nov 22 10:15:30",
        "1122 10:15:30.000000",
        "1795342530",
        "1795342530000",
        "1795342530.000",
    ],
)
def test_one_moment_in_many_forms(text: str) -> None:
    assert parse(text) == [TEN_FIFTEEN_THIRTY]
    assert parse(text, "no time", None) == [TEN_FIFTEEN_THIRTY, None, None]


@pytest.mark.parametrize(
    "number", [1795342530, 1795342530_000, 1795342530_000_000, 1795342530_000_000_000, 1795342530.0, 1795342530000.0]
)
def test_epochs_are_told_apart_by_size(number: float) -> None:
    assert parse(number) == [TEN_FIFTEEN_THIRTY]


@pytest.mark.parametrize("text", ["1.79534253e9", "1.79534253E+12", "1.79534253e+18", "179534253e10"])
def test_an_epoch_may_have_an_exponent(text: str) -> None:
    assert parse(float(text)) == parse(text) == [TEN_FIFTEEN_THIRTY]
    assert parse(text, "no time") == [TEN_FIFTEEN_THIRTY, None]


def test_nanoseconds_survive() -> None:
    assert parse("2026-11-22T10:15:30.123456789Z") == [TEN_FIFTEEN_THIRTY + 123_456_789]
    assert parse("1795342530.123456789") == [TEN_FIFTEEN_THIRTY + 123_456_789]
    assert parse("2026-11-22 10:15:30,123456789", "x") == [TEN_FIFTEEN_THIRTY + 123_456_789, None]


@pytest.mark.parametrize(
    "text",
    [
        "2026-13-45T25:61:61Z",
        "2026-02-29 00:00:00",
        "2026-11-22 24:00:00",
        "2026-11-22T10:15:30 XYZ",
        "9999-12-31T23:59:59Z",
        "0000-01-01T00:00:00Z",
        "99999999999999999999999",
        "12",
        "",
        "\x00",
    ],
)
def test_what_is_no_time_or_does_not_fit_is_null(text: str) -> None:
    assert parse(text) == [None]
    assert parse(text, "2026-11-22T10:15:30Z") == [None, TEN_FIFTEEN_THIRTY]


def test_numbers_that_are_no_time_are_null() -> None:
    assert parse(-1, 5, 10**10) == [None, None, None]
    assert parse(20_242_086_604_052_082) == parse(2.0242086604052082e16) == [None]  # in 64 bits it would become 2026
    assert parse(float("nan"), float("inf"), 1e300) == [None, None, None]
    assert parse_timestamps(pl.Series([2**64 - 1], dtype=pl.UInt64), now_ns=NOW_NS).to_list() == [None]


def test_a_month_still_to_come_was_last_year() -> None:
    assert parse("Dec 31 23:59:59") == [1_767_225_599_000_000_000]


def test_a_leap_second_counts_as_the_one_before() -> None:
    assert parse("2016-12-31T23:59:60Z") == parse("2016-12-31T23:59:59Z")


def test_a_time_without_zone_is_in_the_zone_given() -> None:
    assert parse("2026-11-22 11:15:30", zone="Europe/Berlin") == [TEN_FIFTEEN_THIRTY]
    assert parse("2026-11-22 10:15:30Z", zone="Europe/Berlin") == [TEN_FIFTEEN_THIRTY]


@given(
    st.lists(st.datetimes(datetime(1971, 1, 1), datetime(2261, 1, 1)), min_size=1, max_size=20),  # noqa: DTZ001
    st.integers(-14 * 4, 14 * 4),
    st.sampled_from(["%Y-%m-%dT%H:%M:%S.%f", "%Y/%m/%d %H:%M:%S.%f", "%d/%b/%Y:%H:%M:%S.%f", "%d %b %Y %H:%M:%S.%f"]),
)
def test_reads_back_what_strftime_writes(moments: list[datetime], quarters: int, form: str) -> None:
    offset = timedelta(minutes=15 * quarters)
    sign = "-" if quarters < 0 else "+"
    zone = f"{sign}{abs(offset) // timedelta(hours=1):02d}:{abs(offset) // timedelta(minutes=1) % 60:02d}"
    texts = [moment.strftime(form) + zone for moment in moments]
    utc = [(moment - offset).replace(tzinfo=UTC) for moment in moments]
    expected = [(moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1) * 1000 for moment in utc]
    assert parse(*texts) == expected


@given(st.lists(st.text(max_size=40)))
def test_no_text_breaks_it(texts: list[str]) -> None:
    assert len(parse_timestamps(pl.Series(texts, dtype=pl.String), now_ns=NOW_NS)) == len(texts)

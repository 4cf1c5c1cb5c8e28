import polars as pl
import pytest

from heimdall.ingest.decode.levels import parse_levels


@pytest.mark.parametrize(
    ("sent", "severity"),
    [("INFO", 9), ("[warn]", 13), ("Error", 17), ("CRITICAL", 18), ("notice", 10), ("30", 9), ("3", 17), ("7", 5)],
)
def test_spellings_become_severity_numbers(sent: str, severity: int) -> None:
    assert parse_levels(pl.Series([sent, None])).to_list() == [severity, None]


def test_a_word_that_is_no_level_stays_unknown() -> None:
    assert parse_levels(pl.Series(["customer", "", "999"])).to_list() == [None, None, None]


def test_numbers_of_pino_google_cloud_and_syslog_are_told_apart() -> None:
    assert parse_levels(pl.Series([50, 500, 4, 9_999])).to_list() == [17, 17, 13, None]


def test_otel_numbers_are_taken_as_they_are() -> None:
    assert parse_levels(pl.Series([9, 24, 0, 25]), otel=True).to_list() == [9, 24, None, None]


def test_neither_bool_nor_list_is_a_level() -> None:
    assert parse_levels(pl.Series([True, False])).to_list() == [None, None]
    assert parse_levels(pl.Series([["info"]])).to_list() == [None]


def test_a_number_with_a_fraction_is_a_level_only_where_it_is_whole() -> None:
    assert parse_levels(pl.Series([3.0, 3.5, -0.0])).to_list() == [17, None, 21]
    assert parse_levels(pl.Series(["3.0", "3.5", "-0.0", "warn"])).to_list() == [17, None, 21, 13]

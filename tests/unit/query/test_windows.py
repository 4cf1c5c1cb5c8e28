from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heimdall.query.languages.hql import parse
from heimdall.query.windows import Window, is_needle, most_rows, windows
from heimdall.storage import TierStatistics

S = 10**9
DAY = TierStatistics(rows=4_000_000, size_bytes=0, oldest_ns=0, newest_ns=86_400 * S)
EMPTY = TierStatistics(rows=0, size_bytes=0, oldest_ns=None, newest_ns=None)


def spans(text: str, statistics: TierStatistics = DAY, limit: int = 100, **bounds: int | None) -> list[Window]:
    query = parse(text)
    return list(windows(query, bounds.get("start_ns"), bounds.get("end_ns"), statistics, limit))


def test_the_first_window_is_short_and_open_towards_the_future() -> None:
    first, *rest = spans("level:error")
    assert first.end_ns is None
    assert first.start_ns is not None
    assert 86_400 * S - first.start_ns < 300 * S
    assert rest[-1].start_ns is None


def test_windows_touch_and_grow() -> None:
    found = spans("level:error")
    assert 2 <= len(found) <= 4
    for newer, older in pairwise(found):
        assert newer.start_ns == older.end_ns


def test_the_next_window_is_as_long_as_what_was_found_lets_expect() -> None:
    rows = 0
    planned = windows(parse("level:error"), None, None, DAY, 100, lambda: rows)
    first = next(planned)
    rows = 50  # of 100: four times the length of the first gives the rest with room
    second = next(planned)
    assert first.start_ns is not None
    assert second.start_ns is not None
    assert first.start_ns - second.start_ns == 4 * (86_400 * S + 1 - first.start_ns)


@pytest.mark.parametrize(
    "text",
    [
        "* | stats count()",
        "* | sort seq",
        "* | top user_id",
        "trace_id:0123456789abcdef0123456789abcdef",
        "level:error 0123456789abcdef0123456789abcdef",
    ],
)
def test_one_window_where_everything_or_an_index_is_asked(text: str) -> None:
    assert spans(text) == [Window(None, None)]


def test_an_empty_tier_is_one_window() -> None:
    assert spans("*", EMPTY, start_ns=5, end_ns=9) == [Window(5, 9)]


def test_a_record_far_in_the_past_or_future_costs_a_few_windows() -> None:
    far = TierStatistics(rows=1_000_000, size_bytes=0, oldest_ns=-(2**62), newest_ns=2**62)
    assert len(spans("level:error", far)) <= 8


def test_a_negated_or_optional_id_is_no_needle() -> None:
    assert is_needle(parse("a user_id:u1").search)
    assert not is_needle(parse("-user_id:u1").search)
    assert not is_needle(parse("user_id:u1 or level:error").search)
    assert not is_needle(parse("user_id:u*").search)


def test_a_head_says_when_the_answer_is_whole() -> None:
    assert most_rows(parse("* | head 5 | fields message")) == 5
    assert most_rows(parse("* | head 5 | where seq > 3")) == float("inf")
    assert most_rows(parse("* | dedup service")) == float("inf")


@given(
    st.integers(-(2**62), 2**62),
    st.integers(0, 2**62),
    st.integers(1, 10**9),
    st.integers(1, 10_001),
    st.none() | st.integers(-(2**62), 2**62),
    st.none() | st.integers(-(2**62), 2**62),
)
def test_windows_are_the_range_without_gaps(
    oldest: int, extent: int, rows: int, limit: int, start_ns: int | None, end_ns: int | None
) -> None:
    statistics = TierStatistics(rows=rows, size_bytes=0, oldest_ns=oldest, newest_ns=min(oldest + extent, 2**63 - 1))
    found = list(windows(parse("level:error"), start_ns, end_ns, statistics, limit))
    assert found[0].end_ns == end_ns
    assert found[-1].start_ns == start_ns
    assert all(newer.start_ns == older.end_ns for newer, older in pairwise(found))
    assert len(found) < 20

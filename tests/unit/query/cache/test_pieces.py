"""Ranges cut along the clock."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from heimdall.query.cache.pieces import HOUR_NS, MOST_PIECES, SIZES_NS, cut, runs

MINUTE_NS = 60 * 10**9
TIMES = st.integers(-(2**62), 2**62)
LENGTHS = st.one_of(st.integers(0, 400 * 24 * HOUR_NS), st.integers(0, 10).map(lambda hours: hours * HOUR_NS))


@given(TIMES, LENGTHS)
def test_pieces_are_the_range_without_gap_or_overlap_and_each_lies_in_one_cell(start_ns: int, length_ns: int) -> None:
    pieces = cut(start_ns, start_ns + length_ns)
    if not pieces:
        return
    assert pieces[0].start_ns == start_ns
    assert pieces[-1].end_ns == start_ns + length_ns
    assert all(a.end_ns == b.start_ns for a, b in zip(pieces, pieces[1:], strict=False))
    assert all(piece.start_ns // piece.size_ns == (piece.end_ns - 1) // piece.size_ns for piece in pieces)
    assert len(pieces) <= MOST_PIECES
    assert [piece for run in runs(pieces) for piece in run] == pieces


def test_a_day_from_half_past_has_hours_inside_and_five_minutes_outside() -> None:
    pieces = cut(30 * MINUTE_NS, 24 * HOUR_NS + 30 * MINUTE_NS)
    assert [len(run) for run in runs(pieces)] == [6, 23, 6]
    assert all(piece.whole for piece in pieces)


def test_ragged_ends_are_not_whole() -> None:
    pieces = cut(1, 2 * HOUR_NS + 1)
    assert (pieces[0].whole, pieces[1].whole, pieces[-1].whole) == (False, True, False)


def test_what_is_too_short_or_far_too_long_is_not_cut() -> None:
    assert cut(0, 2 * SIZES_NS[0] - 1) == []
    assert cut(0, 100 * 365 * 24 * HOUR_NS) == []

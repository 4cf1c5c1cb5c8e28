"""A slice of `make crash`, in the quick tests: other seeds than it uses would do as well."""

from __future__ import annotations

import logging

import pytest
from crash import run_range


@pytest.mark.parametrize("first", [1_000_000, 1_000_500, 1_001_000, 1_001_500])
def test_no_acknowledged_record_is_lost_or_doubled_whatever_the_disk_does(first: int) -> None:
    try:
        tally, broken = run_range(first, first + 500)
    finally:
        logging.disable(logging.NOTSET)

    assert broken == []
    assert tally.flips_found == tally.flips > 50
    assert tally.acknowledged > 1_000
    assert len(tally.faults) > 10

"""Ways to answer a question; whichever is taken, the answer is the same (`tests/properties/test_strategies.py`), but
for sketches, which say how far they may be off."""

from __future__ import annotations

from enum import StrEnum


class Strategy(StrEnum):
    WINDOWS = "windows"
    """Newest first, in widening windows of time, until the page is full."""
    ONE_STATEMENT = "one statement"
    """The whole range at once; indexes skip what they can."""
    ROLLUP = "rollup"
    """Counts by minute in place of records."""
    RECORDS = "records"
    """Every matching record is read and counted."""
    SKETCHES = "sketches"
    """Distinct counts and percentiles in memory that does not grow with the values, within a stated error."""

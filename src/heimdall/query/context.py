"""What a query needs to know from outside its text."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Context:
    """`now_ns`: what `now()` and relative times mean. [`start_ns`, `end_ns`): the time range that is asked, where
    it has one; `rate()` divides by its length and `timechart` chooses its step from it."""

    now_ns: int = 0
    start_ns: int | None = None
    end_ns: int | None = None

    @property
    def seconds(self) -> float | None:
        """Length of the range; `None` when it is open or empty."""
        if self.start_ns is None or self.end_ns is None or self.end_ns <= self.start_ns:
            return None
        return (self.end_ns - self.start_ns) / 1e9

"""What a service's week looks like: records a step by quarter of an hour, learnt over weeks.

The live watch expects what the last hour had. Where a service's days and weeks have a shape, that is wrong whenever the
shape turns: in the morning, on Saturday, on a holiday. A profile says by what factor the next quarter of an hour
differs from the last ones; today's level stays that of the last hour. Days count until a week is known. An incident in
one week is a dent in the profile of the next, so a season excuses and never accuses: a number is odd only when neither
the last hour nor the last weeks explain it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from heimdall.insight.calendar import DAY_QUARTERS, QUARTER_S, WEEK_QUARTERS, Calendar
from heimdall.insight.conformal import FloatArray, Rows
from heimdall.insight.step import STEP_S, PairCounts

QUARTER_STEPS = QUARTER_S // STEP_S
_WEIGHT = 0.3
"""Of the newest day or week in a profile, once there are a few. Larger: a changed rhythm is learnt sooner."""
_FEWEST = 0.5
"""Share of a quarter that has to be seen for it to teach."""
_LEVEL_QUARTERS = 96.0
"""Quarters in which growth that lasts becomes level in place of shape: a day."""
_BLURRED, _SHARP = 20.0, 100.0
"""Records a quarter has had on average up to which its own share says nothing, and from which it says all."""
LOWEST = 1e-4
"""Smallest factor that counts are held against: a stray record on a silent Sunday is no wonder."""
_NONE, _DAY, _WEEK = 0, 1, 2


class SeasonBank:
    """State: 3.8 kB a row. Steps come in order of time."""

    def __init__(self, calendar: Calendar) -> None:
        self._calendar = calendar
        self._day = np.zeros((0, DAY_QUARTERS), np.float32)
        self._week = np.zeros((0, WEEK_QUARTERS), np.float32)
        self._weeks = np.zeros((0, WEEK_QUARTERS), np.uint8)
        self._level = np.zeros(0)
        """Today's records in units of the profile."""
        self._sum = np.zeros(0)
        self._steps = np.zeros(0)
        self._source = np.zeros(0, np.int64)
        self._factor = np.zeros(0)
        self._quarter = -1
        """Number of the quarter since 1970 that goes on."""

    def grow(self, rows: int) -> None:
        more = rows - len(self._level)
        if more > 0:
            self._day = np.concatenate([self._day, np.full((more, DAY_QUARTERS), np.nan, np.float32)])
            self._week = np.concatenate([self._week, np.full((more, WEEK_QUARTERS), np.nan, np.float32)])
            self._weeks = np.concatenate([self._weeks, np.zeros((more, WEEK_QUARTERS), np.uint8)])
            self._level, self._factor = (np.concatenate([old, np.ones(more)]) for old in (self._level, self._factor))
            self._sum, self._steps = (np.concatenate([old, np.zeros(more)]) for old in (self._sum, self._steps))
            self._source = np.concatenate([self._source, np.full(more, _NONE)])

    def enter(self, step: int) -> FloatArray:
        """Go to the quarter of `step`. By row, what exposure to the former quarter has to be multiplied by, because
        another profile is used from now on; 1 nearly always."""
        quarter = step // QUARTER_STEPS
        changed = np.ones(len(self._level))
        if quarter == self._quarter:
            return changed
        place = self._calendar.quarter_of(quarter * QUARTER_S)
        if self._quarter >= 0:
            last = self._calendar.quarter_of(self._quarter * QUARTER_S)
            source = self._best(last, place)
            new = source != self._source
            changed = np.where(new, np.maximum(self._factors(source, last), LOWEST) / self.factors, 1.0)
            self._source = source
            self._fold(last)
        self._factor = self._factors(self._source, place)
        self._quarter = quarter
        return changed

    @property
    def factors(self) -> FloatArray:
        """By row: what this quarter has in proportion to an average one, `LOWEST` at least."""
        return np.maximum(self._factor, LOWEST)

    @property
    def shares(self) -> FloatArray:
        """The same, 0 where nothing is due."""
        return self._factor

    @property
    def known(self) -> NDArray[np.bool_]:
        """Rows of which days, or weeks, are known."""
        return np.asarray(self._source > _NONE, np.bool_)

    def learn(self, records: FloatArray) -> None:
        """Of a step of the quarter that was entered, by row."""
        self._sum += records
        self._steps += 1

    def teach(self, pairs: PairCounts) -> None:
        """Learn many steps at once. Quarters in which nobody logged say nothing."""
        quarters = pairs.steps // QUARTER_STEPS
        starts = np.flatnonzero(np.diff(quarters, prepend=-1))
        size = len(self._level)
        seen = np.isfinite(self._day).any(axis=1)
        for start, end in zip(starts.tolist(), [*starts[1:].tolist(), len(pairs)], strict=True):
            self.enter(int(pairs.steps[start]))
            own = slice(start, end)
            records = np.bincount(pairs.services[own], weights=pairs.columns[0, own], minlength=size)
            seen |= records > 0
            first = start == 0 or quarters[start - 1] != quarters[start] - 1
            over = int(pairs.steps[start]) if first else int(quarters[start]) * QUARTER_STEPS
            last = (int(quarters[start]) + 1) * QUARTER_STEPS if end < len(pairs) else int(pairs.steps[-1]) + 1
            self._sum += records
            self._steps += np.where(seen, last - over, 0)

    def _best(self, last: int, place: int) -> Rows:
        """By row, the profile that knows both quarters."""
        week = np.isfinite(self._week[:, [last, place]]).all(axis=1)
        day = np.isfinite(self._day[:, [last % DAY_QUARTERS, place % DAY_QUARTERS]]).all(axis=1)
        return np.where(week, _WEEK, np.where(day, _DAY, _NONE)).astype(np.int64)

    def _factors(self, source: Rows, place: int) -> FloatArray:
        factors = np.ones(len(source))
        for kind, table, at in ((_DAY, self._day, place % DAY_QUARTERS), (_WEEK, self._week, place)):
            rows = np.flatnonzero(source == kind)
            if not len(rows):
                continue
            mean = np.maximum(np.nanmean(table[rows], axis=1, dtype=np.float64), 1e-12)
            own = table[rows, at].astype(np.float64) / mean
            times = self._weeks[rows, place] if kind == _WEEK else 1
            sharp = np.clip((mean * QUARTER_STEPS * times - _BLURRED) / (_SHARP - _BLURRED), 0.0, 1.0)
            factors[rows] = sharp * own + (1 - sharp)
        return factors

    def _fold(self, place: int) -> None:
        """Add the quarter that is over to the profiles, in units of today's level."""
        rows = np.flatnonzero(self._steps >= _FEWEST * QUARTER_STEPS)
        if len(rows):
            mean = self._sum[rows] / self._steps[rows]
            # A day alone would take the first Saturday for a fall of the level.
            usual = self._week[rows, place].astype(np.float64)
            known = usual * QUARTER_STEPS >= _BLURRED
            ratio = np.clip(np.divide(mean, usual, out=np.ones(len(rows)), where=known), 0.25, 4.0)
            self._level[rows] += np.where(known, (ratio - self._level[rows]) / _LEVEL_QUARTERS, 0.0)
            own = mean / self._level[rows]
            weeks = self._weeks[rows, place]
            weight = np.maximum(1 / (weeks + 1.0), _WEIGHT)
            self._week[rows, place] = _blended(self._week[rows, place], own, weight)
            self._weeks[rows, place] = np.minimum(weeks, 254) + 1
            day = place % DAY_QUARTERS
            self._day[rows, day] = _blended(self._day[rows, day], own, np.full(len(rows), _WEIGHT))
        self._sum[:] = 0.0
        self._steps[:] = 0.0

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """State for a checkpoint; not copied."""
        return {
            "day": self._day, "week": self._week, "weeks": self._weeks, "level": self._level, "sum": self._sum,
            "steps": self._steps, "source": self._source, "factor": self._factor, "quarter": np.array([self._quarter]),
        }  # fmt: skip

    def load(self, arrays: dict[str, NDArray[np.generic]]) -> None:
        self._day, self._week = (np.array(arrays[name], np.float32) for name in ("day", "week"))
        self._weeks, self._source = np.array(arrays["weeks"], np.uint8), np.array(arrays["source"], np.int64)
        self._level, self._sum, self._steps, self._factor = (
            np.array(arrays[name], np.float64) for name in ("level", "sum", "steps", "factor")
        )
        self._quarter = int(arrays["quarter"][0])


def _blended(old: NDArray[np.float32], new: FloatArray, weight: FloatArray) -> FloatArray:
    return np.where(np.isnan(old), new, old + weight * (new - np.nan_to_num(old)))

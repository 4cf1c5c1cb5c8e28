"""Seasonal baseline and level of many series, as columns: how far each newest value lies from what was expected.

Five deviations a point, all from state of fixed size: two of a fast level from a slow one (a shift that lasts), and
three from what this time of the day and this hour of the week usually bring (a value that is normal at noon and not at
four in the night). What is unusual is decided elsewhere (`heimdall.insight.conformal`); here are only differences.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from heimdall.insight.conformal import FloatArray, Rows

VOTES = ("level_fast", "level_slow", "day", "week", "day_smooth")
DAY_BINS = 288
"""Five minutes each."""
WEEK_BINS = 168
"""An hour each."""
_DAY_NS = 86_400 * 10**9
_HOUR_NS = 3_600 * 10**9
_EPOCH_TO_MONDAY_HOURS = 72
"""1970-01-01 was a Thursday."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeasonalConfig:
    fast: tuple[float, float] = (0.2, 0.1)
    """Weight of the newest value in the two fast levels. Larger: shorter shifts count, and noise with them."""
    slow: tuple[float, float] = (0.01, 0.003)
    """Weight of the newest value in the two slow levels they are compared with."""
    seasonal: float = 0.3
    """Weight of the newest value in the bucket of its time. Larger: a changed rhythm is learnt in fewer days."""
    smooth: float = 0.2
    """Weight of the newest seasonal residual in their running mean."""


class SeasonalBank:
    """State per series: 2.0 kB. Rows are dense numbers that the caller gives out."""

    def __init__(self, config: SeasonalConfig | None = None) -> None:
        self._config = config or SeasonalConfig()
        self._fast = np.zeros((0, 2))
        self._slow = np.zeros((0, 2))
        self._residual = np.zeros(0)
        self._seen = np.zeros(0, np.int64)
        self._day = np.zeros((0, DAY_BINS), np.float32)
        self._week = np.zeros((0, WEEK_BINS), np.float32)

    def grow(self, rows: int) -> None:
        more = rows - len(self._seen)
        if more > 0:
            self._fast = np.concatenate([self._fast, np.zeros((more, 2))])
            self._slow = np.concatenate([self._slow, np.zeros((more, 2))])
            self._residual = np.concatenate([self._residual, np.zeros(more)])
            self._seen = np.concatenate([self._seen, np.zeros(more, np.int64)])
            self._day = np.concatenate([self._day, np.full((more, DAY_BINS), np.nan, np.float32)])
            self._week = np.concatenate([self._week, np.full((more, WEEK_BINS), np.nan, np.float32)])

    def seen(self, rows: Rows) -> NDArray[np.int64]:
        """Values each row has been given."""
        return self._seen[rows]

    def expected(self, rows: Rows, times_ns: NDArray[np.int64]) -> FloatArray:
        """What the next value would usually be: this time of the day where it is known, else the level."""
        usual = self._day[rows, _day_bin(times_ns)].astype(np.float64)
        return np.where(np.isnan(usual), self._slow[rows, 0], usual)

    def deviations(self, rows: Rows, times_ns: NDArray[np.int64], values: FloatArray) -> FloatArray:
        """Absolute deviations, shape (len(rows), len(VOTES)), and learn from the values; rows are distinct.

        NaN where a time of day or week has not been seen before, and for values that are not numbers, which teach
        nothing.
        """
        known = np.isfinite(values)
        result = np.full((len(rows), len(VOTES)), np.nan)
        if known.any():
            result[known] = self._step(rows[known], times_ns[known], values[known])
        return result

    def _step(self, rows: Rows, times_ns: NDArray[np.int64], values: FloatArray) -> FloatArray:
        config = self._config
        first, value = self._seen[rows][:, None] == 0, values[:, None]
        slow = np.where(first, value, self._slow[rows])
        fast = np.where(first, value, self._fast[rows])
        fast = fast + np.array(config.fast) * (value - fast)
        levels = np.abs(fast - slow)
        self._fast[rows] = fast
        self._slow[rows] = slow + np.array(config.slow) * (value - slow)
        self._seen[rows] += 1
        day = self._seasonal(self._day, rows, _day_bin(times_ns), values)
        week = self._seasonal(self._week, rows, _week_bin(times_ns), values)
        mean = self._residual[rows]
        mean = mean + config.smooth * (np.nan_to_num(day) - mean)
        self._residual[rows] = mean
        smooth = np.where(np.isnan(day), np.nan, mean)
        deviations: FloatArray = np.abs(np.column_stack([levels, day, week, smooth]))
        return deviations

    def _seasonal(self, table: NDArray[np.float32], rows: Rows, bins: Rows, values: FloatArray) -> FloatArray:
        usual = table[rows, bins].astype(np.float64)
        residual: FloatArray = values - usual
        table[rows, bins] = np.where(np.isnan(usual), values, usual + self._config.seasonal * residual)
        return residual

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """State for a checkpoint; not copied."""
        return {
            "fast": self._fast, "slow": self._slow, "residual": self._residual, "seen": self._seen,
            "day": self._day, "week": self._week,
        }  # fmt: skip

    def load(self, arrays: dict[str, NDArray[np.generic]]) -> None:
        self._fast, self._slow = np.array(arrays["fast"], np.float64), np.array(arrays["slow"], np.float64)
        self._residual, self._seen = np.array(arrays["residual"], np.float64), np.array(arrays["seen"], np.int64)
        self._day, self._week = np.array(arrays["day"], np.float32), np.array(arrays["week"], np.float32)


def _day_bin(times_ns: NDArray[np.int64]) -> Rows:
    return times_ns % _DAY_NS * DAY_BINS // _DAY_NS


def _week_bin(times_ns: NDArray[np.int64]) -> Rows:
    return (times_ns // _HOUR_NS + _EPOCH_TO_MONDAY_HOURS) % WEEK_BINS

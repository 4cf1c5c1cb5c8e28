"""Shape novelty: how far the newest stretch of a series is from the most similar stretch it has shown before.

The distance of a stretch to its nearest neighbour in the past is the left matrix profile (Yeh et al., ICDM 2016), here
of values as they are, not z-normalised: a level never seen is a discord too. All distances of one step follow from
those of the step before by adding the newest pair of values and taking off the oldest, so a point costs O(history),
whatever the length of the stretch.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from heimdall.insight.conformal import FloatArray, Rows

_REFRESH_STEPS = 512
"""Distances are computed afresh this often: adding and taking off in floating point drifts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShapeConfig:
    lengths: tuple[int, ...] = (12, 100, 288)
    """Points of a stretch: an hour, a third of a day and a day at five minutes."""
    history: int = 5_000
    """Past stretches to compare with. Larger: a rhythm is known for longer; a series costs 8 B × (1 + lengths) each."""


class ShapeBank:
    """State per series: 160 kB with the defaults, so it is for the series that matter, not for all."""

    def __init__(self, config: ShapeConfig | None = None) -> None:
        self._config = config or ShapeConfig()
        self._room = self._config.history + max(self._config.lengths) + 1
        self._values = np.zeros((0, self._room))
        self._distances = np.zeros((len(self._config.lengths), 0, self._config.history))
        self._seen = np.zeros(0, np.int64)

    def grow(self, rows: int) -> None:
        more = rows - len(self._seen)
        if more > 0:
            self._values = np.concatenate([self._values, np.zeros((more, self._room))])
            empty = np.zeros((len(self._config.lengths), more, self._config.history))
            self._distances = np.concatenate([self._distances, empty], axis=1)
            self._seen = np.concatenate([self._seen, np.zeros(more, np.int64)])

    def deviations(self, rows: Rows, values: FloatArray) -> FloatArray:
        """Distance to the nearest stretch of the past, shape (len(rows), len(lengths)), and learn from the values.

        NaN until there is a past stretch to compare with. A value that is not a number stands for the one before.
        """
        result = np.full((len(rows), len(self._config.lengths)), np.nan)
        for place, row in enumerate(rows.tolist()):
            self._push(row, float(values[place]))
            for number, length in enumerate(self._config.lengths):
                result[place, number] = self._nearest(row, number, length)
        return result

    def _push(self, row: int, value: float) -> None:
        kept = self._values[row]
        if not np.isfinite(value):
            value = kept[-1]
        kept[:-1] = kept[1:]
        kept[-1] = value
        self._seen[row] += 1

    def _nearest(self, row: int, number: int, length: int) -> float:
        """Entry lag - 1 of a row of distances belongs to the stretch that ends `lag` points before the newest."""
        seen = int(self._seen[row])
        lags = min(seen - length, self._config.history)
        if lags <= 0:
            return np.nan
        kept, distances = self._values[row], self._distances[number, row]
        if seen % _REFRESH_STEPS == 0 or seen - length <= self._config.history:
            self._refresh_lag(kept, distances, length, lags, every=seen % _REFRESH_STEPS == 0)
        else:
            self._slide(kept, distances, length, lags)
        if lags < length:
            return np.nan
        return float(np.sqrt(max(distances[length - 1 : lags].min(), 0.0)))

    def _slide(self, kept: FloatArray, distances: FloatArray, length: int, lags: int) -> None:
        newest, oldest = kept[-1], kept[-1 - length]
        entering = kept[-2 : -2 - lags : -1]
        leaving = kept[-2 - length : -2 - length - lags : -1]
        distances[: len(leaving)] += (entering[: len(leaving)] - newest) ** 2 - (leaving - oldest) ** 2

    def _refresh_lag(self, kept: FloatArray, distances: FloatArray, length: int, lags: int, *, every: bool) -> None:
        """While the history fills, one lag more can be compared at each step; it is computed in full."""
        if not every and lags > 1:
            self._slide(kept, distances, length, lags - 1)
        newest = kept[-length:]
        first = 1 if every else lags
        stretches = np.lib.stride_tricks.sliding_window_view(kept[-length - lags : len(kept) - first], length)
        distances[first - 1 : lags] = ((stretches - newest) ** 2).sum(axis=1)[::-1]

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """State for a checkpoint; not copied."""
        return {"values": self._values, "distances": self._distances, "seen": self._seen}

    def load(self, arrays: dict[str, NDArray[np.generic]]) -> None:
        self._values = np.array(arrays["values"], np.float64)
        self._distances = np.array(arrays["distances"], np.float64)
        self._seen = np.array(arrays["seen"], np.int64)

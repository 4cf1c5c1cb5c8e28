"""How long a service's calls take, against what they usually take, on the logarithm of milliseconds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from heimdall.insight.conformal import FloatArray, Rows
from heimdall.insight.history import History, kernel

_MEMORY_STEPS = 240.0
_FEWEST = 3
"""Durations in a step below which it says nothing."""
_RECENT = 0.8
"""Weight of earlier steps' deviations a step later."""
_WIDEST = 5.0
"""Most by which few durations widen what their mean may be."""
_SETTLING = 20
"""Steps with durations before the first judgement."""


@dataclass(frozen=True, slots=True)
class LatencyStep:
    evidence: FloatArray
    """Of being slower; being faster is no finding."""
    deviation: FloatArray
    """In standard deviations of a step's mean, either way; 0 where nothing is known."""
    mean: FloatArray
    """Of ln(1 + ms) in this step; NaN where there was too little."""
    usual: FloatArray
    spread: FloatArray

    def band_ms(self, row: int) -> tuple[float, float]:
        low, high = self.usual[row] - 3 * self.spread[row], self.usual[row] + 3 * self.spread[row]
        return round(max(float(np.expm1(low)), 0.0), 1), round(float(np.expm1(high)), 1)


class LatencyBank:
    """State: 40 B a row. Spread is that of a mean over the usual number of durations; that of fewer scatters more."""

    def __init__(self) -> None:
        self._usual = np.zeros(0)
        self._variance = np.zeros(0)
        self._seen = np.zeros(0)
        self._size = np.zeros(0)
        self._recent = np.zeros(0)

    def grow(self, rows: int) -> None:
        more = rows - len(self._seen)
        if more > 0:
            self._usual, self._variance, self._seen, self._size, self._recent = (
                np.concatenate([table, np.zeros(more)])
                for table in (self._usual, self._variance, self._seen, self._size, self._recent)
            )

    def step(self, rows: Rows, sums: FloatArray, durations: FloatArray, learn: NDArray[np.bool_]) -> LatencyStep:
        """`sums` of ln(1 + ms) over `durations` records, by row; only rows of `learn` learn from it."""
        enough = durations >= _FEWEST
        mean = np.where(enough, sums / np.maximum(durations, 1), np.nan)
        usual, seen = self._usual[rows], self._seen[rows]
        wider = np.clip(np.sqrt(self._size[rows] / np.maximum(durations, 1)), 1.0, _WIDEST)
        spread = np.sqrt(np.maximum(self._variance[rows], 0.02**2)) * wider
        judged = enough & (seen >= _SETTLING)
        deviation = np.where(judged, (np.nan_to_num(mean) - usual) / spread, 0.0)
        # The newest minutes together, scaled to unit variance: many slightly slow steps are one sure slowness.
        kept = self._recent[rows] * _RECENT
        self._recent[rows] = np.where(judged, kept + np.clip(deviation, -6, 12) * np.sqrt(1 - _RECENT**2), kept)
        slower = np.maximum(np.maximum(deviation, self._recent[rows]), 0.0)
        # Of a normal tail, less its polynomial factor; the conformal step behind it puts the rest right.
        evidence = np.where(slower > 1, slower**2 / 2 / np.log(10), 0.0)
        taken = enough & learn
        self._learn(rows[taken], mean[taken], spread[taken], durations[taken], wider[taken])
        return LatencyStep(np.minimum(evidence, 30.0), deviation, mean, usual, spread)

    def teach(self, past: History, sums: FloatArray, durations: FloatArray) -> None:
        """Learn from a stretch; `sums` and `durations` as of `step`, a row for each of the stretch's."""
        enough = durations >= _FEWEST
        steps = past.total(enough.astype(np.float64))
        told = steps > 0
        mean = np.where(enough, sums / np.maximum(durations, 1), 0.0)
        middle = past.total(mean) / np.maximum(steps, 1)
        off = np.where(enough, mean - middle[past.places], 0.0)
        bound = 4 * np.maximum(np.sqrt(past.total(off**2) / np.maximum(steps, 1)), 0.02)
        off = np.clip(off, -bound[past.places], bound[past.places])
        weight = kernel(_MEMORY_STEPS, past.until_end(enough.astype(np.int64))) * enough
        rows = past.present
        before = np.minimum(self._seen[rows], _MEMORY_STEPS) * kernel(_MEMORY_STEPS, steps)
        known = np.maximum(before + past.total(weight), 1e-9)
        usual = (before * self._usual[rows] + past.total(weight * (middle[past.places] + off))) / known
        size = (before * self._size[rows] + past.total(weight * durations)) / known
        wider = np.clip(np.sqrt(size[past.places] / np.maximum(durations, 1)), 1.0, _WIDEST)
        spread = weight * ((middle[past.places] + off - usual[past.places]) / wider) ** 2
        moved = before * (self._variance[rows] + (self._usual[rows] - usual) ** 2)
        variance = (moved + past.total(spread)) / known
        self._usual[rows] = np.where(told, usual, self._usual[rows])
        self._variance[rows] = np.where(told, variance, self._variance[rows])
        self._size[rows] = np.where(told, size, self._size[rows])
        self._seen[rows] += steps
        self._recent[:] = 0.0

    def _learn(
        self, rows: Rows, mean: FloatArray, spread: FloatArray, durations: FloatArray, wider: FloatArray
    ) -> None:
        seen = self._seen[rows]
        weight = np.maximum(1 / _MEMORY_STEPS, 1 / (seen + 1))
        usual = np.where(seen == 0, mean, self._usual[rows])
        bound = np.where(seen < _SETTLING, np.inf, 4 * spread)
        taken = np.clip(mean, usual - bound, usual + bound)
        off = (taken - usual) / wider
        self._variance[rows] = (1 - weight) * (self._variance[rows] + weight * off**2)
        self._size[rows] += weight * (durations - self._size[rows])
        self._usual[rows] = usual + weight * (taken - usual)
        self._seen[rows] = seen + 1

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """State for a checkpoint; not copied."""
        return {
            "usual": self._usual, "variance": self._variance, "seen": self._seen, "size": self._size,
            "recent": self._recent,
        }  # fmt: skip

    def load(self, arrays: dict[str, NDArray[np.generic]]) -> None:
        self._usual, self._variance, self._seen, self._size, self._recent = (
            np.array(arrays[name], np.float64) for name in ("usual", "variance", "seen", "size", "recent")
        )

"""Several detectors' evidence as one, and the alert budget that decides what is told.

No labels: what makes a finding is evidence no healthy service would show more often than the budget allows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from heimdall.insight.conformal import FloatArray, Rows


def combined(evidence: FloatArray, weights: FloatArray | None = None) -> FloatArray:
    """One -log10 p from several, shape (rows, votes), by the Cauchy combination test (Liu and Xie, JASA 115, 2020).

    `weights` (by vote, sum 1; equal by default): votes with more of it lose less to there being others.

    Valid for small p whatever the dependence between votes, which Fisher's and Stouffer's sums are not.
    """
    # A vote without evidence says nothing; as p = 1 it would count against the others without bound.
    p = np.clip(10.0 ** -np.minimum(evidence, 15.0), 1e-15, 0.5)
    shares = np.full(evidence.shape[1], 1 / evidence.shape[1]) if weights is None else weights
    statistic = np.tan((0.5 - p) * np.pi) @ shares
    # arctan loses all digits far out, where the tail is 1 / (pi * statistic).
    tail = np.where(statistic > 1e4, 1 / (np.pi * np.maximum(statistic, 1.0)), 0.5 - np.arctan(statistic) / np.pi)
    return np.asarray(-np.log10(np.clip(tail, 1e-15, 1.0)), np.float64)


def fisher(evidence: FloatArray) -> FloatArray:
    """-log10 p of Fisher's sum of independent evidence, shape (rows, votes): the upper tail of a chi-squared variable
    with an even number of degrees of freedom, which is a finite sum."""
    votes = evidence.shape[1]
    half = evidence.sum(axis=1) * np.log(10)
    term, total = np.ones(len(half)), np.ones(len(half))
    for k in range(1, votes):
        term = term * half / k
        total = total + term
    return np.asarray(np.maximum((half - np.log(total)) / np.log(10), 0.0), np.float64)


_MARGIN = 0.0
"""Evidence on top of the bar that ideal p-values would need: votes are conformal one by one, their combination and its
course over time only nearly."""
SURE = 8.0
"""Evidence that no healthy service shows: what was told before it was true, and costs the budget nothing."""
_SURE_STEPS = 40
"""Steps after a finding in which that may come out: ten minutes."""
_ALIKE_STEPS = 10
"""Steps that say the same, because they share their windows: an excursion counts once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetConfig:
    alerts_per_service_day: float = 1.0
    """Findings a healthy service may cause in a day. Larger: weaker signs are told, and more of them are nothing."""
    fatigue: float = 0.5
    """Evidence by which each finding of a service raises its bar for the next of the same kind."""
    others: float = 0.15
    """The same for findings of other kinds: what a noisy service says of one thing says little of another."""
    fatigue_half_life_steps: float = 1_440.0
    """Steps in which half of that wears off: a quarter of a day."""


def as_of_steps(evidence: float, tests_per_day: float, steps_per_day: float) -> float:
    """Evidence of something that is tested so often a day, as that of what is tested every step: the same number of
    healthy days shows either."""
    return float(evidence + np.log10(steps_per_day / _ALIKE_STEPS / max(tests_per_day, 1.0)))


class Budget:
    """The bar that a service's evidence has to reach, by row and kind of finding."""

    def __init__(self, steps_per_day: float, config: BudgetConfig | None = None, *, kinds: int = 1) -> None:
        self._config = config or BudgetConfig()
        wanted = max(self._config.alerts_per_service_day, 1e-3) / steps_per_day
        self._bar = float(max(-np.log10(wanted * _ALIKE_STEPS), 0.0) + _MARGIN)
        self._evidence = np.zeros(0)
        self._fatigue = np.zeros((0, kinds))
        self._open = np.zeros((0, kinds), np.int64)
        """Steps in which the newest finding may still prove true."""

    def grow(self, rows: int) -> None:
        more = rows - len(self._evidence)
        if more > 0:
            self._evidence = np.concatenate([self._evidence, np.zeros(more)])
            self._open = np.concatenate([self._open, np.zeros((more, self._open.shape[1]), np.int64)])
            self._fatigue = np.concatenate([self._fatigue, np.zeros((more, self._fatigue.shape[1]))])

    def step(self, rows: Rows, evidence: FloatArray, trouble: NDArray[np.bool_] | None = None) -> FloatArray:
        """By how much each row's evidence is over its lowest bar; negative below it. `trouble` (by row): it is certain
        that something is wrong with it, so what was told of it was true."""
        self._evidence[rows] = evidence
        sure = evidence >= SURE if trouble is None else (evidence >= SURE) | trouble
        proven = sure[:, None] & (self._open[rows] > 0)
        self._fatigue[rows] = np.maximum(self._fatigue[rows] - proven, 0.0)
        self._open[rows] = np.where(proven, 0, np.maximum(self._open[rows] - 1, 0))
        self._fatigue[rows] *= 0.5 ** (1 / self._config.fatigue_half_life_steps)
        return np.asarray(evidence - self.bars(rows), np.float64)

    def bars(self, rows: Rows) -> FloatArray:
        """Evidence at which findings about the rows are told, of the kind that needs least."""
        return np.asarray(self._by_kind(rows).min(axis=1), np.float64)

    def _by_kind(self, rows: Rows) -> FloatArray:
        config, own = self._config, self._fatigue[rows]
        others = own.sum(axis=1, keepdims=True) - own
        return np.asarray(self._bar + config.fatigue * own + config.others * others, np.float64)

    def rest(self, steps: int) -> None:
        """So many steps passed in which nothing was judged."""
        self._fatigue *= 0.5 ** (steps / self._config.fatigue_half_life_steps)

    def bar(self, row: int, kind: int = 0) -> float:
        """Evidence at which a finding of this kind about the row is told."""
        return float(self._by_kind(np.array([row]))[0, kind])

    def spend(self, row: int, kind: int = 0) -> None:
        """A finding about `row` was told."""
        self._fatigue[row, kind] += 1.0
        self._open[row, kind] = _SURE_STEPS

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """State for a checkpoint; not copied."""
        return {"evidence": self._evidence, "fatigue": self._fatigue, "open": self._open}

    def load(self, arrays: dict[str, NDArray[np.generic]]) -> None:
        self._evidence = np.array(arrays["evidence"], np.float64)
        self._fatigue = np.array(arrays["fatigue"], np.float64)
        self._open = np.array(arrays["open"], np.int64)

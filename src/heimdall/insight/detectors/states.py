"""How a service is: normal, degraded or critical, by a hidden Markov model over its evidence.

Evidence is calibrated, so what each state emits needs no training: normal evidence is that of uniform p-values,
exponential with mean 1 / ln 10; degraded and critical ones are exponential with larger means. States stay: leaving
takes evidence, which is what keeps one odd step from being an illness. Filtered online (Rabiner, Proc. IEEE 77, 1989).
"""

from __future__ import annotations

from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from heimdall.insight.conformal import FloatArray, Rows


class ServiceState(StrEnum):
    NORMAL = "normal"
    DEGRADED = "degraded"
    CRITICAL = "critical"


STATES: tuple[ServiceState, ...] = tuple(ServiceState)
_MEANS = np.array([1 / np.log(10), 2.0, 8.0])
"""Of -log10 p in each state."""
_STAY = np.array(
    [
        [0.9990, 0.0008, 0.0002],
        [0.0300, 0.9600, 0.0100],
        [0.0100, 0.0400, 0.9500],
    ]
)


class StateBank:
    """Filtered probabilities of the three states by row."""

    def __init__(self) -> None:
        self._belief = np.zeros((0, 3))

    def grow(self, rows: int) -> None:
        more = rows - len(self._belief)
        if more > 0:
            self._belief = np.concatenate([self._belief, np.tile([1.0, 0.0, 0.0], (more, 1))])

    def step(self, rows: Rows, evidence: FloatArray) -> NDArray[np.int64]:
        """Place in `STATES` of each row after a step's evidence."""
        likelihood = np.exp(-evidence[:, None] / _MEANS) / _MEANS
        belief = (self._belief[rows] @ _STAY) * np.maximum(likelihood, 1e-12)
        self._belief[rows] = belief / belief.sum(axis=1, keepdims=True)
        return self.states(rows)

    def states(self, rows: Rows) -> NDArray[np.int64]:
        return np.asarray(self._belief[rows].argmax(axis=1), np.int64)

    def of(self, row: int) -> ServiceState:
        return STATES[int(self.states(np.array([row]))[0])]

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """State for a checkpoint; not copied."""
        return {"belief": self._belief}

    def load(self, arrays: dict[str, NDArray[np.generic]]) -> None:
        self._belief = np.array(arrays["belief"], np.float64)

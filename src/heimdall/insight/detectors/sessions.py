"""Sessions (traces, blocks, threads) that hold other events, or other numbers of them, than sessions usually do.

A session is a vector of counts of event codes. What is normal is a bounded set of such vectors. A vector not in the
set is compared with the one it most plausibly varies: which counts differ, and how often normal sessions that were new
in their turn differed in these very counts. So a count that varies freely (retries, reads) may take a value never
seen, while one that never varied may not. The result estimates the probability that a normal session is as odd:

    P(a new vector) · Π P(count e differs | a new vector), over the counts that differ

with Good–Turing's estimate for the first factor (Good, Biometrika 40, 1953: the share of sessions seen once) and
additive smoothing for the others. No labels, no training phase: each session is judged, then learnt.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from heimdall.insight.conformal import FloatArray

Counts = NDArray[np.int32]


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionConfig:
    vectors: int = 2_000
    """Normal vectors kept; the least useful goes first. Larger: rarer kinds of sessions are known, 1 kB each."""
    events: int = 512
    """Event codes told apart; what exceeds them is counted together in the last one."""
    warmup_sessions: int = 100
    """Sessions that are only learnt from."""
    smoothing: float = 0.25
    """Sessions in which a count that never differed is taken to have differed."""
    discount: float = 0.75
    """Taken off the sessions in which it did differ: once is weak evidence that it does."""


class SessionNovelty:
    """Judges sessions of one kind. Not safe from several threads."""

    def __init__(self, config: SessionConfig | None = None) -> None:
        self._config = config or SessionConfig()
        self._vectors: Counts = np.zeros((0, self._config.events), np.int32)
        self._seen = np.zeros(0)
        self._places: dict[bytes, int] = {}
        self._differed = np.zeros(self._config.events)
        self._new = 0.0
        self._sessions = 0.0

    @property
    def warm(self) -> bool:
        return self._sessions >= self._config.warmup_sessions

    @property
    def sessions(self) -> float:
        return self._sessions

    def judge(self, vectors: Counts) -> FloatArray:
        """p-value of each row of `vectors`, shape (n, events): 1 = known, small = no normal session is like it."""
        return np.array([self._judge(vector)[0] for vector in vectors])

    def differing(self, vector: Counts) -> list[tuple[int, int, int]]:
        """(event, its count, count in the nearest normal session) where they differ: the evidence of a finding."""
        _, nearest = self._judge(vector)
        if nearest is None:
            return []
        normal = self._vectors[nearest]
        return [(int(e), int(vector[e]), int(normal[e])) for e in np.flatnonzero(vector != normal)]

    def learn(self, vectors: Counts, weights: FloatArray | None = None) -> None:
        """Take the rows for normal. `weights`: how many sessions each stands for."""
        for place, vector in enumerate(vectors):
            self._learn(vector, 1.0 if weights is None else float(weights[place]))

    def _judge(self, vector: Counts) -> tuple[float, int | None]:
        if vector.tobytes() in self._places:
            return 1.0, self._places[vector.tobytes()]
        if not len(self._vectors):
            return 1.0, None
        cost, nearest = self._nearest(vector)
        novelty = (float((self._seen <= 1.0).sum()) + 1.0) / (self._sessions + 2.0)
        return float(min(1.0, novelty * np.exp(-cost))), nearest

    def _nearest(self, vector: Counts) -> tuple[float, int]:
        differed = np.maximum(self._differed - self._config.discount, 0.0)
        odds = (differed + self._config.smoothing) / (self._new + 1.0)
        prices = -np.log(np.minimum(odds, 1.0))
        differs = self._vectors != vector
        # A count outside everything seen costs more the farther outside it is.
        highest = self._vectors.max(axis=0)
        beyond = np.log1p(np.maximum(vector - highest, 0) / (highest + 1.0))
        costs = differs @ (prices + beyond)
        nearest = int(np.argmin(costs))
        return float(costs[nearest]), nearest

    def _learn(self, vector: Counts, weight: float) -> None:
        self._sessions += weight
        place = self._places.get(vector.tobytes())
        if place is not None:
            self._seen[place] += weight
            return
        if len(self._vectors):
            _, nearest = self._nearest(vector)
            self._differed += self._vectors[nearest] != vector
            self._new += 1.0
        self._keep(vector, weight)

    def _keep(self, vector: Counts, weight: float) -> None:
        if len(self._vectors) < self._config.vectors:
            self._vectors = np.concatenate([self._vectors, vector[None]])
            self._seen = np.append(self._seen, weight)
            place = len(self._vectors) - 1
        else:
            # Aging: whatever is not seen again loses its place to what is.
            place = int(np.argmin(self._seen))
            del self._places[self._vectors[place].tobytes()]
            self._seen *= 1 - 1 / self._config.vectors
            self._vectors[place], self._seen[place] = vector, weight
        self._places[vector.tobytes()] = place

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """State for a checkpoint; not copied."""
        return {
            "vectors": self._vectors, "seen": self._seen, "differed": self._differed,
            "totals": np.array([self._new, self._sessions]),
        }  # fmt: skip

    def load(self, arrays: dict[str, NDArray[np.generic]]) -> None:
        self._vectors = np.array(arrays["vectors"], np.int32)
        self._seen, self._differed = np.array(arrays["seen"], np.float64), np.array(arrays["differed"], np.float64)
        self._new, self._sessions = (float(value) for value in np.asarray(arrays["totals"], np.float64))
        self._places = {vector.tobytes(): place for place, vector in enumerate(self._vectors)}

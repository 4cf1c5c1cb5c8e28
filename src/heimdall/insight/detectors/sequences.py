"""Order within sessions: how surprising each event is behind those before it, by a variable-order Markov model.

Contexts of one to three events predict the next; what a long context has not seen is left to the next shorter one by
Witten and Bell's estimate (IEEE Trans. Information Theory 37, 1991). Counts live in hashed tables of fixed size, so a
flood of event codes costs precision, not memory.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from heimdall.insight.conformal import FloatArray

Codes = NDArray[np.int64]
ORDERS = 3
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True, slots=True, kw_only=True)
class SequenceConfig:
    table: int = 1 << 16
    """Cells per order, a power of two; 12 B each. Larger: fewer contexts share a cell."""
    half_life: int = 5_000_000
    """Events after which all counts are halved."""


class SequenceSurprise:
    """One model for the sessions of one tenant. Not safe from several threads."""

    def __init__(self, config: SequenceConfig | None = None) -> None:
        self._config = config or SequenceConfig()
        shape = (ORDERS + 1, self._config.table)
        self._pairs = np.zeros(shape, np.float32)
        self._contexts = np.zeros(shape, np.float32)
        self._kinds = np.zeros(shape, np.float32)
        self._events = 0.0

    @property
    def events(self) -> float:
        """Events learnt from (halved with age)."""
        return self._events

    def surprise(self, codes: Codes, before: Codes) -> FloatArray:
        """-log10 of the probability of each of `codes`, given `before`, shape (n, ORDERS): the events before it in its
        session, nearest first, 0 where there is none. Codes are ≥ 1."""
        probability = np.full(len(codes), 1e-6)
        for order in range(ORDERS + 1):
            context, pair = self._cells(codes, before, order)
            seen, kinds = self._contexts[order, context], self._kinds[order, context]
            told = (self._pairs[order, pair] + kinds * probability) / np.maximum(seen + kinds, 1e-9)
            probability = np.where(seen > 0, told, probability)
        found: FloatArray = -np.log10(np.clip(probability, 1e-12, 1.0))
        return found

    def learn(self, codes: Codes, before: Codes) -> None:
        for order in range(ORDERS + 1):
            context, pair = self._cells(codes, before, order)
            cells, first, counts = np.unique(pair, return_index=True, return_counts=True)
            fresh = self._pairs[order, cells] <= 0
            np.add.at(self._kinds[order], context[first[fresh]], 1.0)
            self._pairs[order, cells] += counts
            np.add.at(self._contexts[order], context, 1.0)
        self._events += len(codes)
        if self._events >= 2 * self._config.half_life:
            self._events /= 2
            for table in (self._pairs, self._contexts, self._kinds):
                table *= 0.5

    def _cells(self, codes: Codes, before: Codes, order: int) -> tuple[Codes, Codes]:
        context = np.full(len(codes), order + 1, np.uint64)
        with np.errstate(over="ignore"):
            for place in range(order):
                context = _mixed(context, before[:, place].astype(np.uint64))
            pair = _mixed(context, codes.astype(np.uint64) + np.uint64(1))
        mask = np.uint64(self._config.table - 1)
        return (context & mask).astype(np.int64), (pair & mask).astype(np.int64)

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """State for a checkpoint; not copied."""
        return {
            "pairs": self._pairs, "contexts": self._contexts, "kinds": self._kinds,
            "events": np.array([self._events]),
        }  # fmt: skip

    def load(self, arrays: dict[str, NDArray[np.generic]]) -> None:
        self._pairs, self._contexts, self._kinds = (
            np.array(arrays[name], np.float32) for name in ("pairs", "contexts", "kinds")
        )
        self._events = float(np.asarray(arrays["events"], np.float64)[0])


def _mixed(state: NDArray[np.uint64], value: NDArray[np.uint64]) -> NDArray[np.uint64]:
    mixed = (state ^ (value + np.uint64(0x7F4A7C15) + (state << np.uint64(6)))) * _MULTIPLIER
    return np.asarray(mixed ^ (mixed >> np.uint64(29)), np.uint64)


def contexts_of(codes: Codes, sessions: NDArray[np.int64]) -> Codes:
    """`before` of `surprise` for events sorted by session, shape (n, ORDERS)."""
    before = np.zeros((len(codes), ORDERS), np.int64)
    for back in range(1, ORDERS + 1):
        same = sessions[back:] == sessions[:-back]
        before[back:, back - 1] = np.where(same, codes[:-back], 0)
    return before

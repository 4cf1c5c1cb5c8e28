"""A service that logs nothing any more: how unlikely the gap is, by its rate and by the gaps it had before."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from heimdall.insight.conformal import FloatArray, Rows, TailBank
from heimdall.insight.history import History

_FEWEST_GAPS = 40.0
"""Arrivals after which gaps may be judged by those before."""
_SURE = 4.0
"""Evidence from which on a gap is no longer one of those that a service has when it is well."""
_FEW_OUTAGES = 2.5
"""Of so many, lately, none is learnt in full."""
_OUTAGES_HALF_LIFE = 40_320
"""Steps: a week."""
_LEAST = 1.0
"""Evidence by rate from which on the gaps before are looked up; less is told to nobody."""


@dataclass(frozen=True, slots=True)
class SilenceStep:
    gap: NDArray[np.int64]
    """Steps since the last record; 0 in a step with records."""
    due: FloatArray
    """Records that would have come in the gap."""
    evidence: FloatArray


class SilenceBank:
    """Gaps are learnt when they end, so a job that logs once a day is silent in between only on its first days. Of one
    that was sure to be an outage only as much is learnt as it took to be sure: it is no reason to wait longer for the
    next. What comes more than twice within a week or so is usual."""

    def __init__(self) -> None:
        self._gap = np.zeros(0, np.int64)
        self._due = np.zeros(0)
        self._sure = np.zeros(0, np.int64)
        """Steps of the gap that goes on when it was sure; 0 = it is not."""
        self._outages = np.zeros(0)
        """Gaps that were sure, lately."""
        self._tails = TailBank(1)

    def grow(self, rows: int) -> None:
        more = rows - len(self._gap)
        if more > 0:
            self._gap = np.concatenate([self._gap, np.zeros(more, np.int64)])
            self._due = np.concatenate([self._due, np.zeros(more)])
            self._sure = np.concatenate([self._sure, np.zeros(more, np.int64)])
            self._outages = np.concatenate([self._outages, np.zeros(more)])
        self._tails.grow(rows)

    def step(self, rows: Rows, records: FloatArray, usual: FloatArray, dispersion: FloatArray) -> SilenceStep:
        """`usual`: records expected in a step, by row."""
        back = records > 0
        if back.any():
            gap, sure = self._gap[rows[back]], self._sure[rows[back]]
            self._outages[rows[back]] += sure > 0
            rare = (sure > 0) & (self._outages[rows[back]] <= _FEW_OUTAGES)
            taken = np.where(rare, np.minimum(gap, sure), gap)
            self._tails.learn(rows[back], (taken + 1.0).astype(np.float64)[:, None])
        self._outages[rows] *= 0.5 ** (1 / _OUTAGES_HALF_LIFE)
        self._gap[rows] = np.where(back, 0, self._gap[rows] + 1)
        self._due[rows] = np.where(back, 0.0, self._due[rows] + usual)
        judged = self._judged(rows, self._gap[rows], self._gap[rows], self._due[rows], dispersion)
        now = (judged.evidence >= _SURE) & (self._sure[rows] == 0)
        self._sure[rows] = np.where(back, 0, np.where(now, judged.gap, self._sure[rows]))
        return judged

    def look(
        self, rows: Rows, records: FloatArray, usual: FloatArray, dispersion: FloatArray, part: float
    ) -> SilenceStep:
        """What `step` would say of a step of which `part` (0 to 1) has passed; nothing is learnt. `records` are all of
        those that have come."""
        back = records > 0
        gap = np.where(back, 0, self._gap[rows] + (part > 0))
        due = np.where(back, 0.0, self._due[rows] + part * usual)
        return self._judged(rows, gap, np.asarray(self._gap[rows] + part, np.float64), due, dispersion)

    def _judged(
        self, rows: Rows, gap: Rows, waited: FloatArray | Rows, due: FloatArray, dispersion: FloatArray
    ) -> SilenceStep:
        """`waited`: the gap in steps, the part of the newest that has passed included."""
        by_rate = due / np.maximum(dispersion, 1.0) / np.log(10)
        evidence = np.zeros(len(rows))
        absent = np.flatnonzero((gap >= 2) & (by_rate >= _LEAST))
        if len(absent):
            known = self._tails.learnt(rows[absent])[:, 0] >= _FEWEST_GAPS
            by_gaps = self._tails.evidence(rows[absent], (waited[absent] + 1.0).astype(np.float64)[:, None])[:, 0]
            evidence[absent] = np.where(known, np.minimum(by_rate[absent], by_gaps), 0.0)
        return SilenceStep(gap, due, evidence)

    def teach(self, past: History) -> None:
        """Learn the gaps of a stretch. What is still due in one that has not ended is for `step` to add up."""
        before = np.roll(past.times, 1)
        before[past.starts] = -self._gap[past.present]
        known = np.ones(len(before), np.bool_)
        # Nobody knows since when a service that was never seen had been silent.
        known[past.starts] = self._tails.learnt(past.present)[:, 0] > 0
        self._tails.teach(past.services[known], (past.times - before)[known].astype(np.float64)[:, None])
        self._gap += past.steps
        self._gap[past.present] = past.steps - past.times[past.starts + past.sizes - 1]
        self._due[:] = 0.0
        self._sure[:] = 0

    @property
    def gap(self) -> Rows:
        """Steps since the last record, by row."""
        return self._gap

    def pardon(self) -> None:
        """Nobody was heard of for a while: that says nothing about any one service."""
        self._gap[:] = 0
        self._due[:] = 0.0
        self._sure[:] = 0

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """State for a checkpoint; not copied."""
        state: dict[str, NDArray[np.generic]] = {
            "gap": self._gap, "due": self._due, "sure": self._sure, "outages": self._outages,
        }  # fmt: skip
        return state | {f"tails.{key}": value for key, value in self._tails.arrays().items()}

    def load(self, arrays: dict[str, NDArray[np.generic]]) -> None:
        self._gap, self._sure = np.array(arrays["gap"], np.int64), np.array(arrays["sure"], np.int64)
        self._due, self._outages = np.array(arrays["due"], np.float64), np.array(arrays["outages"], np.float64)
        self._tails.load(
            {key.removeprefix("tails."): value for key, value in arrays.items() if key.startswith("tails.")}
        )

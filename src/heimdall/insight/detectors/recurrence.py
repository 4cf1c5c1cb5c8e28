"""What a service logs only when something is wrong, told as soon as it comes again.

A message that came while its service was ill, and never when it was well, is a symptom. An occurrence is not known to
be either at once: it was one of a well service when nothing has come of it for some minutes. How rarely a symptom comes
without trouble is learnt from those that did, of all services of a tenant together where one has little past of its
own; two symptoms within minutes are judged together.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from heimdall.insight.conformal import FloatArray, Rows

_PROVING_STEPS = 20
"""Steps after which an occurrence that led to nothing was one of a well service: five minutes."""
_OFTEN = 3
"""Steps of one trouble in which a message has to occur to be its symptom, unless it is a warning or an error."""
_RECENT = 0.9
"""Weight of a service's earlier symptoms a step later, in their recent count: about the last two minutes."""
_POOLED_STEPS = 2_880.0
"""Steps of its own at which a service's rate counts as much as that of all services: half a day."""
_QUIET, _ILL, _SYMPTOM = 0, 1, 2
"""What an occurrence that waits has met so far."""


class RecurrenceBank:
    """State: 40 B a pair of service and template. Pairs are places that the caller gives out."""

    def __init__(self, pairs: int) -> None:
        self._calm = np.zeros(pairs)
        """Steps in which it occurred and nothing came of it."""
        self._troubles = np.zeros(pairs, np.int32)
        """Times it was a symptom."""
        self._last = np.zeros(pairs, np.int64)
        """Step in which it was one last."""
        self._waiting = np.zeros(pairs, np.int32)
        """Steps in which it occurred, of which it is not known yet what comes of them."""
        self._since = np.zeros(pairs, np.int64)
        """The first of them; `_newest`: the last."""
        self._newest = np.zeros(pairs, np.int64)
        self._met = np.zeros(pairs, np.int8)
        self._grave = np.zeros(pairs, np.bool_)
        self._owner = np.zeros(pairs, np.int64)
        self._nothing = np.zeros(0)
        """By service: symptoms that nothing came of."""
        self._steps = np.zeros(0)
        self._recent = np.zeros(0)
        self._recent_step = np.zeros(0, np.int64)

    def grow(self, services: int) -> None:
        more = services - len(self._steps)
        if more > 0:
            self._nothing, self._steps, self._recent = (
                np.concatenate([each, np.zeros(more)]) for each in (self._nothing, self._steps, self._recent)
            )
            self._recent_step = np.concatenate([self._recent_step, np.zeros(more, np.int64)])

    def begin(self, pairs: Rows, services: Rows) -> None:
        """These places are those of other pairs from now on."""
        self._calm[pairs] = 0.0
        self._troubles[pairs] = self._waiting[pairs] = self._met[pairs] = 0
        self._grave[pairs] = False
        self._owner[pairs] = services

    def last(self, pair: int) -> int:
        """The step in which it was a symptom last."""
        return int(self._last[pair])

    def evidence(self, services: Rows, pairs: Rows, step: int) -> FloatArray:
        """Of each pair, which occurs in this step; 0 for what is no symptom."""
        symptom = self._are_symptoms(pairs)
        if not symptom.any():
            return np.zeros(len(pairs))
        steps = np.maximum(self._steps[services], 1.0)
        pool = (self._nothing.sum() + 0.5) / max(self._steps.sum(), 1.0)
        rate = (self._nothing[services] + _POOLED_STEPS * pool) / (steps + _POOLED_STEPS)
        # Never rarer than once more in all the time watched so far.
        single = -np.log10(-np.expm1(-np.maximum(rate, (self._nothing[services] + 1.0) / steps)))
        recent = self._recent * _RECENT ** np.maximum(step - self._recent_step, 0)
        fresh = symptom & (self._waiting[pairs] == 0)
        np.add.at(recent, services[fresh], 1.0)
        # Of a second one, given the first: what is due of the window that both lie in.
        several = np.where(recent[services] > 1.2, -2 * np.log10(rate / (1 - _RECENT)) - np.log10(2), 0.0)
        return np.where(symptom, np.maximum(np.maximum(single, several), 0.0), 0.0)

    def step(self, services: Rows, pairs: Rows, grave: NDArray[np.bool_], step: int) -> None:
        """These pairs, each once, occurred. `grave`: as warnings or errors."""
        fresh = self._waiting[pairs] == 0
        symptom = fresh & self._are_symptoms(pairs)
        told = np.unique(services[symptom])
        self._recent[told] *= _RECENT ** np.maximum(step - self._recent_step[told], 0)
        self._recent_step[told] = step
        np.add.at(self._recent, services[symptom], 1.0)
        self._since[pairs[fresh]] = step
        self._newest[pairs] = step
        self._waiting[pairs] += 1
        self._grave[pairs] |= grave

    def passed(self, step: int, ill: NDArray[np.bool_]) -> None:
        """A step has passed. `ill`: by row of all services, those in trouble that is certain."""
        self._steps += 1.0
        waiting = np.flatnonzero(self._waiting)
        in_trouble = ill[self._owner[waiting]]
        met = waiting[in_trouble & (self._met[waiting] < _SYMPTOM)]
        self._met[met] = _ILL
        shown = met[self._grave[met] | (self._waiting[met] >= _OFTEN)]
        self._met[shown] = _SYMPTOM
        self._troubles[shown] += 1
        known = waiting[self._met[waiting] == _SYMPTOM]
        self._last[known] = self._newest[known]
        over = waiting[~in_trouble & (step - self._since[waiting] >= _PROVING_STEPS)]
        calm = over[self._met[over] == _QUIET]
        np.add.at(self._nothing, self._owner[calm[self._are_symptoms(calm)]], 1.0)
        self._calm[calm] += self._waiting[calm]
        self._waiting[over] = self._met[over] = 0

    def teach(self, pairs: Rows) -> None:
        """These occurred in a stretch of which nobody judged what came of it: they are no symptoms."""
        self._calm[pairs] += 1.0

    def _are_symptoms(self, pairs: Rows) -> NDArray[np.bool_]:
        return np.asarray((self._troubles[pairs] > 0) & (self._calm[pairs] <= 0), np.bool_)

    def by_pair(self) -> tuple[tuple[str, NDArray[np.generic]], ...]:
        """Tables of pairs, for the checkpoint of who gives out their places."""
        return (
            ("calm", self._calm), ("troubles", self._troubles), ("trouble_last", self._last),
            ("waiting_steps", self._waiting), ("waiting_since", self._since), ("waiting_newest", self._newest),
            ("met", self._met), ("grave", self._grave), ("owner", self._owner),
        )  # fmt: skip

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """The rest of the state; not copied."""
        return {
            "nothing": self._nothing, "watched": self._steps, "recent_symptoms": self._recent,
            "recent_step": self._recent_step,
        }  # fmt: skip

    def load(self, arrays: dict[str, NDArray[np.generic]]) -> None:
        self._nothing, self._steps, self._recent = (
            np.array(arrays[name], np.float64) for name in ("nothing", "watched", "recent_symptoms")
        )
        self._recent_step = np.array(arrays["recent_step"], np.int64)

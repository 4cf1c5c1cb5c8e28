"""Counts per step (records, errors, warnings, …) against what they usually are: Poisson with a gamma-distributed rate.

A series' rate has a gamma posterior that forgets, so its predictive distribution is negative binomial: broad while
little is known, narrower with every step, which is why it may speak after minutes. Real counts scatter more than
Poisson ones; their dispersion is measured and divided out (quasi-likelihood). Evidence is the Chernoff bound of the
tail, -log10: never smaller p than the model gives. Each step is judged alone, as the newest minute and as the newest
five minutes: few records a step make a sure minute when they go on.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from heimdall.insight.conformal import FloatArray, Rows
from heimdall.insight.history import History, kernel


@dataclass(frozen=True, slots=True, kw_only=True)
class CountConfig:
    memory_steps: float = 240.0
    """Steps until what was counted weighs 1/e. Larger: steadier bands that follow a daily rhythm less closely."""
    prior: float = 0.5
    """Events that are taken to have been seen before the first step: a zero is never certain to stay one."""


@dataclass(frozen=True, slots=True)
class CountStep:
    """Shapes (rows, features)."""

    upper: FloatArray
    """Evidence of too many."""
    lower: FloatArray
    """Evidence of too few."""
    window: NDArray[np.int64]
    """Steps of the window that says most; the following three are sums over it."""
    observed: FloatArray
    expected: FloatArray
    spread: FloatArray
    """Standard deviation of the predictive distribution, dispersion included."""


WINDOWS = (1, 4, 20)
"""Steps that are judged together."""


class CountBank:
    """State: 350 B per row and feature."""

    def __init__(self, features: int, config: CountConfig | None = None) -> None:
        self._config = config or CountConfig()
        self._features = features
        self._events = np.zeros((0, features))
        self._exposure = np.zeros((0, features))
        self._dispersion = np.ones((0, features))
        self._seen = np.zeros((max(WINDOWS), 0, features))
        self._due = np.zeros((max(WINDOWS), 0, features))

    def grow(self, rows: int) -> None:
        more = rows - len(self._events)
        if more > 0:
            empty = np.zeros((more, self._features))
            self._events = np.concatenate([self._events, empty])
            self._exposure = np.concatenate([self._exposure, empty])
            self._dispersion = np.concatenate([self._dispersion, empty + 1.0])
            older = np.zeros((max(WINDOWS), more, self._features))
            self._seen = np.concatenate([self._seen, older], axis=1)
            self._due = np.concatenate([self._due, older], axis=1)

    def step(
        self, rows: Rows, counts: FloatArray, exposure: FloatArray, *, learn: FloatArray | None = None,
        pace: FloatArray | None = None,
    ) -> CountStep:  # fmt: skip
        """Judge one step's counts, then learn from them; rows are distinct.

        `exposure`: what the counts are in proportion to, by feature (1 for a count a step, the number of records for
        a share of them). `learn` (0 or 1 a row) leaves rows unlearnt. `pace` (by row, 1 by default): how much of a step
        passes for what is forgotten; less where little is exposed, so that what is known outlasts a quiet time.
        """
        shape, mean, dispersion = self._predicted(rows, exposure)
        variance = mean + mean**2 / shape
        spread = np.sqrt(variance * dispersion)
        watched = self._exposure[rows] > 0
        result = self.look(rows, counts, exposure)
        for ring, newest in ((self._seen, counts), (self._due, mean)):
            ring[:-1, rows] = ring[1:, rows]
            ring[-1, rows] = np.where(watched, newest, 0.0)
        # What is far outside the band moves it by no more than the band's own width: an incident is not normal
        # because it lasts, and a level that stays is normal after an hour.
        taken = np.where(watched, np.minimum(counts, mean + 3 * spread + 1), counts)
        self._learn(
            rows, taken, exposure, np.where(watched, (taken - mean) ** 2 / np.maximum(variance, 0.05), 1.0), learn, pace
        )
        return result

    def look(self, rows: Rows, counts: FloatArray, exposure: FloatArray) -> CountStep:
        """Judge counts as those of the newest step; nothing is learnt, and no time has passed."""
        shape, mean, dispersion = self._predicted(rows, exposure)
        watched = self._exposure[rows] > 0
        newest = (np.where(watched, counts, 0.0), np.where(watched, mean, 0.0))
        return self._windows(rows, shape, dispersion, newest)

    def _predicted(self, rows: Rows, exposure: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """(shape, mean, dispersion) of what is expected of this exposure."""
        shape = self._events[rows] + self._config.prior
        # No exposure of its own for the prior: it would say of every rate that it is lower than it was, and a service's
        # first minutes together would be far too many.
        rate = shape / np.maximum(self._exposure[rows], 1.0)
        return shape, rate * exposure, self._dispersion[rows]

    def _windows(
        self, rows: Rows, shape: FloatArray, dispersion: FloatArray, newest: tuple[FloatArray, FloatArray]
    ) -> CountStep:
        """The window that says most, for each row and feature; all of them end with the `newest` (counts, due)."""
        sums = [
            tuple(
                own + ring[len(ring) + 1 - window :, rows].sum(axis=0)
                for own, ring in zip(newest, (self._seen, self._due), strict=True)
            )
            for window in WINDOWS
        ]
        found = np.stack([_deviance(seen, due, shape) / dispersion / np.log(10) for seen, due in sums])
        best = found.argmax(axis=0)[None]
        seen, due = (np.take_along_axis(np.stack(part), best, 0)[0] for part in zip(*sums, strict=True))
        # Three looks at once find something three times as often.
        evidence = np.maximum(np.take_along_axis(found, best, 0)[0] - np.log10(len(WINDOWS)), 0.0)
        spread = np.sqrt((due + due**2 / shape) * dispersion)
        window = np.array(WINDOWS)[best[0]]
        return CountStep(
            np.where(seen > due, evidence, 0.0), np.where(seen < due, evidence, 0.0), window, seen, due, spread
        )

    def teach(self, past: History, counts: FloatArray, exposure: FloatArray) -> None:
        """Learn from a stretch; `counts` and `exposure` as of `step`, a row for each of the stretch's."""
        config, rows = self._config, past.present
        # A service that is silent is learnt from for one step more, as the watch does.
        last = past.starts + past.sizes - 1
        following = np.append(past.times[1:], 0)
        following[last] = past.steps + 1
        silent = (following > past.times + 1).astype(np.int64)
        ago = past.until_end(1 + silent)
        still = kernel(config.memory_steps, ago) * silent  # of the silent step
        weight = kernel(config.memory_steps, ago + silent)[:, None]
        alone = np.arange(self._features) == 0  # only what is counted by step has exposure in a silent one
        old = kernel(config.memory_steps, past.total(1 + silent))[:, None]
        exposed = self._exposure[rows] * old + past.total(weight * exposure + still[:, None] * alone)
        dispersion = self._dispersion[rows]
        # What the whole stretch says is usual bounds what a step may teach; what it was lately, its scatter.
        whole = (self._events[rows] + past.total(counts) + config.prior) / (
            self._exposure[rows] + past.total(exposure + silent[:, None] * alone) + 1.0
        )
        shape = self._events[rows] * old + past.total(weight * counts) + config.prior
        mean, variance = _expected(whole[past.places], exposure, shape[past.places])
        taken = np.minimum(counts, mean + 3 * np.sqrt(variance * dispersion[past.places]) + 1)
        events = self._events[rows] * old + past.total(weight * taken)
        lately = (events + config.prior) / (exposed + 1.0)
        mean, variance = _expected(lately[past.places], exposure, (events + config.prior)[past.places])
        scatter = np.minimum((taken - mean) ** 2 / np.maximum(variance, 0.05), 25.0)
        quiet = np.minimum(mean**2 / np.maximum(variance, 0.05), 25.0) * alone
        scattered = past.total(weight * scatter + still[:, None] * quiet) / config.memory_steps
        self._events[rows], self._exposure[rows] = events, exposed
        self._dispersion[rows] = np.maximum(dispersion * old + scattered, 1.0)
        self._seen[:] = 0.0
        self._due[:] = 0.0

    def rescale(self, factors: FloatArray) -> None:
        """Exposure has another unit from now on: what was learnt, by row, in units of it."""
        self._exposure *= factors[:, None]

    def usual(self, rows: Rows, feature: int) -> FloatArray:
        """What is expected of one exposure, by row; 0 where nothing is known."""
        known = self._exposure[rows, feature]
        return np.where(known > 0, self._events[rows, feature] / np.maximum(known, 1e-9), 0.0)

    def dispersion(self, rows: Rows, feature: int) -> FloatArray:
        return np.asarray(self._dispersion[rows, feature], np.float64)

    def _learn(
        self, rows: Rows, counts: FloatArray, exposure: FloatArray, scatter: FloatArray, learn: FloatArray | None,
        pace: FloatArray | None,
    ) -> None:  # fmt: skip
        weight = np.ones(len(rows))[:, None] if learn is None else learn[:, None]
        keep = 1 - weight * (1.0 if pace is None else pace[:, None]) / self._config.memory_steps
        self._events[rows] = self._events[rows] * keep + counts * weight
        self._exposure[rows] = self._exposure[rows] * keep + exposure * weight
        blend = weight / self._config.memory_steps
        scattered = self._dispersion[rows] * (1 - blend) + np.minimum(scatter, 25.0) * blend
        self._dispersion[rows] = np.maximum(scattered, 1.0)

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """State for a checkpoint; not copied."""
        return {
            "events": self._events, "exposure": self._exposure, "dispersion": self._dispersion,
            "recent_seen": self._seen, "recent_due": self._due,
        }  # fmt: skip

    def load(self, arrays: dict[str, NDArray[np.generic]]) -> None:
        self._events, self._exposure, self._dispersion = (
            np.array(arrays[name], np.float64) for name in ("events", "exposure", "dispersion")
        )
        self._seen, self._due = (np.array(arrays[name], np.float64) for name in ("recent_seen", "recent_due"))


def _expected(rate: FloatArray, exposure: FloatArray, shape: FloatArray) -> tuple[FloatArray, FloatArray]:
    """(mean, variance) of the negative binomial distribution at these rates."""
    mean = rate * exposure
    return mean, mean + mean**2 / shape


def _deviance(counts: FloatArray, mean: FloatArray, shape: FloatArray) -> FloatArray:
    """Rate function of the negative binomial distribution: -ln of the Chernoff bound of P(as far off or farther)."""
    mean = np.maximum(mean, 1e-9)
    own = np.where(counts > 0, counts * np.log(np.maximum(counts, 1e-9) / mean), 0.0)
    rest: FloatArray = own - (counts + shape) * np.log((counts + shape) / (mean + shape))
    return np.maximum(rest, 0.0)

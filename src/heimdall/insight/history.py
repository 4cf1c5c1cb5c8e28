"""Many steps at once: what detectors learn from history that nobody wants judged.

A detector's `teach` leaves it as if it had seen each step in turn, nearly: its forgetting sums are computed in closed
form, over all services and steps together, and what is clipped step by step in `step` is clipped by what the whole
stretch says is usual.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from heimdall.insight.conformal import FloatArray, Rows
from heimdall.insight.step import PairCounts


@dataclass(frozen=True, slots=True)
class History:
    """A stretch of time by service and step, as far as they have records: rows sorted by service, then time."""

    services: Rows
    times: Rows
    """Steps since before the stretch: 1 … `steps`. A pause of all senders counts as one."""
    steps: int
    columns: FloatArray
    """Shape (len(COLUMNS), rows), as in `PairCounts`, over all templates."""
    starts: Rows
    """Where each service's rows start."""
    places: Rows
    """Which of the services a row is about: an index into `starts`."""
    pair_times: Rows
    """Of each row of the pairs it is made of."""

    @property
    def present(self) -> Rows:
        """Services with records, in the order of `starts`."""
        return self.services[self.starts]

    @property
    def sizes(self) -> Rows:
        """Rows of each of them."""
        return np.diff(self.starts, append=len(self.services))

    def total(self, values: FloatArray | Rows) -> FloatArray:
        """Sums by service of values, shape (rows, …)."""
        return np.asarray(np.add.reduceat(values, self.starts, axis=0), np.float64)

    def until_end(self, steps: Rows) -> Rows:
        """Steps that follow each row's own in its service, when a row stands for so many of them."""
        done = np.cumsum(steps)
        return np.asarray(done[self.starts + self.sizes - 1][self.places] - done, np.int64)

    def seen_before(self, services: Rows, times: Rows) -> Rows:
        """How many steps with records a service had in the stretch before each of these times."""
        keys = self.services * (self.steps + 2) + self.times
        at = np.searchsorted(keys, services * (self.steps + 2) + times)
        first = np.searchsorted(keys, services * (self.steps + 2))
        return np.asarray(at - first, np.int64)


def history(pairs: PairCounts, after_step: int, longest_pause: int) -> History:
    """Of pairs, at least one, all later than `after_step` (-1: nothing came before)."""
    fresh = np.ones(len(pairs), np.bool_)
    fresh[1:] = (np.diff(pairs.steps) != 0) | (np.diff(pairs.services) != 0)
    first = np.flatnonzero(fresh)
    steps, services = pairs.steps[first], pairs.services[first]
    apart = np.diff(steps, prepend=steps[0] - 1 if after_step < 0 else after_step)
    times = np.cumsum(np.where(apart > longest_pause + 1, 1, apart))
    order = np.argsort(services, kind="stable")
    columns = np.add.reduceat(pairs.columns, first, axis=1)[:, order]
    own = services[order]
    starts = np.flatnonzero(np.diff(own, prepend=-1))
    sizes = np.diff(starts, append=len(own))
    return History(
        own, times[order], int(times[-1]), columns, starts, np.repeat(np.arange(len(starts)), sizes),
        np.repeat(times, np.diff(first, append=len(pairs))),
    )  # fmt: skip


def kernel(memory_steps: float, ago: Rows | NDArray[np.float64]) -> FloatArray:
    """What is left of a step after so many further ones."""
    return np.asarray(np.exp(np.log1p(-1 / memory_steps) * ago), np.float64)

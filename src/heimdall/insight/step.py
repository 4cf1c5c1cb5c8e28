"""What the services of one tenant logged in a step of time, or in many, as columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from heimdall.insight.conformal import FloatArray, Rows

STEP_S = 15
"""Seconds of a step. Larger: calmer counts, later findings."""
STEP_NS = STEP_S * 10**9
STEPS_PER_DAY = 86_400 // STEP_S

_Number = TypeVar("_Number", np.int64, np.uint64)

COLUMNS = ("records", "errors", "warnings", "duration_sum", "durations", "odd")
"""Numbers of a pair, all of which add up."""


@dataclass(frozen=True, slots=True)
class StepCounts:
    """Pairs of service and template, each once; arrays have their order. Services are rows of the tenant's watch."""

    step: int
    """Number of the step since 1970."""
    services: Rows
    templates: NDArray[np.uint64]
    records: FloatArray
    errors: FloatArray
    warnings: FloatArray
    duration_sum: FloatArray
    """Of ln(1 + duration_ms), over records that have one."""
    durations: FloatArray
    """How many have one."""
    odd: FloatArray
    """Records that no longer context predicts: surprising in the order of their session."""

    @classmethod
    def of(cls, step: int, services: Rows, templates: NDArray[np.uint64], columns: Sequence[FloatArray]) -> StepCounts:
        """From the counts in the order of `COLUMNS`."""
        records, errors, warnings, duration_sum, durations, odd = columns
        return cls(step, services, templates, records, errors, warnings, duration_sum, durations, odd)

    def by_service(self, values: FloatArray, services: int) -> FloatArray:
        return np.bincount(self.services, weights=values, minlength=services).astype(np.float64)


@dataclass(frozen=True, slots=True)
class PairCounts:
    """The same of many steps: rows in order of step, service and template, each once."""

    steps: Rows
    services: Rows
    templates: NDArray[np.uint64]
    columns: FloatArray
    """Shape (len(COLUMNS), rows)."""

    def __len__(self) -> int:
        return len(self.steps)

    def part(self, start: int, end: int) -> PairCounts:
        """Rows `start` … `end` - 1; not copied."""
        own = slice(start, end)
        return PairCounts(self.steps[own], self.services[own], self.templates[own], self.columns[:, own])

    def at(self, step: int) -> StepCounts:
        """All of it, which is of this one step."""
        return StepCounts.of(step, self.services, self.templates, list(self.columns))


def joined(parts: Sequence[PairCounts]) -> PairCounts:
    """Several as one; what several have of a row is added up."""
    if len(parts) == 1:
        return parts[0]
    if not parts:
        return PairCounts(
            np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.uint64), np.zeros((len(COLUMNS), 0))
        )
    steps, services = (np.concatenate([getattr(part, name) for part in parts]) for name in ("steps", "services"))
    templates = np.concatenate([part.templates for part in parts])
    columns = np.concatenate([part.columns for part in parts], axis=1)
    # One number a row: steps and services are few enough, templates are their places among those that occur.
    names, _, names_at = distinct_of(templates)
    keys = ((steps - steps.min()) * (int(services.max()) + 1) + services) * len(names) + names_at
    order = np.argsort(keys, kind="stable")
    first = np.flatnonzero(np.diff(keys[order], prepend=-1))
    kept = order[first]
    summed = np.add.reduceat(columns[:, order], first, axis=1)
    return PairCounts(steps[kept], services[kept], templates[kept], summed)


def empty(step: int) -> StepCounts:
    """A step in which nobody logged anything."""
    nothing = np.zeros(0)
    return StepCounts(
        step, np.zeros(0, np.int64), np.zeros(0, np.uint64), nothing, nothing, nothing, nothing, nothing, nothing
    )


def distinct_of(values: NDArray[_Number]) -> tuple[NDArray[_Number], Rows, Rows]:
    """(distinct values in order, where each occurs first, which one each value is): `numpy.unique` by hashing, a
    quarter of the time where few are distinct."""
    encoded = pa.array(values).dictionary_encode()
    found = encoded.dictionary.to_numpy()
    order = np.argsort(found)
    codes = encoded.indices.to_numpy()
    first = np.zeros(len(found), np.int64)
    first[codes[::-1]] = np.arange(len(codes) - 1, -1, -1)
    rank = np.empty(len(found), np.int64)
    rank[order] = np.arange(len(found))
    return found[order], first[order], rank[codes]

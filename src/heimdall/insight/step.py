"""What the services of one tenant logged in one step of time, as columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from heimdall.insight.conformal import FloatArray, Rows

STEP_S = 15
"""Seconds of a step. Larger: calmer counts, later findings."""
STEP_NS = STEP_S * 10**9
STEPS_PER_DAY = 86_400 // STEP_S

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
    """Records that no longer context predicts: surprising in the order of their trace."""

    @classmethod
    def of(cls, step: int, services: Rows, templates: NDArray[np.uint64], columns: Sequence[FloatArray]) -> StepCounts:
        """From the counts in the order of `COLUMNS`."""
        records, errors, warnings, duration_sum, durations, odd = columns
        return cls(step, services, templates, records, errors, warnings, duration_sum, durations, odd)

    def by_service(self, values: FloatArray, services: int) -> FloatArray:
        return np.bincount(self.services, weights=values, minlength=services).astype(np.float64)


def merged(step: int, parts: Sequence[StepCounts]) -> StepCounts:
    """Several pieces of one step as one."""
    if len(parts) == 1:
        return parts[0]
    services = np.concatenate([part.services for part in parts])
    templates = np.concatenate([part.templates for part in parts])
    keys = services.astype(np.uint64) << np.uint64(53) | templates  # template ids are below 2**53
    distinct, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
    inverse = inverse.ravel()

    def total(name: str) -> FloatArray:
        weights = np.concatenate([getattr(part, name) for part in parts])
        return np.bincount(inverse, weights=weights, minlength=len(distinct)).astype(np.float64)

    columns = [total(name) for name in COLUMNS]
    return StepCounts.of(step, services[first], templates[first], columns)


def empty(step: int) -> StepCounts:
    """A step in which nobody logged anything."""
    nothing = np.zeros(0)
    return StepCounts(
        step, np.zeros(0, np.int64), np.zeros(0, np.uint64), nothing, nothing, nothing, nothing, nothing, nothing
    )

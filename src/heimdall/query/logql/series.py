"""Series of numbers: labels and, for each step of a question, a value or none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from heimdall.errors import InvalidInput

Labels = tuple[tuple[str, str], ...]
"""Sorted by name; no value is empty."""

Floats = npt.NDArray[np.float64]
Marks = npt.NDArray[np.bool_]

MAX_SERIES = 500
"""Series of one answer, as Loki's `max_query_series`."""

MAX_INNER_SERIES = 20_000
"""Series inside an expression, before they are aggregated."""


@dataclass(frozen=True, slots=True)
class Steps:
    """The moments a question is answered for, ns since 1970: `start_ns`, `start_ns + step_ns`, … `count` of them."""

    start_ns: int
    step_ns: int
    count: int

    @property
    def times_ns(self) -> npt.NDArray[np.int64]:
        return self.start_ns + np.arange(self.count, dtype=np.int64) * self.step_ns

    @property
    def end_ns(self) -> int:
        return self.start_ns + (self.count - 1) * self.step_ns


@dataclass(frozen=True, slots=True)
class Matrix:
    """`values[i, j]` is the value of series i at step j, where `present[i, j]`."""

    labels: tuple[Labels, ...]
    values: Floats
    present: Marks

    @classmethod
    def empty(cls, steps: int) -> Matrix:
        return cls((), np.zeros((0, steps)), np.zeros((0, steps), dtype=bool))

    def living(self) -> Matrix:
        """Without series that have no value anywhere."""
        alive: Marks = np.any(self.present, axis=1)
        if bool(np.all(alive)):
            return self
        labels = tuple(each for each, keep in zip(self.labels, alive.tolist(), strict=True) if keep)
        return Matrix(labels, self.values[alive], self.present[alive])


def labels_from(pairs: Mapping[str, str]) -> Labels:
    return tuple(sorted((name, value) for name, value in pairs.items() if value))


def check_series(count: int, most: int = MAX_SERIES) -> None:
    """
    Raises:
        InvalidInput: in Loki's words, too many series.
    """
    if count > most:
        raise InvalidInput(f"maximum of series ({most}) reached for a single query")

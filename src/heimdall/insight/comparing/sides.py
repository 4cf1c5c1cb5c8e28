"""The two sides of a comparison, and their counts as arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from heimdall.insight.conformal import FloatArray
from heimdall.insight.significance import Counted
from heimdall.query.asking import Asking, Window
from heimdall.query.ast import Predicate
from heimdall.query.histogram import readable_step_ns

STEPS = 60
"""Steps the baseline is cut into about: enough to see bursts of a minute in an hour."""
MOST_STEPS = 1_200
"""Steps of the longer side at most, which with ten thousand templates takes 100 MB."""


@dataclass(frozen=True, slots=True)
class Side:
    search: Predicate
    window: Window


@dataclass(frozen=True, slots=True)
class Pair:
    """`now` is what is asked about, `before` what it is held against."""

    now: Side
    before: Side

    @property
    def step_ns(self) -> int:
        longest_ns = max(self.before.window.length_ns, self.now.window.length_ns * STEPS // MOST_STEPS)
        return readable_step_ns(max(longest_ns, STEPS), STEPS)


def exposure(window: Window, step_ns: int) -> tuple[range, FloatArray]:
    """(numbers of the steps a window touches, share of each that lies in it)."""
    steps = range(window.start_ns // step_ns, -(-window.end_ns // step_ns))
    starts = np.arange(steps.start, steps.stop, dtype=np.float64) * step_ns - window.start_ns
    inside = np.minimum(starts + step_ns, window.length_ns) - np.maximum(starts, 0.0)
    return steps, np.maximum(inside, 1.0) / step_ns


def matrix(frame: pl.DataFrame, things: list[str | None] | list[int], window: Window, step_ns: int) -> Counted:
    """Counts of `things` by step; `frame` has the columns `step`, `value`, `count`."""
    steps, exposed = exposure(window, step_ns)
    counts = np.zeros((len(things), len(steps)))
    places = pl.DataFrame(
        {"value": things, "place": range(len(things))}, schema_overrides={"value": frame["value"].dtype}
    )
    placed = frame.join(places, on="value", nulls_equal=True)
    columns = placed["step"].to_numpy() - steps.start
    inside = (columns >= 0) & (columns < len(steps))
    np.add.at(counts, (placed["place"].to_numpy()[inside], columns[inside]), placed["count"].to_numpy()[inside])
    return Counted(counts, exposed)


def counts_of(asking: Asking, side: Side, step_ns: int, by: str) -> pl.DataFrame:
    return asking.counts(side.search, side.window, step_ns, by)

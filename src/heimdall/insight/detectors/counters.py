"""Counters that only rise until they begin anew: what is odd about one is its increases, and beginning anew is not."""

from __future__ import annotations

import numpy as np

from heimdall.insight.conformal import FloatArray

_FEWEST = 20
"""Values below which nothing is called a counter."""
_RISING = 0.5
"""Share of steps in which a counter rises at least."""
_RESETS = 0.02
"""Share of steps in which it may begin anew."""
_FIRST = 3.0
"""A counter that begins anew has at most so many times its largest increase."""
_HEIGHT = 20.0
"""Median increases that it reaches at least: fewer are noise about a level."""


def increases(values: FloatArray) -> FloatArray | None:
    """By how much a counter rose up to each value; None where the series, in order of time, is no counter that began
    anew. After a reset that is the value itself, as Prometheus' `increase` has it; the first one is not known (NaN),
    nor are those of values that are not numbers.
    """
    known = np.flatnonzero(np.isfinite(values))
    own = values[known]
    if len(own) < _FEWEST or own.min() < 0:
        return None
    steps = np.diff(own)
    falls = steps < 0
    rises = steps[~falls]
    if not falls.any() or falls.mean() > _RESETS or (steps > 0).mean() < _RISING:
        return None
    if own[1:][falls].max() > _FIRST * rises.max() or own.max() < _HEIGHT * np.median(rises):
        return None
    rose = np.full(len(values), np.nan)
    rose[known[1:]] = np.where(falls, own[1:], steps)
    return rose

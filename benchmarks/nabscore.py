"""Scores of anomaly detectors on labelled series: that of the Numenta Anomaly Benchmark, and VUS-PR.

NAB (Lavin and Ahmad, ICMLA 2015, and the benchmark's published scorer): a detection inside a labelled window earns
more the earlier it is, only the best of a window counts, one outside costs more the farther it is behind the last
window, a window without any costs a miss. A series begins with a probation in which nothing counts. The sum over all
series is scaled so that detecting nothing is 0 and the earliest point of every window and nothing else is 100.

VUS-PR (Paparrizos et al., PVLDB 15, 2022): area under precision and recall, averaged over buffers of growing length
around the labelled ranges. It needs no threshold.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
PROBATION_SHARE = 0.15
PROBATION_POINTS = 5_000
"""A series longer than this has the probation of one that long."""


@dataclass(frozen=True)
class Profile:
    tp: float
    fn: float
    fp: float


@dataclass(frozen=True)
class Labelled:
    name: str
    times_s: NDArray[np.int64]
    values: FloatArray
    windows: Sequence[tuple[int, int]]
    """First and last point of each labelled window, in order."""

    @property
    def probation(self) -> int:
        return min(int(PROBATION_SHARE * len(self.values)), int(PROBATION_SHARE * PROBATION_POINTS))


def nab_score(series: Sequence[Labelled], detections: Sequence[BoolArray], profile: Profile) -> float:
    windows = sum(len(one.windows) for one in series)
    raw = sum(_raw_score(one, found, profile) for one, found in zip(series, detections, strict=True))
    worst = -profile.fn * windows
    return 100 * (raw - worst) / (profile.tp * windows - worst)


def false_detections(one: Labelled, found: BoolArray) -> int:
    """Detections after the probation and outside every window."""
    inside = np.zeros(len(found), bool)
    for first, last in one.windows:
        inside[first : last + 1] = True
    return int((found & ~inside)[one.probation :].sum())


def _raw_score(one: Labelled, found: BoolArray, profile: Profile) -> float:
    value, window = _positions(one)
    counted = found.copy()
    counted[: one.probation] = False
    score = profile.fp * float(value[counted & (window < 0)].sum())
    for number in range(len(one.windows)):
        hits = value[counted & (window == number)]
        score += profile.tp * float(hits.max()) if len(hits) else -profile.fn
    return score


def _positions(one: Labelled) -> tuple[FloatArray, NDArray[np.int64]]:
    """What a detection at each point is worth before weights, and the window it is in (-1: none)."""
    points = np.arange(len(one.values))
    value = np.full(len(points), -1.0)
    window = np.full(len(points), -1)
    ends = [*(first for first, _ in one.windows[1:]), len(points)]
    for number, ((first, last), until) in enumerate(zip(one.windows, ends, strict=False)):
        width = last - first + 1
        inside, behind = points[first : last + 1], points[last + 1 : until]
        value[inside] = _sigmoid(-(last - inside + 1) / width) / _sigmoid(np.array(-1.0))
        value[behind] = _sigmoid((behind - last) / max(width - 1, 1))
        window[inside] = number
    return value, window


def _sigmoid(place: FloatArray) -> FloatArray:
    """1 at the beginning of a window (-1), 0 at its end (0), -1 far behind it."""
    return np.where(place > 3.0, -1.0, 2.0 / (1.0 + np.exp(5.0 * np.minimum(place, 4.0))) - 1.0)


def vus_pr(label: BoolArray, score: FloatArray, *, longest: int = 100, step: int = 10, thresholds: int = 250) -> float:
    """Volume under the precision-recall surface over buffers 0, `step`, … `longest` points."""
    ordered = np.sort(score)[::-1]
    marks = ordered[np.linspace(0, len(score) - 1, thresholds).astype(int)]
    areas = []
    for buffer in range(0, longest + 1, step):
        soft = _soften(label, buffer)
        areas.append(_range_area(label, soft, score, marks))
    return float(np.mean(areas))


def _ranges(positive: BoolArray) -> list[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.r_[False, positive, False].astype(int)))
    return list(zip(edges[::2].tolist(), (edges[1::2] - 1).tolist(), strict=True))


def _soften(label: BoolArray, buffer: int) -> FloatArray:
    soft = label.astype(float)
    for first, last in _ranges(label):
        after = np.arange(last + 1, min(last + buffer // 2 + 1, len(label)))
        before = np.arange(max(first - buffer // 2, 0), first)
        soft[after] += np.sqrt(1 - (after - last) / max(buffer, 1))
        soft[before] += np.sqrt(1 - (first - before) / max(buffer, 1))
    return np.minimum(soft, 1.0)


def _range_area(label: BoolArray, soft: FloatArray, score: FloatArray, marks: FloatArray) -> float:
    positives = (label.sum() + soft.sum()) / 2
    ranges = _ranges(soft > 0)
    recalls, precisions = [0.0], [1.0]
    for mark in marks:
        predicted = score >= mark
        hit = float(soft[predicted].sum())
        exist = sum(bool(predicted[first : last + 1].any()) for first, last in ranges) / len(ranges)
        recalls.append(min(hit / positives, 1.0) * exist)
        precisions.append(hit / max(int(predicted.sum()), 1))
    return float(np.dot(np.diff(recalls), precisions[1:]))

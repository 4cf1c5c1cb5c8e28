"""Samples of series → what a range aggregation makes of those in each window (t - range, t].

Source: Grafana Loki, "LogQL: Metric queries"; `rate_counter` extrapolates as Prometheus' `rate` does.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from heimdall.query.languages.logql.ast import RangeAggregation
from heimdall.query.logql.series import Floats, Labels, Marks, Matrix, Steps

Times = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Samples:
    """Of all series together: sample i belongs to series `series[i]`."""

    labels: tuple[Labels, ...]
    series: npt.NDArray[np.int64]
    times_ns: Times
    values: Floats


def over_windows(node: RangeAggregation, samples: Samples, steps: Steps) -> Matrix:
    """One row for each series that has a sample in some window."""
    order = np.lexsort((samples.times_ns, samples.series))
    series, times, values = samples.series[order], samples.times_ns[order], samples.values[order]
    ends = steps.times_ns - node.offset_ns
    bounds = np.searchsorted(series, np.arange(len(samples.labels) + 1))
    made = np.zeros((len(samples.labels), steps.count))
    present = np.zeros((len(samples.labels), steps.count), dtype=bool)
    for row in range(len(samples.labels)):
        own = slice(bounds[row], bounds[row + 1])
        first = np.searchsorted(times[own], ends - node.range_ns, side="right")
        last = np.searchsorted(times[own], ends, side="right")
        present[row] = last > first
        made[row] = _reduced(node, times[own], values[own], first, last, ends)
        if node.op == "rate_counter":
            present[row] &= ~np.isnan(made[row])
    return Matrix(samples.labels, made, present).living()


def _reduced(node: RangeAggregation, times: Times, values: Floats, first: Times, last: Times, ends: Times) -> Floats:
    seconds = node.range_ns / 1e9
    if node.unwrap is None:
        whole = np.concatenate([[0.0], np.cumsum(values)])  # counts and sizes are whole numbers: sums of them are exact
        total = whole[last] - whole[first]
        return np.asarray(total / seconds if node.op in ("rate", "bytes_rate") else total)
    made = np.zeros(len(first))
    reduce = _REDUCE.get(node.op)
    for step in np.flatnonzero(last > first):
        window = values[first[step] : last[step]]
        if reduce is not None:
            made[step] = reduce(window)
        elif node.op == "rate":
            made[step] = window.sum() / seconds
        elif node.op == "quantile_over_time":
            made[step] = quantile(node.parameter or 0.0, window)
        else:
            made[step] = _counter_rate(times[first[step] : last[step]], window, ends[step], node.range_ns)
    return made


def quantile(q: float, values: Floats) -> float:
    """Linear between the two nearest values; beyond 0 and 1 it is infinite."""
    if q < 0 or q > 1 or not len(values):
        return math.nan if not len(values) else math.inf if q > 1 else -math.inf
    ordered = np.sort(values)
    rank = q * (len(ordered) - 1)
    low = max(0, math.floor(rank))
    high = min(len(ordered) - 1, low + 1)
    weight = rank - math.floor(rank)
    return float(ordered[low] * (1 - weight) + ordered[high] * weight)


def _counter_rate(times: Times, values: Floats, end_ns: int, range_ns: int) -> float:
    """Increase a second of a counter that may begin again at 0; nan where one sample says nothing."""
    if len(values) < 2:
        return math.nan
    drops = values[:-1][values[1:] < values[:-1]].sum()
    increase = values[-1] - values[0] + drops
    sampled_s = (times[-1] - times[0]) / 1e9
    if sampled_s == 0:
        return math.nan
    to_start_s = (times[0] - (end_ns - range_ns)) / 1e9
    to_end_s = (end_ns - times[-1]) / 1e9
    between_s = sampled_s / (len(values) - 1)
    if increase > 0 and values[0] >= 0:
        to_start_s = min(to_start_s, sampled_s * values[0] / increase)
    covered_s = sampled_s
    covered_s += to_start_s if to_start_s < between_s * 1.1 else between_s / 2
    covered_s += to_end_s if to_end_s < between_s * 1.1 else between_s / 2
    return float(increase * (covered_s / sampled_s) / (range_ns / 1e9))


_REDUCE: dict[str, Callable[[Floats], float]] = {
    "sum_over_time": lambda window: float(window.sum()),
    "avg_over_time": lambda window: float(window.mean()),
    "min_over_time": lambda window: float(window.min()),
    "max_over_time": lambda window: float(window.max()),
    "stddev_over_time": lambda window: float(window.std()),
    "stdvar_over_time": lambda window: float(window.var()),
    "first_over_time": lambda window: float(window[0]),
    "last_over_time": lambda window: float(window[-1]),
}


def absent(node: RangeAggregation, found: Matrix, steps: Steps, labels: Sequence[tuple[str, str]]) -> Matrix:
    """1 where no series has a value."""
    anything: Marks = np.any(found.present, axis=0) if found.labels else np.zeros(steps.count, dtype=bool)
    return Matrix((tuple(labels),), np.ones((1, steps.count)), ~anything[np.newaxis, :]).living()

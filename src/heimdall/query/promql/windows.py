"""Samples of one series → one number for each window (t - range, t]; all windows of a series at once.

Source: Prometheus documentation, "Query functions"; `rate`, `increase` and `delta` extrapolate as described there.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from heimdall.query.logql.series import Floats, Marks

Times = npt.NDArray[np.int64]

_ENOUGH = 1.1
"""Beyond this many average gaps to an end of the window, a series is taken to begin or end inside it."""


@dataclass(frozen=True, slots=True)
class Windows:
    """Samples `first[i]` up to, without, `last[i]` lie in window i, which ends at `ends_ns[i]`."""

    times_ns: Times
    values: Floats
    first: Times
    last: Times
    ends_ns: Times
    range_ns: int

    @property
    def counts(self) -> Times:
        return self.last - self.first


def windows_over(times_ns: Times, values: Floats, ends_ns: Times, range_ns: int) -> Windows:
    first = np.searchsorted(times_ns, ends_ns - range_ns, side="right")
    last = np.searchsorted(times_ns, ends_ns, side="right")
    return Windows(times_ns, values, first, last, ends_ns, range_ns)


Reduced = tuple[Floats, Marks]
"""A number for each window, and whether there is one."""


def reduced(function: str, windows: Windows, parameter: Floats | None = None) -> Reduced:
    """`parameter`: of functions that take a number beside the range, one for each window."""
    with np.errstate(all="ignore"):
        if parameter is not None:
            return _WITH_PARAMETER[function](windows, parameter)
        return _FUNCTIONS[function](windows)


def quantile(q: float, values: Floats) -> float:
    """Linear between the two nearest values; the very value where it falls on one. NaN comes before all numbers."""
    if math.isnan(q) or not len(values):
        return math.nan
    if not 0 <= q <= 1:
        return math.inf if q > 1 else -math.inf
    ordered = np.roll(np.sort(values), np.isnan(values).sum())
    rank = q * (len(ordered) - 1)
    low = math.floor(rank)
    weight = rank - low
    if weight == 0:
        return float(ordered[low])
    return float(ordered[low] * (1 - weight) + ordered[low + 1] * weight)


# ---- folds -----------------------------------------------------------------------------------------------------------


def _folded(ufunc: np.ufunc) -> Callable[[Windows], Reduced]:
    def fold(windows: Windows) -> Reduced:
        return _fold(ufunc, windows.values, windows), windows.counts > 0

    return fold


def _fold(ufunc: np.ufunc, values: Floats, windows: Windows) -> Floats:
    """`reduceat` over pairs of bounds; it wants bounds inside the array, hence one value more."""
    bounds = np.stack([windows.first, windows.last], axis=1).ravel()
    padded = np.append(values, 0.0)
    return np.asarray(ufunc.reduceat(padded, bounds)[::2] if len(bounds) else np.zeros(0), dtype=np.float64)


def _sum(windows: Windows) -> Floats:
    return _fold(np.add, windows.values, windows)


def _average(windows: Windows) -> Reduced:
    return _sum(windows) / windows.counts, windows.counts > 0


def _count(windows: Windows) -> Reduced:
    return windows.counts.astype(np.float64), windows.counts > 0


def _present(windows: Windows) -> Reduced:
    return np.ones(len(windows.ends_ns)), windows.counts > 0


def _last(windows: Windows) -> Reduced:
    places = np.maximum(windows.last - 1, 0)
    return (windows.values[places] if len(windows.values) else np.zeros(len(places))), windows.counts > 0


def _each(reduce: Callable[[Floats], float]) -> Callable[[Windows], Reduced]:
    def run(windows: Windows) -> Reduced:
        made = np.zeros(len(windows.ends_ns))
        for step in np.flatnonzero(windows.counts > 0):
            made[step] = reduce(windows.values[windows.first[step] : windows.last[step]])
        return made, windows.counts > 0

    return run


# ---- changes from sample to sample -----------------------------------------------------------------------------------


def _between_neighbours(windows: Windows, marks: Marks) -> Reduced:
    """How many of the pairs of neighbours inside each window are marked; `marks[i]`: samples i and i + 1."""
    whole = np.concatenate([[0], np.cumsum(marks)])
    most = len(whole) - 1
    found = whole[np.clip(windows.last - 1, 0, most)] - whole[np.clip(windows.first, 0, most)]
    return np.maximum(found, 0).astype(np.float64), windows.counts > 0


def _changes(windows: Windows) -> Reduced:
    before, after = windows.values[:-1], windows.values[1:]
    return _between_neighbours(windows, (before != after) & ~(np.isnan(before) & np.isnan(after)))


def _resets(windows: Windows) -> Reduced:
    return _between_neighbours(windows, windows.values[1:] < windows.values[:-1])


def _instant(windows: Windows, *, is_rate: bool) -> Reduced:
    there = windows.counts >= 2
    if len(windows.values) < 2:
        return np.zeros(len(there)), np.zeros(len(there), dtype=bool)
    newest = np.maximum(windows.last - 1, 1)
    change = windows.values[newest] - windows.values[newest - 1]
    if is_rate:
        change = np.where(change < 0, windows.values[newest], change)
        change = change / ((windows.times_ns[newest] - windows.times_ns[newest - 1]) / 1e9)
    return change, there


def _extrapolated(windows: Windows, *, is_counter: bool, is_rate: bool) -> Reduced:
    there = windows.counts >= 2
    if len(windows.values) < 2:
        return np.zeros(len(there)), np.zeros(len(there), dtype=bool)
    values, times = windows.values, windows.times_ns
    first = np.minimum(windows.first, len(values) - 1)
    last = np.maximum(windows.last - 1, 0)
    change = values[last] - values[first]
    if is_counter:
        lost = np.concatenate([[0.0], np.cumsum(np.where(values[1:] < values[:-1], values[:-1], 0.0))])
        change = change + lost[last] - lost[first]
    sampled_s = (times[last] - times[first]) / 1e9
    gap_s = sampled_s / np.maximum(windows.counts - 1, 1)
    to_start_s = (times[first] - (windows.ends_ns - windows.range_ns)) / 1e9
    to_end_s = (windows.ends_ns - times[last]) / 1e9
    to_start_s = np.where(to_start_s >= gap_s * _ENOUGH, gap_s / 2, to_start_s)
    if is_counter:
        to_zero_s = sampled_s * (values[first] / change)
        begins = (change > 0) & (values[first] >= 0) & (to_zero_s < to_start_s)
        to_start_s = np.where(begins, to_zero_s, to_start_s)
    to_end_s = np.where(to_end_s >= gap_s * _ENOUGH, gap_s / 2, to_end_s)
    found = change * ((sampled_s + to_start_s + to_end_s) / sampled_s)
    return (found / (windows.range_ns / 1e9) if is_rate else found), there


# ---- straight lines --------------------------------------------------------------------------------------------------


def _line(times_ns: Times, values: Floats, origin_ns: int) -> tuple[float, float]:
    """(slope a second, value at `origin_ns`) of the least squares line."""
    if np.all(values == values[0]):
        return (0.0, float(values[0])) if np.isfinite(values[0]) else (math.nan, math.nan)
    x = (times_ns - origin_ns) / 1e9
    centred = x - x.mean()
    slope = float((centred * values).sum() / (centred**2).sum())
    return slope, float(values.mean() - slope * x.mean())


def _deriv(windows: Windows) -> Reduced:
    there = windows.counts >= 2
    made = np.zeros(len(there))
    for step in np.flatnonzero(there):
        inside = slice(windows.first[step], windows.last[step])
        origin_ns = int(windows.times_ns[windows.first[step]])
        made[step] = _line(windows.times_ns[inside], windows.values[inside], origin_ns)[0]
    return made, there


def _predict(windows: Windows, ahead_s: Floats) -> Reduced:
    there = windows.counts >= 2
    made = np.zeros(len(there))
    for step in np.flatnonzero(there):
        inside = slice(windows.first[step], windows.last[step])
        slope, now = _line(windows.times_ns[inside], windows.values[inside], int(windows.ends_ns[step]))
        made[step] = slope * ahead_s[step] + now
    return made, there


def _quantiles(windows: Windows, q: Floats) -> Reduced:
    made = np.zeros(len(windows.ends_ns))
    for step in np.flatnonzero(windows.counts > 0):
        values = windows.values[windows.first[step] : windows.last[step]]
        made[step] = quantile(float(q[step]), values)
    return made, windows.counts > 0


_FUNCTIONS: dict[str, Callable[[Windows], Reduced]] = {
    "avg_over_time": _average,
    "changes": _changes,
    "count_over_time": _count,
    "delta": lambda windows: _extrapolated(windows, is_counter=False, is_rate=False),
    "deriv": _deriv,
    "idelta": lambda windows: _instant(windows, is_rate=False),
    "increase": lambda windows: _extrapolated(windows, is_counter=True, is_rate=False),
    "irate": lambda windows: _instant(windows, is_rate=True),
    "last_over_time": _last,
    "max_over_time": _folded(np.fmax),
    "min_over_time": _folded(np.fmin),
    "present_over_time": _present,
    "rate": lambda windows: _extrapolated(windows, is_counter=True, is_rate=True),
    "resets": _resets,
    "stddev_over_time": _each(lambda values: float(values.std())),
    "stdvar_over_time": _each(lambda values: float(values.var())),
    "sum_over_time": _folded(np.add),
}
_WITH_PARAMETER: dict[str, Callable[[Windows, Floats], Reduced]] = {
    "predict_linear": _predict,
    "quantile_over_time": _quantiles,
}

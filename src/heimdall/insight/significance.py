"""Whether counts of many things differ between two stretches of time by more than their own noise.

Counts of log records come in bursts, so their variance is a multiple of what independent records would have. The
multiple (the dispersion of a quasi-Poisson model, McCullagh and Nelder 1989, section 6.2) is measured on the steps of
the baseline alone: under the null hypothesis both sides are alike, and a change that sets in half-way through the
window would otherwise hide itself as noise. Many things are tested at once: p values are adjusted after Benjamini and
Hochberg (1995), so that on pure noise at most one run in twenty shows anything.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from heimdall.insight.conformal import FloatArray

INDIFFERENT = 1.2
"""Ratios up to this are no change worth a line, however sure one may be of them: neighbouring hours differ by as much.
The hypothesis that is tested is that the true ratio is within it."""

LEVEL = 0.05
"""An adjusted p below this is a finding."""

_COARSE_BLOCKS = 6
"""Fewest blocks that steps are put together to: bursts longer than a sixth of the baseline are not told from change."""
_SCARCE = 30.0
"""Records of a thing in the baseline below which its own steps say too little about its bursts."""
_PRIOR_BLOCKS = 8.0
"""Weight of what all things have in common against the coarse blocks of one."""
_FREEDOM = 20.0
"""Degrees of freedom of a dispersion, for the tails of the t distribution: fine steps and coarse blocks together."""
_FEW = 5.0
"""Independent bursts on the scarcer side below which the binomial distribution takes the normal's place."""
_SMALL_SAMPLE = 1.25
"""Widens the dispersion there, in place of the t distribution's tails."""
_LASTING = 0.7
"""Quantile of how much dispersion grows in blocks that all are taken to have at least; a few that differ altogether, as
those of an earlier incident, do not move it."""
_SCARCE_DISPERSION = 0.75
"""Quantile of all dispersions that is taken for a thing with few records of its own."""
_ENOUGH_SHARED = 5
"""Things on both sides from which the usual ratio is their median; of fewer it is the ratio of the sums."""


@dataclass(frozen=True, slots=True)
class Counted:
    """`counts`: things by steps. `exposure`: length of each step, in steps; the first and last may be cut."""

    counts: FloatArray
    exposure: FloatArray

    @property
    def sums(self) -> FloatArray:
        return np.asarray(self.counts.sum(axis=1), dtype=np.float64)

    @property
    def length(self) -> float:
        return float(self.exposure.sum())


@dataclass(frozen=True, slots=True)
class Judged:
    """One value a thing. `effect` is log2 of its ratio to the usual ratio, with its 95 % interval; `p` is not adjusted;
    `surprise` orders things that differ: likelihood ratio over dispersion."""

    effect: FloatArray
    low: FloatArray
    high: FloatArray
    p: FloatArray
    surprise: FloatArray


def judge(now: Counted, before: Counted, *, by_share: bool = False) -> Judged:
    """Every thing's rate now against its rate before, beside the ratio that is usual for all of them: traffic that
    doubled altogether changes none of them. `by_share`: the usual ratio is that of the sums."""
    x, y = now.sums, before.sums
    if not len(x):
        nothing = np.zeros(0)
        return Judged(nothing, nothing, nothing, nothing, nothing)
    phi = dispersions(before)
    usual, usual_variance = _usual(now, before, phi, by_share=by_share)
    exposed_now, exposed_before = now.length * np.exp(usual), before.length
    ratio = np.log((x + 0.5) / exposed_now) - np.log((y + 0.5) / exposed_before)
    own_variance = phi * (1 / (x + 0.5) + 1 / (y + 0.5))
    error = np.sqrt(own_variance + usual_variance)
    phi = phi * (1 + usual_variance / own_variance)
    normal = _tail_of_t((np.abs(ratio) - np.log(INDIFFERENT)) / error)
    binomial = _tail_of_binomial(x, y, phi * _SMALL_SAMPLE, exposed_now / exposed_before)
    p = np.where(np.minimum(x, y) >= _FEW * phi, normal, binomial)
    spread = _T_95 * error / np.log(2)
    effect = ratio / np.log(2)
    surprise = _likelihood_ratio(x, y, exposed_now, exposed_before) / phi
    return Judged(effect, effect - spread, effect + spread, np.minimum(p, 1.0), surprise)


def total_of(counted: Counted) -> Counted:
    return Counted(counted.counts.sum(axis=0, keepdims=True), counted.exposure)


def judge_volume(now: Counted, before: Counted) -> Judged:
    """All things together, by their rate: nothing is usual about it."""
    now, before = total_of(now), total_of(before)
    x, y, phi = now.sums, before.sums, dispersions(before)
    ratio = np.log((x + 0.5) / now.length) - np.log((y + 0.5) / before.length)
    error = np.sqrt(phi * (1 / (x + 0.5) + 1 / (y + 0.5)))
    normal = _tail_of_t((np.abs(ratio) - np.log(INDIFFERENT)) / error)
    binomial = _tail_of_binomial(x, y, phi * _SMALL_SAMPLE, now.length / before.length)
    p = np.where(np.minimum(x, y) >= _FEW * phi, normal, binomial)
    effect, spread = ratio / np.log(2), _T_95 * error / np.log(2)
    return Judged(effect, effect - spread, effect + spread, np.minimum(p, 1.0), np.zeros(1))


def adjusted(families: Sequence[FloatArray]) -> list[FloatArray]:
    """p values of several lists, adjusted for all tests of all of them (Benjamini and Hochberg)."""
    p = np.concatenate([np.asarray(family, dtype=np.float64) for family in families]) if families else np.zeros(0)
    order = np.argsort(p)[::-1]
    ranks = np.arange(len(p), 0, -1)
    steps = np.minimum.accumulate(p[order] * len(p) / ranks) if len(p) else p
    out = np.empty_like(p)
    out[order] = np.minimum(steps, 1.0)
    return np.split(out, np.cumsum([len(family) for family in families])[:-1]) if families else []


def dispersions(counted: Counted) -> FloatArray:
    """Variance over mean of each thing's counts, at least 1. Bursts longer than a step show where steps are put
    together to blocks; how much they do is measured on all things at once and on each by itself. A thing with few
    records is taken to come in bursts as most of the others at most do."""
    sums = counted.sums
    known = sums >= _SCARCE
    fine = np.maximum(1.0, _pearson(counted.counts, counted.exposure))
    coarse, growth = fine, [1.0]
    for size in _block_sizes(counted.counts.shape[1]):
        blocks = _pearson(_blocks(counted.counts, size), _blocks(counted.exposure[None, :], size)[0])
        coarse = np.maximum(coarse, blocks)
        growth.append(float(np.quantile((blocks / fine)[known], _LASTING)) if known.any() else 1.0)
    longer = _at_full_length(growth)
    shared = fine * longer
    shrunk = ((_COARSE_BLOCKS - 1) * coarse + _PRIOR_BLOCKS * shared) / (_COARSE_BLOCKS - 1 + _PRIOR_BLOCKS)
    own = np.maximum(1.0, np.maximum(shared, shrunk))
    return np.where(known, own, np.maximum(own, _of_scarce(sums[known], own[known], float(own.max(initial=1.0)))))


def _of_scarce(sums: FloatArray, phi: FloatArray, highest: float) -> float:
    """Dispersion of a thing with few records, off the things with more: dispersion may grow with the mean (uneven
    minutes) or not (bursts of a size), so a line through their logarithms is followed down to `_SCARCE` records."""
    if not len(sums):
        return highest
    x, y = np.log(sums), np.log(phi)
    spread = float(((x - x.mean()) ** 2).sum())
    slope = float(((x - x.mean()) * (y - y.mean())).sum()) / spread if len(sums) >= _ENOUGH_SHARED and spread else 0.0
    slope = min(max(slope, 0.0), 1.0)
    return max(1.0, float(np.exp(np.quantile(y - slope * (x - np.log(_SCARCE)), _SCARCE_DISPERSION))))


def _at_full_length(growth: list[float]) -> float:
    """What dispersion grows to over the whole stretch, from what it grows to in blocks: when it still grows with the
    largest blocks, it goes on growing."""
    if len(growth) < 3:
        return max(growth)
    return max(growth) * max(1.0, growth[-1] / max(growth[-3], 1e-9)) if growth[-1] > growth[-2] else max(growth)


def _block_sizes(steps: int) -> list[int]:
    sizes = []
    size = 2
    while steps // size >= _COARSE_BLOCKS:
        sizes.append(size)
        size *= 2
    if steps // _COARSE_BLOCKS > 1:
        sizes.append(steps // _COARSE_BLOCKS)
    return sizes


def _blocks(values: FloatArray, size: int) -> FloatArray:
    """Steps put together; what is left over at the old end is left out."""
    whole = values.shape[1] // size * size
    return np.asarray(values[:, values.shape[1] - whole :].reshape(values.shape[0], -1, size).sum(axis=2))


def _pearson(counts: FloatArray, exposure: FloatArray) -> FloatArray:
    if counts.shape[1] < 2:
        return np.ones(counts.shape[0])
    rate = counts.sum(axis=1, keepdims=True) / exposure.sum()
    expected = np.maximum(rate * exposure[None, :], 1e-12)
    chi = ((counts - expected) ** 2 / expected).sum(axis=1) / (counts.shape[1] - 1)
    return np.where(rate[:, 0] > 0, chi, 1.0)


def _usual(now: Counted, before: Counted, phi: FloatArray, *, by_share: bool) -> tuple[float, float]:
    """(log of the ratio of rates that is usual, its variance)."""
    x, y = now.sums, before.sums
    both = np.minimum(x, y) >= _FEW
    if by_share or both.sum() < _ENOUGH_SHARED:
        total_now, total_before = float(x.sum()) + 0.5, float(y.sum()) + 0.5
        phi_all = float(dispersions(total_of(before))[0])
        ratio = np.log(total_now / now.length) - np.log(total_before / before.length)
        return float(ratio), phi_all * (1 / total_now + 1 / total_before)
    ratios = np.log(x[both] / now.length) - np.log(y[both] / before.length)
    variances = phi[both] * (1 / x[both] + 1 / y[both])
    weights = np.minimum(1 / variances, 4 * np.median(1 / variances))
    order = np.argsort(ratios)
    place = np.searchsorted(np.cumsum(weights[order]), weights.sum() / 2)
    middle = float(ratios[order][min(int(place), len(order) - 1)])
    return middle, float(np.pi / 2 * (weights**2 * variances).sum() / weights.sum() ** 2)


def _tail_of_t(distance: FloatArray) -> FloatArray:
    """Two-sided."""
    from scipy.special import stdtr  # type: ignore[import-untyped]  # it ships no types

    return np.asarray(2 * stdtr(_FREEDOM, -np.maximum(distance, 0.0)))


def _tail_of_binomial(x: FloatArray, y: FloatArray, phi: FloatArray, exposed: float) -> FloatArray:
    """Two-sided; counts are divided by their dispersion, so that what is counted is bursts. Between whole numbers the
    distribution is the one its beta integral gives."""
    from scipy.special import betainc

    bursts_now, bursts_before = x / phi, y / phi
    high = exposed * INDIFFERENT / (1 + exposed * INDIFFERENT)
    low = exposed / INDIFFERENT / (1 + exposed / INDIFFERENT)
    more = np.where(x > 0, betainc(np.maximum(bursts_now, 1e-9), bursts_before + 1, high), 1.0)
    fewer = np.where(y > 0, betainc(np.maximum(bursts_before, 1e-9), bursts_now + 1, 1 - low), 1.0)
    return np.asarray(np.minimum(2 * np.minimum(more, fewer), 1.0))


def _likelihood_ratio(x: FloatArray, y: FloatArray, exposed_now: float, exposed_before: float) -> FloatArray:
    both = x + y
    expected_now = np.maximum(both * exposed_now / (exposed_now + exposed_before), 1e-12)
    expected_before = np.maximum(both - expected_now, 1e-12)
    parts = [np.where(n > 0, n * np.log(np.maximum(n, 1e-12) / e), 0.0)
             for n, e in ((x, expected_now), (y, expected_before))]  # fmt: skip
    return np.asarray(2 * (parts[0] + parts[1]))


_T_95 = 2.086
"""97.5 % quantile of the t distribution with `_FREEDOM` degrees of freedom."""

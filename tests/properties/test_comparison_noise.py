"""On noise alone at most one comparison in twenty finds anything, whatever kind of noise it is; planted changes are
found. `HEIMDALL_NOISE_RUNS` sets the number of runs of each kind (release: 1,000)."""

from __future__ import annotations

import os
from collections.abc import Callable

import numpy as np
import pytest
from numpy.random import Generator
from scipy.stats import binom

from heimdall.insight.conformal import FloatArray
from heimdall.insight.significance import LEVEL, Counted, adjusted, judge

RUNS = int(os.environ.get("HEIMDALL_NOISE_RUNS", "60"))
STEPS = 60
Noise = Callable[[Generator, int], FloatArray]


def rates(chance: Generator, things: int) -> FloatArray:
    """From one record in an hour to two hundred a minute."""
    return np.exp(chance.uniform(np.log(0.02), np.log(200), things))[:, None] * np.ones(2 * STEPS)


def independent(chance: Generator, things: int) -> FloatArray:
    return chance.poisson(rates(chance, things)).astype(float)


def uneven_minutes(chance: Generator, things: int) -> FloatArray:
    """Negative binomial: the standard deviation of a busy minute is its mean."""
    return chance.poisson(rates(chance, things) * chance.gamma(1.0, 1.0, (things, 2 * STEPS))).astype(float)


def very_uneven_minutes(chance: Generator, things: int) -> FloatArray:
    return chance.poisson(rates(chance, things) * chance.gamma(1 / 3, 3.0, (things, 2 * STEPS))).astype(float)


def bursts(chance: Generator, things: int) -> FloatArray:
    """Twenty records at a time."""
    starts = chance.poisson(rates(chance, things) / 20)
    return np.where(starts > 0, chance.negative_binomial(np.maximum(starts, 1), 1 / 20) + starts, 0).astype(float)


def bursts_beside_independent(chance: Generator, things: int) -> FloatArray:
    bursty = chance.random(things)[:, None] < 0.5
    return np.where(bursty, bursts(chance, things), independent(chance, things))


def waves(chance: Generator, things: int) -> FloatArray:
    """Every thing swings by a factor of two over minutes, by itself."""
    kept = np.exp(-1 / 4)
    swing = np.zeros((things, 2 * STEPS))
    swing[:, 0] = chance.normal(size=things)
    for step in range(1, 2 * STEPS):
        swing[:, step] = kept * swing[:, step - 1] + np.sqrt(1 - kept**2) * chance.normal(size=things)
    return chance.poisson(rates(chance, things) * np.exp(0.7 * swing)).astype(float)


def common_traffic(chance: Generator, things: int) -> FloatArray:
    """All of them follow one random walk: more or less of everything is no change of anything."""
    traffic = np.exp(np.cumsum(chance.normal(0, 0.05, 2 * STEPS)))
    return chance.poisson(rates(chance, things) * traffic).astype(float)


KINDS: tuple[Noise, ...] = (
    independent, uneven_minutes, very_uneven_minutes, bursts, bursts_beside_independent, waves, common_traffic,
)  # fmt: skip


def found(counts: FloatArray, *, by_share: bool) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    exposure = np.ones(STEPS)
    before, now = Counted(counts[:, :STEPS], exposure), Counted(counts[:, STEPS:], exposure)
    (p,) = adjusted([judge(now, before, by_share=by_share).p])
    return np.asarray(p < LEVEL)


@pytest.mark.parametrize("by_share", [False, True], ids=["templates", "fields"])
@pytest.mark.parametrize("things", [4, 40, 250])
@pytest.mark.parametrize("noise", KINDS, ids=lambda noise: noise.__name__)
def test_noise_alone_rarely_shows_anything(noise: Noise, things: int, by_share: bool) -> None:
    runs_with_findings = sum(
        bool(found(noise(np.random.default_rng([seed, things]), things), by_share=by_share).any())
        for seed in range(RUNS)
    )
    # What a true rate of 5 % stays under in all but one of a thousand tests of this size.
    assert runs_with_findings <= binom.ppf(0.999, RUNS, LEVEL)


@pytest.mark.parametrize("noise", [independent, uneven_minutes, bursts, waves], ids=lambda noise: noise.__name__)
def test_planted_changes_are_found_in_it(noise: Noise) -> None:
    hits = []
    for seed in range(20):
        chance = np.random.default_rng(seed)
        thrice = np.r_[chance.poisson(20.0, STEPS), chance.poisson(60.0, STEPS)]
        gone = np.r_[chance.poisson(10.0, STEPS), np.zeros(STEPS)]
        uneven = np.r_[50 * chance.gamma(2, 0.5, STEPS), 250 * chance.gamma(2, 0.5, STEPS)]
        planted = np.vstack([thrice, gone, chance.poisson(uneven)]).astype(float)
        hits.append(found(np.vstack([planted, noise(chance, 60)]), by_share=False)[:3])
    assert np.mean(hits, axis=0).min() >= 0.9


def test_a_template_that_begins_minutes_before_the_end_is_found_as_new() -> None:
    hits = 0
    for seed in range(20):
        chance = np.random.default_rng(seed)
        new = np.zeros(2 * STEPS)
        new[-5:] = chance.poisson(40, 5)
        hits += int(found(np.vstack([new, independent(chance, 60)]), by_share=False)[0])
    assert hits >= 18


def test_adjusted_values_are_those_of_benjamini_and_hochberg() -> None:
    first, second = adjusted([np.array([0.01, 0.04]), np.array([0.03, 0.5])])
    assert first.tolist() == pytest.approx([0.04, 0.16 / 3])
    assert second.tolist() == pytest.approx([0.16 / 3, 0.5])

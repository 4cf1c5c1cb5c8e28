"""Counts against what they usually are."""

from __future__ import annotations

import numpy as np
import pytest

from heimdall.insight.detectors.counts import CountBank

ROWS = 400


def evidence(rate: float, steps: int, seed: int = 3) -> np.ndarray:
    """Of too many and of too few, by step and row, of steady counts."""
    bank, rng, rows = CountBank(1), np.random.default_rng(seed), np.arange(ROWS)
    bank.grow(ROWS)
    found = []
    for _ in range(steps):
        step = bank.step(rows, rng.poisson(rate, (ROWS, 1)).astype(np.float64), np.ones((ROWS, 1)))
        found.append(np.column_stack([step.upper, step.lower]))
    return np.stack(found)


@pytest.mark.parametrize("rate", [2.0, 200.0, 20_000.0])
def test_steady_counts_are_no_surprise_however_many_and_from_the_first_minutes(rate: float) -> None:
    found = evidence(rate, 100)
    assert found.max() < 5.0
    assert np.mean(found >= 2.0) < 0.01


def test_a_level_shift_is_told_at_once_even_early() -> None:
    bank, rng, rows = CountBank(1), np.random.default_rng(3), np.arange(ROWS)
    bank.grow(ROWS)
    for _ in range(20):
        bank.step(rows, rng.poisson(50.0, (ROWS, 1)).astype(np.float64), np.ones((ROWS, 1)))
    step = bank.step(rows, np.full((ROWS, 1), 150.0), np.ones((ROWS, 1)))
    assert step.upper.min() > 5.0

"""How long calls take: means of few durations scatter more than those of many."""

from __future__ import annotations

import numpy as np

from heimdall.insight.detectors.latency import LatencyBank

ROW, LEARN = np.array([0]), np.array([True])


def evidence(bank: LatencyBank, logs: np.ndarray) -> float:
    return float(bank.step(ROW, np.array([logs.sum()]), np.array([float(len(logs))]), LEARN).evidence[0])


def by_day(durations: int) -> LatencyBank:
    """A bank that knows steps of so many durations, ln(1 + ms) of mean 3 and scatter 1."""
    bank, rng = LatencyBank(), np.random.default_rng(2)
    bank.grow(1)
    for _ in range(600):
        evidence(bank, rng.normal(3.0, 1.0, durations))
    return bank


def test_a_night_of_few_calls_is_no_slowness() -> None:
    bank, rng = by_day(100), np.random.default_rng(3)
    said = [evidence(bank, rng.normal(3.0, 1.0, 4)) for _ in range(240)]
    assert max(said) < 6.0  # ten spreads of a mean of a hundred


def test_slowness_of_many_calls_is_told_and_that_of_few_when_it_is_large() -> None:
    assert evidence(by_day(100), np.full(100, 4.0)) > 10.0
    assert evidence(by_day(100), np.full(4, 6.0)) > 6.0


def test_a_restored_bank_goes_on_as_if_nothing_had_happened() -> None:
    first, second = by_day(20), LatencyBank()
    second.load({name: value.copy() for name, value in first.arrays().items()})
    logs = np.full(7, 3.3)
    assert evidence(first, logs) == evidence(second, logs)
    for name, value in first.arrays().items():
        np.testing.assert_array_equal(second.arrays()[name], value)

"""The small recurrent network."""

from __future__ import annotations

import tracemalloc

import numpy as np

from heimdall.insight.detectors.lstm import LstmConfig, expected_by_lstm, loss, started
from heimdall.query.rowpipes import MAX_ROWS

HOUR_NS = 3_600 * 10**9


def test_gradients_are_those_of_the_loss() -> None:
    rng = np.random.default_rng(2)
    parameters = started(3, rng)
    inputs, target = rng.normal(size=(5, 4, 3)), rng.normal(0, 2, 4)
    _, gradients = loss(parameters, inputs, target)
    for name, value in parameters.items():
        for place in np.ndindex(*value.shape):
            above, below = ({key: own.copy() for key, own in parameters.items()} for _ in range(2))
            above[name][place] += 1e-6
            below[name][place] -= 1e-6
            slope = (loss(above, inputs, target)[0] - loss(below, inputs, target)[0]) / 2e-6
            np.testing.assert_allclose(gradients[name][place], slope, atol=1e-6)


def test_it_learns_a_daily_rhythm_better_than_the_last_value_does() -> None:
    hours = np.arange(24 * 20)
    values = 100 + 40 * np.sin(hours / 24 * 2 * np.pi) + np.random.default_rng(3).normal(0, 2, len(hours))
    expected = expected_by_lstm(hours * HOUR_NS, values)
    assert np.isnan(expected[:24]).all()
    error = np.abs(expected - values)[24:].mean()
    assert error < 0.6 * np.abs(np.diff(values))[23:].mean()


def test_an_odd_value_does_not_become_what_is_expected() -> None:
    hours = np.arange(24 * 10)
    values = 100 + 40 * np.sin(hours / 24 * 2 * np.pi)
    values[180] = 500
    expected = expected_by_lstm(hours * HOUR_NS, values)
    assert abs(expected[180] - 100 - 40 * np.sin(180 / 24 * 2 * np.pi)) < 40


def test_gaps_constants_and_short_series_are_no_trouble() -> None:
    hours = np.arange(100)
    values = np.full(100, 7.0)
    np.testing.assert_allclose(expected_by_lstm(hours * HOUR_NS, values)[24:], 7.0, atol=1.0)
    values[30:50] = np.nan
    assert np.isfinite(expected_by_lstm(hours * HOUR_NS, values)[24:]).all()
    assert np.isnan(expected_by_lstm(hours[:40] * HOUR_NS, values[:40])).all()
    assert np.isnan(expected_by_lstm(hours * HOUR_NS, np.full(100, np.nan), config=LstmConfig(rounds=2))).all()


def test_the_longest_chart_takes_little_memory() -> None:
    hours = np.arange(MAX_ROWS)
    tracemalloc.start()
    expected_by_lstm(hours * HOUR_NS, np.sin(hours / 24 * 2 * np.pi), config=LstmConfig(rounds=2))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 128 * 2**20

"""The default detector of numbers over time."""

from __future__ import annotations

import time

import numpy as np
import pytest

from heimdall.insight.detectors.metric import MetricConfig, MetricDetector
from heimdall.insight.detectors.shape import ShapeBank, ShapeConfig

FIVE_MINUTES_NS = 300 * 10**9
DAY = 288
PLAIN = MetricConfig(shape=None)


def alarms_of(values: np.ndarray, config: MetricConfig = PLAIN, start_ns: int = 0) -> list[int]:
    detector = MetricDetector(config)
    detector.grow(1)
    found = []
    for place, value in enumerate(values):
        step = detector.step(np.array([0]), np.array([start_ns + place * FIVE_MINUTES_NS]), np.array([float(value)]))
        if step.alarms[0]:
            found.append(place)
    return found


def daily(days: int, seed: int = 5) -> np.ndarray:
    rng = np.random.default_rng(seed)
    hours = np.arange(days * DAY) / DAY * 2 * np.pi
    return np.asarray(100 + 40 * np.sin(hours) + rng.normal(0, 3, days * DAY))


def test_a_value_normal_at_noon_is_noticed_at_night() -> None:
    values = daily(12)
    quiet = 10 * DAY + 3 * DAY // 4
    assert values[quiet] < 70
    values[quiet : quiet + 6] = 140
    found = alarms_of(values)
    assert any(quiet <= place < quiet + 6 for place in found)


def test_a_quiet_series_alarms_rarely() -> None:
    assert len(alarms_of(daily(14))) <= 4


def test_a_shift_is_told_once_and_not_at_every_point() -> None:
    values = np.random.default_rng(1).normal(10, 1, 2_000)
    values[1_200:] += 15
    found = [place for place in alarms_of(values) if place >= 1_200]
    assert found[0] <= 1_203
    assert len([place for place in found if place < 1_200 + PLAIN.rest_points]) <= 2


def test_nothing_is_learnt_from_windows_without_values() -> None:
    values = daily(10)
    gaps = values.copy()
    gaps[1_000:1_200] = np.nan
    assert not [place for place in alarms_of(gaps) if 1_000 <= place < 1_200]


def test_clock_jumps_and_infinities_leave_the_state_finite() -> None:
    detector = MetricDetector(PLAIN)
    detector.grow(1)
    for place in range(2_000):
        at = (place if place % 7 else -place) * FIVE_MINUTES_NS
        value = [1.0, np.inf, -np.inf, np.nan, 1e300, -5.0, 0.0][place % 7]
        step = detector.step(np.array([0]), np.array([at]), np.array([value]))
        assert np.isfinite(step.evidence).all()


def test_a_restored_detector_goes_on_as_if_nothing_had_happened() -> None:
    values = daily(6)
    config = MetricConfig(shape=ShapeConfig(lengths=(12,), history=500))
    first, second = MetricDetector(config), MetricDetector(config)
    first.grow(1)
    for place in range(1_000):
        first.step(np.array([0]), np.array([place * FIVE_MINUTES_NS]), values[place : place + 1])
    second.load({name: value.copy() for name, value in first.arrays().items()})
    for place in range(1_000, 1_500):
        at, value = np.array([place * FIVE_MINUTES_NS]), values[place : place + 1]
        assert first.step(np.array([0]), at, value).evidence == second.step(np.array([0]), at, value).evidence


def test_ten_thousand_series_fit_and_are_scored_in_a_fifth_of_a_second() -> None:
    rows = np.arange(10_000)
    detector = MetricDetector(PLAIN)
    detector.grow(len(rows))
    rng = np.random.default_rng(0)
    took_s = []
    for place in range(6):
        values = rng.normal(size=len(rows))
        started = time.thread_time()
        detector.step(rows, np.full(len(rows), place * FIVE_MINUTES_NS), values)
        took_s.append(time.thread_time() - started)
    assert sum(array.nbytes for array in detector.arrays().values()) <= 200e6
    assert min(took_s) <= 0.2


@pytest.mark.parametrize("length", [3, 8])
def test_the_nearest_stretch_is_the_nearest_by_brute_force(length: int) -> None:
    values = np.random.default_rng(4).normal(size=400).round(2)
    bank = ShapeBank(ShapeConfig(lengths=(length,), history=60))
    bank.grow(1)
    for end in range(1, len(values) + 1):
        found = float(bank.deviations(np.array([0]), values[end - 1 : end])[0, 0])
        newest = values[end - length : end]
        lags = [lag for lag in range(length, 61) if end - lag - length >= 0]
        if end < length or not lags:
            assert np.isnan(found)
            continue
        expected = min(np.linalg.norm(newest - values[end - lag - length : end - lag]) for lag in lags)
        assert found == pytest.approx(expected, abs=1e-9)

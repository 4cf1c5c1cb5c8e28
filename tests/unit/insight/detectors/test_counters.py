"""Series that are counters, and series that only look like one."""

from __future__ import annotations

import numpy as np

from heimdall.insight.detectors.counters import increases

NAN = np.nan


def counter(resets: tuple[int, ...] = (150,), length: int = 300) -> np.ndarray:
    rose = np.random.default_rng(1).poisson(40, length).astype(np.float64)
    values = np.cumsum(rose)
    for place in resets:
        values[place:] -= values[place - 1]
    return values


def test_a_reset_is_an_increase_from_nothing() -> None:
    values = counter()
    rose = increases(values)
    assert rose is not None
    assert np.isnan(rose[0])
    np.testing.assert_allclose(rose[1:], np.random.default_rng(1).poisson(40, 300)[1:])


def test_gaps_are_no_increases() -> None:
    values = counter()
    values[100:110] = NAN
    rose = increases(values)
    assert rose is not None
    assert np.isnan(rose[100:110]).all()
    assert rose[110] == values[110] - values[99]


def test_levels_that_fall_and_counters_that_do_not_are_left_alone() -> None:
    rng = np.random.default_rng(2)
    assert increases(rng.poisson(40, 300).astype(np.float64)) is None
    assert increases(counter(resets=())) is None
    cleaned = np.linspace(20, 90, 300)
    cleaned[200:] -= 50  # a disk of which a half is freed
    assert increases(cleaned) is None
    assert increases(np.full(300, NAN)) is None
    assert increases(np.zeros(300)) is None

"""What models expect, and which residuals are marked."""

from __future__ import annotations

import numpy as np
import pytest

from heimdall.errors import InvalidInput
from heimdall.insight.detectors.forecasting import forecasting_model, judged


def test_noise_is_seldom_marked_and_what_is_far_off_always() -> None:
    rng = np.random.default_rng(5)
    marked = [judged(rng.normal(0, 1, 500), np.zeros(500))[1].any() for _ in range(200)]
    assert sum(marked) <= 20
    values = rng.normal(0, 1, 500)
    values[[100, 200, 300]] = 12.0
    evidence, found = judged(values, np.zeros(500))
    assert np.flatnonzero(found).tolist() == [100, 200, 300]
    assert evidence[100] > 4


def test_what_is_not_expected_is_not_judged() -> None:
    values, expected = np.ones(100), np.full(100, np.nan)
    assert not judged(values, expected)[0].any()
    expected[50:] = 1.0
    values[99] = 9.0
    evidence, found = judged(values, expected)
    assert np.flatnonzero(found).tolist() == [99]
    assert not evidence[:50].any()


def test_unknown_models_are_refused() -> None:
    with pytest.raises(InvalidInput, match="lstm and prophet"):
        forecasting_model("arima", None)
    with pytest.raises(InvalidInput, match="no holidays"):
        forecasting_model("lstm", "DE")

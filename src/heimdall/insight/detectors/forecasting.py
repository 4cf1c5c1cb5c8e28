"""Models that say what a series would have been, and how far off each of its points is from that.

For charts that somebody looks at, chosen by name: they read a whole series, take seconds, and judge each point by all
of it, where the default judges it by what came before it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from heimdall.errors import InvalidInput, MissingExtra
from heimdall.insight.conformal import FloatArray
from heimdall.insight.detectors.lstm import expected_by_lstm

Model = Callable[[NDArray[np.int64], FloatArray, Callable[[], None]], FloatArray]
"""(times in ns since 1970, values) of one series in order of time → what was expected; NaN where nothing is.

The third raises once nobody waits for the answer; a model that is fitted in one call asks it before."""

_MANY, _USUAL = 0.8, 0.95
"""Quantiles of residuals. Up to the second their own rank tells how rare they are; beyond it they are taken to fall off
as they do between the two, so that what is odd itself does not widen what is usual."""
_SURE = 1.0
"""Evidence beyond that of the one rarest of so many points: nine of ten series without anomalies have no mark."""
_FEWEST = 20
"""Points with something expected, below which nothing is marked."""


def forecasting_model(name: str, holidays: str | None) -> Model:
    """`holidays`: country code of a calendar.

    Raises:
        InvalidInput: there is no such model, or it knows no holidays.
        MissingExtra: what it needs is not installed.
    """
    match name:
        case "lstm" if holidays is None:
            return expected_by_lstm
        case "lstm":
            raise InvalidInput("lstm knows no holidays; ask prophet")
        case "prophet":
            return _prophet(holidays)
        case _:
            raise InvalidInput(f"there is no model {name!r}; there are lstm and prophet")


def judged(values: FloatArray, expected: FloatArray) -> tuple[FloatArray, NDArray[np.bool_]]:
    """(-log10 of how rare each residual is among the series' own, whether it is marked)."""
    off = np.abs(values - expected)
    known = np.isfinite(off)
    evidence = np.zeros(len(values))
    if known.sum() < _FEWEST:
        return evidence, np.zeros(len(values), np.bool_)
    own = np.sort(off[known])
    many, bound = np.quantile(own, [_MANY, _USUAL]).tolist()
    decay = max((bound - many) / np.log((1 - _MANY) / (1 - _USUAL)), 0.05 * bound, 1e-12)
    rank = (len(own) - np.searchsorted(own, off[known]) + 1) / (len(own) + 1)
    tail = -np.log10(1 - _USUAL) + (off[known] - bound) / decay / np.log(10)
    evidence[known] = np.clip(np.where(off[known] > bound, tail, -np.log10(rank)), 0.0, 30.0)
    return evidence, evidence >= np.log10(len(own)) + _SURE


def _prophet(holidays: str | None) -> Model:
    _silence("cmdstanpy")  # it tells of every fit
    _silence("prophet.plot")  # and this that nothing can be drawn
    try:
        import pandas as pd
        from prophet import Prophet
    except ImportError as exc:
        raise MissingExtra("prophet", "prophet") from exc

    def expected(times_ns: NDArray[np.int64], values: FloatArray, check: Callable[[], None]) -> FloatArray:
        check()
        known = np.isfinite(values)
        if known.sum() < _FEWEST:
            return np.full(len(values), np.nan)
        model = Prophet(uncertainty_samples=0)
        if holidays is not None:
            try:
                model.add_country_holidays(country_name=holidays)
            except (AttributeError, TypeError) as exc:  # no such name, or one that is no calendar: DEC is a month
                raise InvalidInput(
                    f"there is no calendar of holidays of {holidays!r}; write a code as DE or US"
                ) from exc
        moments = pd.to_datetime(times_ns)
        model.fit(pd.DataFrame({"ds": moments[known], "y": values[known]}))
        return np.asarray(model.predict(pd.DataFrame({"ds": moments}))["yhat"], np.float64)

    return expected


def _silence(name: str) -> None:
    """A logger with a handler of its own gets no other from its package."""
    logger = logging.getLogger(name)
    if not logger.handlers:
        logger.addHandler(logging.NullHandler())
    logger.setLevel(logging.CRITICAL)

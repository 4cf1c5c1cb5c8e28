"""The default detector of numbers over time: seasonal, level and shape deviations, calibrated, fused, and rested.

Each deviation becomes evidence, -log10 of a conformal p-value among the series' own past. Kinds of deviation that
measure the same thing are averaged first, the kinds then, so that no kind outvotes the others by having more members.
An alarm is a crossing of one threshold, the same for every series. After it the series rests, because a reader needs
to be told once, and its bar is higher for a while: a series that alarms often has to show more each time, so that no
series can spend the attention that all of them share.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from heimdall.insight.conformal import FloatArray, Rows, TailBank
from heimdall.insight.detectors.seasonal import VOTES, SeasonalBank, SeasonalConfig
from heimdall.insight.detectors.shape import ShapeBank, ShapeConfig

_LARGEST = 1e30
"""Larger values are taken for this one: the seasonal state is kept in single precision."""
_MEAN_WEIGHT = 0.02
"""Of the newest step in the running mean of a series' evidence: about the last fifty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricConfig:
    threshold: float = 1.0
    """Evidence (mean -log10 p) at which a series alarms. Fixed on public metric series; larger: fewer, later alarms."""
    fatigue: float = 0.2
    """Evidence by which each alarm raises the bar for the next."""
    fatigue_half_life: int = 4_000
    """Points in which half of that wears off."""
    spending: float = 0.1
    """Evidence needed in addition for each tenfold time the series has been watched."""
    warmup_points: int = 360
    """Points a series is only learnt from. Smaller: alarms earlier, on less."""
    rest_points: int = 180
    """Points after an alarm in which the series gives no other, unless it is `renewed` worse."""
    renewed: float = 3.0
    """Evidence above that of the last alarm that breaks the rest: a thousand times rarer is news."""
    seasonal: SeasonalConfig = field(default_factory=SeasonalConfig)
    shape: ShapeConfig | None = field(default_factory=ShapeConfig)
    """None leaves shape out: right for thousands of series, where its state and time would be too much."""


@dataclass(frozen=True, slots=True)
class MetricStep:
    """What one step says of the series it was about; arrays have their order."""

    evidence: FloatArray
    sustained: FloatArray
    """Shape evidence on top of a running mean of all evidence: ranks stretches of time, where `evidence` ranks
    moments."""
    alarms: NDArray[np.bool_]
    expected: FloatArray
    parts: dict[str, FloatArray]
    """Evidence by kind: `level`, `seasonal`, and `shape` where it is watched."""


class MetricDetector:
    """One object for many series. Rows are dense numbers from 0; a step holds each row at most once."""

    def __init__(self, config: MetricConfig | None = None) -> None:
        self._config = config or MetricConfig()
        self._seasonal = SeasonalBank(self._config.seasonal)
        self._shape = ShapeBank(self._config.shape) if self._config.shape else None
        self._tails = TailBank(len(VOTES) + (len(self._config.shape.lengths) if self._config.shape else 0))
        self._kinds = {"level": slice(0, 2), "seasonal": slice(2, 5)}
        if self._shape is not None:
            self._kinds["shape"] = slice(5, None)
        self._rest_until = np.zeros(0, np.int64)
        self._last_alarm = np.zeros(0)
        self._fatigue = np.zeros(0)
        self._mean = np.zeros(0)
        self._rest = np.zeros(0, np.int64)
        self._warmup = np.zeros(0, np.int64)

    def __len__(self) -> int:
        return len(self._rest_until)

    def grow(self, rows: int, *, warmup_points: int | None = None) -> None:
        """Make room for rows 0 … `rows` - 1. New ones rest and warm up as configured, or in proportion to a
        `warmup_points` of their own."""
        for bank in (self._seasonal, self._shape, self._tails):
            if bank is not None:
                bank.grow(rows)
        more = max(rows - len(self), 0)
        self._rest_until = np.concatenate([self._rest_until, np.zeros(more, np.int64)])
        self._last_alarm = np.concatenate([self._last_alarm, np.zeros(more)])
        self._fatigue = np.concatenate([self._fatigue, np.zeros(more)])
        self._mean = np.concatenate([self._mean, np.zeros(more)])
        usual = max(self._config.warmup_points, 1)
        own = usual if warmup_points is None else max(warmup_points, 1)
        self._warmup = np.concatenate([self._warmup, np.full(more, own)])
        self._rest = np.concatenate([self._rest, np.full(more, self._config.rest_points * own // usual)])

    def step(self, rows: Rows, times_ns: NDArray[np.int64], values: FloatArray) -> MetricStep:
        """Judge one new value of each of `rows` by what came before it, then learn from it.

        A value that is not a number is no evidence of anything and teaches nothing.
        """
        values = np.clip(values, -_LARGEST, _LARGEST, where=np.isfinite(values), out=np.full(len(rows), np.nan))
        expected = self._seasonal.expected(rows, times_ns)
        seen = self._seasonal.seen(rows)
        deviations = self._seasonal.deviations(rows, times_ns, values)
        if self._shape is not None:
            deviations = np.column_stack([deviations, self._shape.deviations(rows, values)])
        single = self._tails.evidence(rows, deviations)
        self._tails.learn(rows, deviations)
        parts = {name: single[:, columns].mean(axis=1) for name, columns in self._kinds.items()}
        warmup = self._warmup[rows]
        watched = np.log10(np.maximum(seen / np.maximum(warmup, 1), 1.0))
        together = np.mean(list(parts.values()), axis=0)
        self._mean[rows] += _MEAN_WEIGHT * (together - self._mean[rows])
        sustained = self._mean[rows] + parts.get("shape", np.zeros(len(rows)))
        evidence = together - self._config.spending * watched
        evidence = np.where((seen >= warmup) & np.isfinite(values), np.maximum(evidence, 0.0), 0.0)
        alarms = self._alarms(rows, seen, evidence)
        return MetricStep(evidence, sustained, alarms, expected, parts)

    def _alarms(self, rows: Rows, seen: NDArray[np.int64], evidence: FloatArray) -> NDArray[np.bool_]:
        config = self._config
        fatigue = self._fatigue[rows] * 0.5 ** (1 / config.fatigue_half_life)
        rested = (seen >= self._rest_until[rows]) & (evidence >= config.threshold + config.fatigue * fatigue)
        renewed = (evidence >= config.threshold) & (evidence >= self._last_alarm[rows] + config.renewed)
        alarms: NDArray[np.bool_] = rested | (renewed & (self._last_alarm[rows] > 0))
        self._fatigue[rows] = fatigue + alarms
        self._rest_until[rows] = np.where(alarms, seen + self._rest[rows], self._rest_until[rows])
        self._last_alarm[rows] = np.where(alarms, evidence, self._last_alarm[rows])
        return alarms

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """State for a checkpoint; not copied."""
        state: dict[str, NDArray[np.generic]] = {
            "rest_until": self._rest_until, "last_alarm": self._last_alarm, "fatigue": self._fatigue,
            "mean": self._mean,
            "rest": self._rest, "warmup": self._warmup,
        }  # fmt: skip
        for name, bank in self._banks():
            state |= {f"{name}.{key}": value for key, value in bank.arrays().items()}
        return state

    def load(self, arrays: dict[str, NDArray[np.generic]]) -> None:
        self._rest_until = np.array(arrays["rest_until"], np.int64)
        self._last_alarm = np.array(arrays["last_alarm"], np.float64)
        self._fatigue = np.array(arrays["fatigue"], np.float64)
        self._mean = np.array(arrays["mean"], np.float64)
        self._rest, self._warmup = np.array(arrays["rest"], np.int64), np.array(arrays["warmup"], np.int64)
        for name, bank in self._banks():
            prefix = f"{name}."
            bank.load({key.removeprefix(prefix): value for key, value in arrays.items() if key.startswith(prefix)})

    def _banks(self) -> Iterator[tuple[str, SeasonalBank | ShapeBank | TailBank]]:
        yield "seasonal", self._seasonal
        yield "tails", self._tails
        if self._shape is not None:
            yield "shape", self._shape

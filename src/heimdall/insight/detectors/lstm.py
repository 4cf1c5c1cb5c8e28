"""What a small recurrent network, trained on a series, expects of its next value.

One LSTM cell (Hochreiter and Schmidhuber, Neural Computation 9, 1997) reads the last values and the time of the day and
says how far the next value lies from the last one. It is trained by truncated back-propagation with Adam and Huber's
loss, which few odd values hardly move. In NumPy: a series of a chart is thousands of points at most, and a framework of
two hundred megabytes would train it no better.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from heimdall.insight.conformal import FloatArray

Parameters = dict[str, FloatArray]

_INPUTS = 3
"""The value, and the time of the day as a point on a circle."""
_DAY_NS = 86_400 * 10**9
_RATE, _CLIP = 0.01, 1.0
_HUBER = 1.0
"""Residual, in scales of the series' differences, from which on it pulls no harder."""

_JUST_BEFORE, _FAR = 12, 4.0
"""Values, and by how many spreads one is too far from their median to be read as it is."""

_AT_ONCE = 1_024
"""Places predicted at once, each of which takes 20 kB meanwhile: those of 50,000 points together would be 1 GB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LstmConfig:
    window: int = 24
    """Values the cell reads before each prediction. Larger: longer patterns, and time in proportion."""
    hidden: int = 16
    rounds: int = 250
    """Steps of training."""
    batch: int = 64
    """Windows of a step."""
    seed: int = 7


def expected_by_lstm(
    times_ns: NDArray[np.int64],
    values: FloatArray,
    check: Callable[[], None] = lambda: None,
    config: LstmConfig | None = None,
) -> FloatArray:
    """What is expected at each point by the points before it, in order of time; NaN for the first `window`.

    Values that are not numbers count as the last one that was, and are not learnt from. `check` is called between
    steps of milliseconds; what it raises ends it.
    """
    config = config or LstmConfig()
    expected = np.full(len(values), np.nan)
    known = np.isfinite(values)
    if len(values) <= 2 * config.window or not known[config.window :].any():
        return expected
    newest = np.maximum.accumulate(np.where(known, np.arange(len(values)), -1))
    filled = np.where(newest >= 0, values[np.maximum(newest, 0)], values[known][0])
    middle, scale = float(np.median(filled)), _spread(filled)
    series = np.clip((filled - middle) / scale, -20, 20)
    read = _without_odd(series)
    angle = times_ns % _DAY_NS / _DAY_NS * 2 * np.pi
    inputs = np.lib.stride_tricks.sliding_window_view(
        np.column_stack([read, np.sin(angle), np.cos(angle)]), config.window, axis=0
    )[:-1].transpose(2, 0, 1)  # shape (window, places, inputs)
    last, unit = read[config.window - 1 : -1], _spread(np.diff(series))
    target = (series[config.window :] - last) / unit
    learnt = np.flatnonzero(known[config.window :])
    parameters = _trained(inputs, target, learnt, check, config)
    expected[config.window :] = (last + predictions(parameters, inputs, check) * unit) * scale + middle
    return expected


def _without_odd(series: FloatArray) -> FloatArray:
    """The series with what is far from the values just before it brought nearer: what follows an odd value is not to be
    expected to go on from it."""
    before = np.concatenate([np.full(_JUST_BEFORE, series[0]), series[:-1]])
    usual = np.median(np.lib.stride_tricks.sliding_window_view(before, _JUST_BEFORE), axis=1)
    reach = _FAR * _spread(series - usual)
    return np.clip(series, usual - reach, usual + reach)


def _trained(
    inputs: FloatArray,
    target: FloatArray,
    learnt: NDArray[np.int64],
    check: Callable[[], None],
    config: LstmConfig,
) -> Parameters:
    rng = np.random.default_rng(config.seed)
    parameters = started(config.hidden, rng)
    first = {name: np.zeros_like(value) for name, value in parameters.items()}
    second = {name: np.zeros_like(value) for name, value in parameters.items()}
    for number in range(1, config.rounds + 1):
        check()
        chosen = rng.choice(learnt, min(config.batch, len(learnt)), replace=False)
        _, gradients = loss(parameters, inputs[:, chosen], target[chosen])
        norm = float(np.sqrt(sum((gradient**2).sum() for gradient in gradients.values())))
        rate = _RATE * 0.5 * (1 + np.cos(np.pi * number / config.rounds))
        for name, gradient in gradients.items():
            clipped = gradient * min(1.0, _CLIP / max(norm, 1e-12))
            first[name] += 0.1 * (clipped - first[name])
            second[name] += 0.001 * (clipped**2 - second[name])
            step = first[name] / (1 - 0.9**number) / (np.sqrt(second[name] / (1 - 0.999**number)) + 1e-8)
            parameters[name] = parameters[name] - rate * step
    return parameters


def started(hidden: int, rng: np.random.Generator) -> Parameters:
    """Parameters before training: gates in the order input, forget, output, candidate."""
    gates = rng.normal(0, 1 / np.sqrt(hidden + _INPUTS), (_INPUTS + hidden, 4 * hidden))
    bias = np.zeros(4 * hidden)
    bias[hidden : 2 * hidden] = 1.0  # it begins by remembering
    return {"gates": gates, "bias": bias, "out": rng.normal(0, 0.1, hidden), "level": np.zeros(1)}


def predictions(parameters: Parameters, inputs: FloatArray, check: Callable[[], None]) -> FloatArray:
    """Of inputs of shape (window, places, inputs), by place."""
    found = np.empty(inputs.shape[1])
    for start in range(0, len(found), _AT_ONCE):
        check()
        hidden, _ = _forward(parameters, inputs[:, start : start + _AT_ONCE])
        found[start : start + _AT_ONCE] = hidden[-1] @ parameters["out"] + parameters["level"]
    return found


def loss(parameters: Parameters, inputs: FloatArray, target: FloatArray) -> tuple[float, Parameters]:
    """(mean of Huber's loss, its gradient by parameter)."""
    hidden, steps = _forward(parameters, inputs)
    residual = hidden[-1] @ parameters["out"] + parameters["level"] - target
    bounded = np.clip(residual, -_HUBER, _HUBER)
    pull = bounded / len(target)
    gradients = {name: np.zeros_like(value) for name, value in parameters.items()}
    gradients["out"] = hidden[-1].T @ pull
    gradients["level"] = np.array([pull.sum()])
    to_hidden = pull[:, None] * parameters["out"]
    to_cell = np.zeros_like(to_hidden)
    width = to_hidden.shape[1]
    for read, (entered, forgot, shown, candidate, before, squashed) in zip(reversed(inputs_of(inputs, hidden)),
                                                                           reversed(steps), strict=True):  # fmt: skip
        to_cell = to_cell + to_hidden * shown * (1 - squashed**2)
        gates = np.concatenate([
            to_cell * candidate * entered * (1 - entered),
            to_cell * before * forgot * (1 - forgot),
            to_hidden * squashed * shown * (1 - shown),
            to_cell * entered * (1 - candidate**2),
        ], axis=1)  # fmt: skip
        gradients["gates"] += read.T @ gates
        gradients["bias"] += gates.sum(axis=0)
        to_hidden = (gates @ parameters["gates"].T)[:, -width:]
        to_cell = to_cell * forgot
    mean = np.where(np.abs(residual) <= _HUBER, residual**2 / 2, _HUBER * (np.abs(residual) - _HUBER / 2)).mean()
    return float(mean), gradients


def inputs_of(inputs: FloatArray, hidden: list[FloatArray]) -> list[FloatArray]:
    """What the cell read in each step: the inputs, and what it said before."""
    return [np.concatenate([own, said], axis=1) for own, said in zip(inputs, hidden[:-1], strict=True)]


def _forward(parameters: Parameters, inputs: FloatArray) -> tuple[list[FloatArray], list[tuple[FloatArray, ...]]]:
    """(hidden states, the first zero; of each step its gates, the cell before it, and the new one squashed)."""
    width = len(parameters["out"])
    cell = np.zeros((inputs.shape[1], width))
    hidden: list[FloatArray] = [np.zeros_like(cell)]
    steps: list[tuple[FloatArray, ...]] = []
    for own in inputs:
        gates = np.concatenate([own, hidden[-1]], axis=1) @ parameters["gates"] + parameters["bias"]
        entered, forgot, shown = (_sigmoid(gates[:, part * width : (part + 1) * width]) for part in range(3))
        candidate = np.tanh(gates[:, 3 * width :])
        before, cell = cell, forgot * cell + entered * candidate
        squashed = np.tanh(cell)
        steps.append((entered, forgot, shown, candidate, before, squashed))
        hidden.append(shown * squashed)
    return hidden, steps


def _sigmoid(values: FloatArray) -> FloatArray:
    return np.asarray(0.5 * (1 + np.tanh(values / 2)), np.float64)


def _spread(values: FloatArray) -> float:
    """A robust standard deviation; of values that are mostly equal the usual one, and 1 where all are."""
    spread = float(np.median(np.abs(values - np.median(values)))) * 1.4826
    return spread or float(values.std()) or 1.0

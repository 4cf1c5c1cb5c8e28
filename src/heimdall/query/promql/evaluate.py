"""A PromQL tree → its value at each step."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from heimdall.clock import Clock
from heimdall.errors import InvalidInput, QueryCancelled
from heimdall.model.batch import TenantId
from heimdall.query.languages.promql.ast import (
    Aggregation,
    Binary,
    Call,
    Expression,
    Negative,
    Number,
    Selector,
    Subquery,
    Text,
    When,
)
from heimdall.query.languages.promql.words import CALENDAR, NUMERIC, SETS
from heimdall.query.logql.series import Floats, Marks, Matrix, Steps
from heimdall.query.promql import functions
from heimdall.query.promql.operators import (
    aggregated,
    between,
    calculated,
    set_operation,
    with_scalar,
    without_names,
)
from heimdall.query.promql.source import MAX_SAMPLES, Series, SeriesSource, Wanted, check_samples
from heimdall.query.promql.windows import reduced, windows_over

LOOKBACK_NS = 300 * 10**9
"""A sample stands for its series until the next one, for this long at most."""

SUBQUERY_STEP_NS = 60 * 10**9
"""Step of a subquery that names none, as Prometheus' default evaluation interval."""

_NAME_STAYS = frozenset({"last_over_time"})

Value = Floats | Matrix | str
"""A number for each step, series, or a text."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One question: `top` are the steps of the whole, which `@ start()` and `@ end()` mean."""

    source: SeriesSource
    top: Steps
    tenant: TenantId
    clock: Clock
    give_up_s: float

    def value(self, node: Expression, steps: Steps) -> Value:
        match node:
            case Number(value=value):
                return np.full(steps.count, value)
            case Text(value=text):
                return text
            case Selector():
                return self._newest(node, steps)
            case Negative(inner=inner):
                found = self.value(inner, steps)
                if isinstance(found, Matrix):
                    return without_names(Matrix(found.labels, -found.values, found.present))
                assert not isinstance(found, str)
                return -found
            case Binary():
                return self._binary(node, self.value(node.left, steps), self.value(node.right, steps))
            case Aggregation(inner=inner, parameter=parameter):
                given = None if parameter is None else self.value(parameter, steps)
                assert not isinstance(given, Matrix)
                return aggregated(node, self.vector(inner, steps), given)
            case Call():
                return self._call(node, steps)
            case Subquery():
                raise InvalidInput("a range has no value at a step")

    def vector(self, node: Expression, steps: Steps) -> Matrix:
        found = self.value(node, steps)
        assert isinstance(found, Matrix)
        return found

    def scalar(self, node: Expression, steps: Steps) -> Floats:
        found = self.value(node, steps)
        assert isinstance(found, np.ndarray)
        return found

    # ---- selectors ----

    def moments(self, when: When, steps: Steps) -> npt.NDArray[np.int64]:
        """The time each step looks at."""
        times = steps.times_ns
        if when.at is not None:
            at_ns = {"start": self.top.start_ns, "end": self.top.end_ns}.get(str(when.at), when.at)
            times = np.full(steps.count, at_ns, dtype=np.int64)
        return times - when.offset_ns

    def selected(self, node: Selector, ends: npt.NDArray[np.int64], range_ns: int) -> list[Series]:
        after_ns, until_ns = int(ends.min()) - range_ns, int(ends.max())
        left_s = self.give_up_s - self.clock.monotonic()
        if left_s <= 0:
            raise QueryCancelled("query timed out in expression evaluation")
        return self.source.select(Wanted(node.matchers, after_ns, until_ns, range_ns, self.tenant, left_s))

    def _newest(self, node: Selector, steps: Steps) -> Matrix:
        ends = self.moments(node.when, steps)
        return self.over(self.selected(node, ends, LOOKBACK_NS), ends, LOOKBACK_NS, "last_over_time", None)

    def samples(self, node: Expression, steps: Steps) -> tuple[list[Series], npt.NDArray[np.int64], int]:
        """Series of a range, the ends of its windows, and their length."""
        assert isinstance(node, Selector | Subquery)
        ends = self.moments(node.when, steps)
        range_ns = node.range_ns or 0
        if isinstance(node, Selector):
            return self.selected(node, ends, range_ns), ends, range_ns
        step_ns = node.step_ns or SUBQUERY_STEP_NS
        first_ns = ((int(ends.min()) - range_ns) // step_ns + 1) * step_ns
        count = max(0, (int(ends.max()) - first_ns) // step_ns + 1)
        check_samples(count)
        if not count:
            return [], ends, range_ns
        inner_steps = Steps(first_ns, step_ns, count)
        found = self.vector(node.inner, inner_steps)
        times = inner_steps.times_ns
        series = [
            Series(labels, times[there], values[there])
            for labels, values, there in zip(found.labels, found.values, found.present, strict=True)
        ]
        return series, ends, range_ns

    def over(
        self, series: list[Series], ends: npt.NDArray[np.int64], range_ns: int, function: str, parameter: Floats | None
    ) -> Matrix:
        if len(series) * len(ends) > MAX_SAMPLES:
            raise InvalidInput("query processing would load too many samples into memory in query execution")
        values = np.zeros((len(series), len(ends)))
        present: Marks = np.zeros((len(series), len(ends)), dtype=bool)
        for row, each in enumerate(series):
            if row % 64 == 0 and self.clock.monotonic() > self.give_up_s:
                raise QueryCancelled("query timed out in expression evaluation")
            windows = windows_over(each.times_ns, each.values, ends, range_ns)
            values[row], present[row] = reduced(function, windows, parameter)
        return Matrix(tuple(each.labels for each in series), values, present).living()

    # ---- operators and functions ----

    def _binary(self, node: Binary, left: Value, right: Value) -> Value:
        if isinstance(left, Matrix) and isinstance(right, Matrix):
            return set_operation(node, left, right) if node.op in SETS else between(node, left, right)
        assert not isinstance(left, str)
        assert not isinstance(right, str)
        if isinstance(left, Matrix):
            assert not isinstance(right, Matrix)
            return with_scalar(node, left, right, scalar_is_left=False)
        if isinstance(right, Matrix):
            return with_scalar(node, right, left, scalar_is_left=True)
        return calculated(node.op, left, right)

    def _call(self, node: Call, steps: Steps) -> Value:
        name, arguments = node.function, node.arguments
        if name in NUMERIC:
            return functions.numeric(name, self.vector(arguments[0], steps))
        if name in CALENDAR:
            return functions.calendar(name, self.vector(arguments[0], steps) if arguments else _now(steps))
        if name in _PLAIN:
            return _PLAIN[name](self, node, steps)
        place = next(place for place, each in enumerate(arguments) if isinstance(each, Selector | Subquery))
        rest = [self.scalar(each, steps) for other, each in enumerate(arguments) if other != place]
        series, ends, range_ns = self.samples(arguments[place], steps)
        parameter = rest[0] if rest else None
        if parameter is not None and name == "predict_linear":
            parameter = parameter + (steps.times_ns - ends) / 1e9  # from the step on, wherever its window lies
        found = self.over(series, ends, range_ns, name, parameter)
        return found if name in _NAME_STAYS else without_names(found)


def _now(steps: Steps) -> Matrix:
    values = (steps.times_ns / 1e9)[np.newaxis, :]
    return Matrix(((),), values, np.ones_like(values, dtype=bool))


def _texts(run: Evaluation, node: Call, steps: Steps) -> list[str]:
    return [str(run.value(each, steps)) for each in node.arguments[1:]]


def _timestamp(run: Evaluation, node: Call, steps: Steps) -> Matrix:
    """When a selector's samples were taken; of anything else the step's own time."""
    argument = node.arguments[0]
    if not isinstance(argument, Selector):
        inner = run.vector(argument, steps)
        values = np.broadcast_to(steps.times_ns / 1e9, inner.values.shape)
        return without_names(Matrix(inner.labels, values, inner.present))
    ends = run.moments(argument.when, steps)
    timed = [
        Series(each.labels, each.times_ns, each.times_ns / 1e9) for each in run.selected(argument, ends, LOOKBACK_NS)
    ]
    return without_names(run.over(timed, ends, LOOKBACK_NS, "last_over_time", None))


def _absent_over_time(run: Evaluation, node: Call, steps: Steps) -> Matrix:
    series, ends, range_ns = run.samples(node.arguments[0], steps)
    found = run.over(series, ends, range_ns, "present_over_time", None)
    return functions.absent(node.arguments[0], found, steps)


def _vector(run: Evaluation, node: Call, steps: Steps) -> Matrix:
    values = run.scalar(node.arguments[0], steps)[np.newaxis, :]
    return Matrix(((),), values, np.ones_like(values, dtype=bool))


def _label_join(run: Evaluation, node: Call, steps: Steps) -> Matrix:
    target, separator, *sources = _texts(run, node, steps)
    return functions.label_joined(run.vector(node.arguments[0], steps), target, separator, sources)


def _label_replace(run: Evaluation, node: Call, steps: Steps) -> Matrix:
    target, replacement, source, pattern = _texts(run, node, steps)
    return functions.label_replaced(run.vector(node.arguments[0], steps), target, replacement, source, pattern)


def _round(run: Evaluation, node: Call, steps: Steps) -> Matrix:
    nearest = run.scalar(node.arguments[1], steps) if len(node.arguments) > 1 else np.ones(steps.count)
    return functions.rounded(run.vector(node.arguments[0], steps), nearest)


def _first(run: Evaluation, node: Call, steps: Steps) -> Matrix:
    return run.vector(node.arguments[0], steps)


_PLAIN: dict[str, Callable[[Evaluation, Call, Steps], Value]] = {
    "absent": lambda run, node, steps: functions.absent(node.arguments[0], _first(run, node, steps), steps),
    "absent_over_time": _absent_over_time,
    "clamp": lambda run, node, steps: functions.clamped(
        _first(run, node, steps), run.scalar(node.arguments[1], steps), run.scalar(node.arguments[2], steps)
    ),
    "clamp_max": lambda run, node, steps: functions.clamped(
        _first(run, node, steps), None, run.scalar(node.arguments[1], steps)
    ),
    "clamp_min": lambda run, node, steps: functions.clamped(
        _first(run, node, steps), run.scalar(node.arguments[1], steps), None
    ),
    "histogram_quantile": lambda run, node, steps: functions.histogram_quantile(
        run.scalar(node.arguments[0], steps), run.vector(node.arguments[1], steps)
    ),
    "label_join": _label_join,
    "label_replace": _label_replace,
    "pi": lambda run, node, steps: np.full(steps.count, math.pi),
    "round": _round,
    "scalar": lambda run, node, steps: functions.to_scalar(_first(run, node, steps)),
    "sort": lambda run, node, steps: functions.in_order(_first(run, node, steps), descending=False),
    "sort_desc": lambda run, node, steps: functions.in_order(_first(run, node, steps), descending=True),
    "time": lambda run, node, steps: steps.times_ns / 1e9,
    "timestamp": _timestamp,
    "vector": _vector,
}

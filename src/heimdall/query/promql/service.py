"""`PrometheusService`: the questions Grafana's Prometheus data source asks.

Answers are the `data` of Prometheus' JSON. All methods may be called from several threads.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from heimdall.clock import Clock
from heimdall.errors import InvalidInput
from heimdall.model.batch import DEFAULT_TENANT, TenantId
from heimdall.query.languages.promql import parse, parse_selector
from heimdall.query.languages.promql.ast import Kind, Matcher, Selector, Subquery
from heimdall.query.languages.promql.parser import kind_of
from heimdall.query.logql.series import Labels, Matrix, Steps
from heimdall.query.promql.evaluate import Evaluation, Value
from heimdall.query.promql.numbers import format_sample, format_value, seconds
from heimdall.query.promql.source import Series, SeriesSource, Wanted

MAX_STEPS = 11_000
"""Points of one series."""

_LONG_NS = 3_600 * 10**9


class ExecutionFailed(InvalidInput):
    """A query that can be read has no answer over these series: Prometheus' `execution`."""


@dataclass(frozen=True, slots=True)
class Result:
    """`kind` is Prometheus' `resultType`."""

    kind: str
    result: list[object]


class PrometheusService:
    def __init__(self, source: SeriesSource, clock: Clock) -> None:
        self._source = source
        self._clock = clock

    def query(self, text: str, at_ns: int, *, timeout_s: float, tenant: TenantId = DEFAULT_TENANT) -> Result:
        """
        Raises:
            PromqlError: the text is no query.
            ExecutionFailed: it has no answer.
        """
        node = parse(text)
        steps = Steps(at_ns, 1, 1)
        run = self._run(steps, timeout_s, tenant)
        at_s = seconds(at_ns)
        try:
            if isinstance(node, Selector | Subquery) and kind_of(node) is Kind.RANGE:
                return Result("matrix", _ranges(*run.samples(node, steps)))
            found = run.value(node, steps)
        except InvalidInput as exc:
            raise ExecutionFailed(str(exc)) from exc
        if isinstance(found, str):
            return Result("string", [at_s, found])
        if not isinstance(found, Matrix):
            return Result("scalar", [at_s, format_value(float(found[0]))])
        values = zip(found.labels, found.values[:, 0].tolist(), found.present[:, 0].tolist(), strict=True)
        return Result(
            "vector",
            [
                {"metric": dict(labels), "value": [at_s, format_sample(value)]}
                for labels, value, there in values
                if there
            ],
        )

    def query_range(
        self, text: str, start_ns: int, end_ns: int, step_ns: int, *, timeout_s: float,
        tenant: TenantId = DEFAULT_TENANT,
    ) -> Result:  # fmt: skip
        """
        Raises:
            PromqlError, InvalidInput: the text is no query of series, or asks for too many points.
            ExecutionFailed: it has no answer.
        """
        node = parse(text)
        if (kind := kind_of(node)) not in (Kind.SCALAR, Kind.VECTOR):
            raise InvalidInput(
                f'invalid parameter "query": invalid expression type "{kind}" for range query, must be Scalar or '
                "instant Vector"
            )
        steps = Steps(start_ns, step_ns, (end_ns - start_ns) // step_ns + 1)
        if steps.count > MAX_STEPS + 1:
            raise InvalidInput(
                "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution "
                "(?step=XX)"
            )
        try:
            found = self._run(steps, timeout_s, tenant).value(node, steps)
        except InvalidInput as exc:
            raise ExecutionFailed(str(exc)) from exc
        return Result("matrix", _matrix(found, steps))

    def labels(
        self, selectors: Sequence[str], start_ns: int, end_ns: int, tenant: TenantId = DEFAULT_TENANT
    ) -> list[str]:
        """Names of labels."""
        found = self._label_sets(selectors, start_ns, end_ns, tenant)
        return sorted({name for labels in found for name, _ in labels})

    def label_values(
        self, name: str, selectors: Sequence[str], start_ns: int, end_ns: int, tenant: TenantId = DEFAULT_TENANT
    ) -> list[str]:
        found = self._label_sets(selectors, start_ns, end_ns, tenant)
        return sorted({value for labels in found for other, value in labels if other == name})

    def series(
        self, selectors: Sequence[str], start_ns: int, end_ns: int, tenant: TenantId = DEFAULT_TENANT
    ) -> list[dict[str, str]]:
        return [dict(labels) for labels in sorted(set(self._label_sets(selectors, start_ns, end_ns, tenant)))]

    def metadata(self, name: str | None, limit: int | None) -> dict[str, object]:
        found = {
            each: [{"type": known.kind, "help": known.help, "unit": known.unit}]
            for each, known in sorted(self._source.metadata().items())
            if name in (None, each)
        }
        return dict(list(found.items())[:limit])

    # ---- parts ----

    def _run(self, steps: Steps, timeout_s: float, tenant: TenantId) -> Evaluation:
        return Evaluation(self._source, steps, tenant, self._clock, self._clock.monotonic() + timeout_s)

    def _label_sets(self, selectors: Sequence[str], start_ns: int, end_ns: int, tenant: TenantId) -> list[Labels]:
        chosen: list[tuple[Matcher, ...]] = [parse_selector(text) for text in selectors] or [()]
        return [
            labels
            for matchers in chosen
            for labels in self._source.labels(Wanted(matchers, start_ns - 1, end_ns, _LONG_NS, tenant, 60.0))
        ]


def _matrix(found: Value, steps: Steps) -> list[object]:
    assert not isinstance(found, str)
    times = [seconds(int(each)) for each in steps.times_ns]
    if not isinstance(found, Matrix):
        found = Matrix(((),), found[np.newaxis, :], np.ones((1, steps.count), dtype=bool))
    order = sorted(range(len(found.labels)), key=lambda row: found.labels[row])
    living = (row for row in order if found.present[row].any())
    return [
        {
            "metric": dict(found.labels[row]),
            "values": [
                [time, format_sample(value)]
                for time, value, there in zip(
                    times, found.values[row].tolist(), found.present[row].tolist(), strict=True
                )
                if there
            ],
        }
        for row in living
    ]


def _ranges(series: list[Series], ends: np.ndarray[tuple[int], np.dtype[np.int64]], range_ns: int) -> list[object]:
    """The samples themselves."""
    made: list[object] = []
    for each in sorted(series, key=lambda one: one.labels):
        inside = (each.times_ns > ends[0] - range_ns) & (each.times_ns <= ends[0])
        pairs = zip(each.times_ns[inside].tolist(), each.values[inside].tolist(), strict=True)
        values = [[seconds(time_ns), format_sample(value)] for time_ns, value in pairs]
        if values:
            made.append({"metric": dict(each.labels), "values": values})
    return made

"""`LokiService`: the questions Grafana's Loki data source and Logs Drilldown ask, answered by the query service.

Answers are the `data` of Loki's JSON. All methods may be called from several threads.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from heimdall.clock import Clock
from heimdall.errors import InvalidInput, QueryCancelled
from heimdall.model.batch import DEFAULT_TENANT, TenantId
from heimdall.query.ast import Predicate
from heimdall.query.languages.logql import parse
from heimdall.query.languages.logql.amounts import format_number
from heimdall.query.languages.logql.ast import LogQuery, Metric, Number
from heimdall.query.logql.discovery import patterns
from heimdall.query.logql.evaluate import evaluate
from heimdall.query.logql.lines import Direction, Line, find_lines
from heimdall.query.logql.ranges import Reading
from heimdall.query.logql.reader import Cost
from heimdall.query.logql.series import Matrix, Steps, check_series
from heimdall.query.request import Answer, SearchRequest
from heimdall.query.service import QueryService
from heimdall.query.templates import Catalogue

MAX_ENTRIES = 5_000
"""Lines of one answer, as Loki's `max_entries_limit_per_query`."""

MAX_STEPS = 11_000
"""Points of one series."""

_NS_PER_MS = 10**6


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What every question of this face has. The range is [start_ns, end_ns)."""

    start_ns: int
    end_ns: int
    tenant: TenantId = DEFAULT_TENANT
    timeout_s: float = 60.0
    """As Loki's `query_timeout`."""


@dataclass(frozen=True, slots=True)
class Result:
    """`kind` is Loki's `resultType`: streams, matrix, vector or scalar."""

    kind: str
    result: list[object]
    cost: Cost
    took_s: float
    entries: int = 0


class LokiService:
    def __init__(self, queries: QueryService, clock: Clock, templates: Catalogue) -> None:
        self._queries = queries
        self._clock = clock
        self._templates = templates

    def reading(self, asked: Asked) -> Reading:
        """What one question reads with; all its statements together have `asked.timeout_s`."""
        give_up_s = self._clock.monotonic() + asked.timeout_s

        def search(request: SearchRequest) -> Answer:
            left_s = give_up_s - self._clock.monotonic()
            if left_s <= 0:
                raise QueryCancelled("query ran past its time limit; narrow the time range")
            return self._queries.search(replace(request, timeout_s=left_s))

        request = SearchRequest(start_ns=asked.start_ns, end_ns=asked.end_ns, tenant=asked.tenant)
        return Reading(search, request, Cost())

    def query_range(
        self, text: str, asked: Asked, *, step_ns: int, limit: int, direction: Direction, categorized: bool
    ) -> Result:
        """Lines of a range, or a metric at each of its steps.

        Raises:
            LogqlError, InvalidInput: the question has no answer as it stands.
        """
        started_s = self._clock.monotonic()
        query = parse(text)
        reading = self.reading(asked)
        if isinstance(query, LogQuery):
            return self._lines(query, limit, direction, categorized, reading, started_s)
        if (asked.end_ns - asked.start_ns) // step_ns > MAX_STEPS:
            raise InvalidInput(
                "exceeded maximum resolution of 11,000 points per time series. Try increasing the value of the step "
                "parameter"
            )
        steps = Steps(asked.start_ns, step_ns, (asked.end_ns - asked.start_ns) // step_ns + 1)
        matrix = self._series(query, steps, reading)
        times = (steps.times_ns / 1e9).tolist()
        result = [
            {
                "metric": dict(labels),
                "values": [
                    [_seconds(times[step]), format_number(matrix.values[row, step])]
                    for step in range(steps.count)
                    if matrix.present[row, step]
                ],
            }
            for row, labels in enumerate(matrix.labels)
        ]
        return Result("matrix", list(result), reading.cost, self._clock.monotonic() - started_s)

    def query(self, text: str, asked: Asked) -> Result:
        """A metric at the moment `asked.end_ns`."""
        started_s = self._clock.monotonic()
        query = parse(text)
        if isinstance(query, LogQuery):
            raise InvalidInput(
                "log queries are not supported as an instant query type, please change your query to a range query type"
            )
        reading = self.reading(asked)
        at_s = _seconds(asked.end_ns / 1e9)
        if isinstance(query, Number):
            return Result("scalar", [at_s, format_number(query.value)], reading.cost, 0.0)
        matrix = self._series(query, Steps(asked.end_ns, 1, 1), reading)
        result: list[object] = [
            {"metric": dict(labels), "value": [at_s, format_number(matrix.values[row, 0])]}
            for row, labels in enumerate(matrix.labels)
        ]
        return Result("vector", result, reading.cost, self._clock.monotonic() - started_s)

    def lines(self, query: LogQuery, asked: Asked, limit: int) -> list[Line]:
        """The newest lines of a range, newest first."""
        return find_lines(query, min(limit, MAX_ENTRIES), Direction.BACKWARD, self.reading(asked))

    def patterns(self, search: Predicate, step_ns: int, asked: Asked) -> list[dict[str, object]]:
        return patterns(search, step_ns, self.reading(asked), self._templates)

    def _series(self, query: Metric, steps: Steps, reading: Reading) -> Matrix:
        matrix = evaluate(query, steps, reading).living()
        check_series(len(matrix.labels))
        return matrix

    def _lines(
        self, query: LogQuery, limit: int, direction: Direction, categorized: bool, reading: Reading, started_s: float
    ) -> Result:
        if limit > MAX_ENTRIES:
            raise InvalidInput(
                f"max entries limit per query exceeded, limit > max_entries_limit_per_query ({limit} > {MAX_ENTRIES})"
            )
        lines = find_lines(query, limit, direction, reading)
        took_s = self._clock.monotonic() - started_s
        return Result("streams", streams(lines, categorized=categorized), reading.cost, took_s, len(lines))


def streams(lines: Sequence[Line], *, categorized: bool) -> list[object]:
    """Lines by stream; `categorized`: a stream has its own labels only, and each line says the rest."""
    found: dict[tuple[tuple[str, str], ...], list[object]] = {}
    for line in lines:
        labels = line.stream if categorized else line.labels
        value: list[object] = [str(line.time_ns), line.text]
        if categorized:
            parts = {"structuredMetadata": line.metadata, "parsed": line.parsed}
            value.append({name: pairs for name, pairs in parts.items() if pairs})
        found.setdefault(tuple(sorted(labels.items())), []).append(value)
    return [{"stream": dict(labels), "values": values} for labels, values in sorted(found.items())]


def _seconds(value: float) -> int | float:
    """Whole seconds without a fraction; else to the millisecond."""
    rounded = round(value, 3)
    return int(rounded) if rounded == int(rounded) else rounded

"""Counts over time, split by a field."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl
import pyarrow as pa

from heimdall.errors import InvalidInput
from heimdall.model.severity import LEVELS
from heimdall.model.timerange import MAX_NS, MIN_NS, format_time
from heimdall.query.executor import Job
from heimdall.query.facets import level_counts, shown
from heimdall.query.fieldvalues import COUNT_COLUMN, VALUE_COLUMN
from heimdall.query.source import STEP_COLUMN, Question, Source, check_field
from heimdall.storage.engine import TierStatistics

MAX_BUCKETS = 10_000
"""Most buckets of one answer: more than any screen has pixels."""

SERIES = 12
"""Values with a series of their own; the rest is counted as `(other)`."""

OTHER, MISSING = "(other)", "(missing)"

_S = 1_000_000_000
READABLE_NS: tuple[int, ...] = (
    *(scale * unit for unit in (1, 1_000, 1_000_000) for scale in (1, 2, 5, 10, 20, 50, 100, 200, 500)),
    *(scale * _S for scale in (1, 2, 5, 10, 15, 30)),
    *(scale * 60 * _S for scale in (1, 2, 5, 10, 15, 30)),
    *(scale * 3600 * _S for scale in (1, 2, 3, 6, 12)),
    *(scale * 86_400 * _S for scale in (1, 2, 7, 14, 30, 91, 182, 365, 3650)),
)
"""Widths a person reads off an axis."""


@dataclass(frozen=True, slots=True)
class Histogram:
    """`steps` are numbers of steps since 1970, one for each bucket; `series` has as many counts a value."""

    step_ns: int
    steps: range
    totals: list[int]
    series: dict[str, list[int]]

    @property
    def start_ns(self) -> int:
        return self.steps.start * self.step_ns

    @property
    def end_ns(self) -> int:
        return self.steps.stop * self.step_ns

    def as_data(self) -> list[dict[str, object]]:
        return [
            {
                "time": format_time(step * self.step_ns),
                "total": self.totals[place],
                "counts": {name: counts[place] for name, counts in self.series.items() if counts[place]},
            }
            for place, step in enumerate(self.steps)
        ]

    def as_table(self) -> pa.Table:
        starts_ns = [max(MIN_NS, step * self.step_ns) for step in self.steps]  # the first may begin before all time
        times = pa.array(starts_ns, pa.int64()).cast(pa.timestamp("ns", "UTC"))
        return pa.table({"time": times, "total": self.totals, **self.series})


def readable_step_ns(length_ns: int, buckets: int) -> int:
    """Smallest readable width with at most `buckets` buckets, or one too many where borders fall inside."""
    wanted = -(-length_ns // buckets)
    return next((step for step in READABLE_NS if step >= wanted), -(-wanted // READABLE_NS[-1]) * READABLE_NS[-1])


def histogram(
    job: Job,
    source: Source,
    statistics: TierStatistics,
    question: Question,
    *,
    buckets: int,
    step_ns: int | None,
    by: str | None,
) -> Histogram:
    """Counts of matching records between the question's bounds, or those of the data where it has none."""
    if question.query.aggregates:
        raise InvalidInput("a histogram counts records: leave out pipes that group")
    if by is not None:
        check_field(by)
    question = question.counted()
    start_ns, end_ns = extent(question, statistics, job.clock.time_ns())
    step_ns = step_ns or readable_step_ns(max(end_ns - start_ns, 1), buckets)
    steps = range(start_ns // step_ns, -(-end_ns // step_ns) if end_ns > start_ns else start_ns // step_ns + 1)
    if len(steps) > MAX_BUCKETS:
        raise InvalidInput(f"{len(steps):,} buckets are too many; use a longer interval or a narrower range")
    column = "severity_number" if by == "level" else by
    counted = source.counts(
        job,
        _without_idle_bounds(question, statistics, step_ns),
        step_ns,
        column,
        since_1970=statistics.oldest_ns is None or statistics.oldest_ns >= 0,
    )
    frame = pl.from_arrow(counted)
    assert isinstance(frame, pl.DataFrame)
    totals = [0] * len(steps)
    series: dict[str, list[int]] = {}
    named = _named(frame, by)
    for step, name, count in named.iter_rows():
        place = step - steps.start
        if not 0 <= place < len(steps):
            continue
        totals[place] += count
        if name is not None:
            series.setdefault(name, [0] * len(steps))[place] += count
    return Histogram(step_ns, steps, totals, _in_order(series, by))


def _without_idle_bounds(question: Question, statistics: TierStatistics, step_ns: int) -> Question:
    """Drop a bound that no record is beyond: comparing every record with it is half the cost of counting them.

    Only bounds between buckets, so that a record which comes meanwhile still falls outside.
    """
    start_ns, end_ns = question.start_ns, question.end_ns
    oldest_ns, newest_ns = statistics.oldest_ns, statistics.newest_ns
    if oldest_ns is not None and start_ns is not None and start_ns <= oldest_ns and start_ns % step_ns == 0:
        start_ns = None
    if newest_ns is not None and end_ns is not None and newest_ns < end_ns and end_ns % step_ns == 0:
        end_ns = None
    return question.between(start_ns, end_ns)


def _named(frame: pl.DataFrame, by: str | None) -> pl.DataFrame:
    """(step, name of the series, records)."""
    count = pl.col(COUNT_COLUMN).cast(pl.Int64)
    step = pl.col(STEP_COLUMN).cast(pl.Int64)
    if by is None:
        return frame.select(step, pl.lit(None, pl.String).alias("name"), count)
    if by == "level":
        return frame.select(step, level_counts(VALUE_COLUMN).alias("name"), count)
    names = shown(frame[VALUE_COLUMN]).fill_null(MISSING).alias("name")
    frame = frame.select(step, names, count)
    top = frame.group_by("name").agg(pl.col(COUNT_COLUMN).sum()).sort([COUNT_COLUMN, "name"], descending=[True, False])
    kept = pl.Series(top["name"].head(SERIES))
    return frame.with_columns(pl.when(pl.col("name").is_in(kept.implode())).then("name").otherwise(pl.lit(OTHER)))


def _in_order(series: dict[str, list[int]], by: str | None) -> dict[str, list[int]]:
    """Levels from mild to grave, other values by how often they occur."""
    if by == "level":
        return {level.value: series[level.value] for level in LEVELS if level.value in series}
    return dict(sorted(series.items(), key=lambda item: (item[0] == OTHER, -sum(item[1]), item[0])))


def extent(question: Question, statistics: TierStatistics, now_ns: int) -> tuple[int, int]:
    """[start, end) of a question; the data's own where it sets no bound."""
    oldest_ns = now_ns if statistics.oldest_ns is None else statistics.oldest_ns
    newest_ns = now_ns if statistics.newest_ns is None else statistics.newest_ns
    end_ns = min(newest_ns + 1, MAX_NS) if question.end_ns is None else question.end_ns
    start_ns = min(oldest_ns, end_ns) if question.start_ns is None else question.start_ns
    return start_ns, max(start_ns, end_ns)

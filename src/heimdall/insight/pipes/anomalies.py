"""`anomalies [value] [by key, …] [using model]`: which points of a series its own past does not explain."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from heimdall.insight.conformal import FloatArray
from heimdall.insight.detectors.counters import increases
from heimdall.insight.detectors.forecasting import Model, forecasting_model, judged
from heimdall.insight.detectors.metric import MetricConfig, MetricDetector
from heimdall.insight.detectors.shape import ShapeConfig
from heimdall.query.languages.cursor import Cursor
from heimdall.query.languages.hql.expressions import parse_field
from heimdall.query.languages.hql.printer import field_text
from heimdall.query.pipes.word import PipeWord
from heimdall.query.rowpipes import RowPipe
from heimdall.query.shape import Shape, failure, require
from heimdall.query.types import NUMERIC, Type

_WARMUP_SHARE = 0.1
_WARMUP_LEAST, _WARMUP_MOST = 10, 200
_SHAPE = ShapeConfig(lengths=(12,), history=1_000)
_MARKED = 1.5
"""Evidence of a marked point: level, time of day and shape together as rare as one in thirty, each on average. Higher
than what alarms in a stream, since here nothing rests and every point of a long deviation is marked."""
MAX_SERIES = 500
"""Series of one answer that are judged; the state of each takes 20 kB while the answer is made."""
MOST_FORECAST = 20
"""Those a model is fitted to: about a second each."""
_MODEL = re.compile(r"(?i)(?:lstm|prophet)\b")
_COUNTRY = re.compile(r"[A-Za-z]{2,3}\b")


@dataclass(frozen=True, slots=True)
class Anomalies(RowPipe):
    name: ClassVar[str] = "anomalies"
    aggregates: ClassVar[bool] = True
    sorts: ClassVar[bool] = True

    value: str | None = None
    keys: tuple[str, ...] = ()
    time: str = "timestamp"
    model: str | None = None
    holidays: str | None = None

    def to_text(self) -> str:
        value = ""
        if self.value is not None:
            value = " `using`" if self.value.lower() == "using" else f" {field_text(self.value)}"
        by = f" by {', '.join(field_text(key) for key in self.keys)}" if self.keys else ""
        using = f" using {self.model}" if self.model is not None else ""
        holidays = f" holidays {self.holidays}" if self.holidays is not None else ""
        return f"anomalies{value}{by}{using}{holidays}"

    def reads(self) -> Iterator[str]:
        """Columns of the rows before it, none of a record."""
        yield from ()

    def shape(self, before: Shape) -> Shape:
        if before.records or before.type_of(self.time) is not Type.TIME:
            raise failure(
                self.span, "anomalies are found in series over time",
                "put timechart before it: … | timechart span=5m count() as n by service | anomalies",
            )  # fmt: skip
        if self.value is not None and require([self.value], before, self.span)[self.value] not in NUMERIC:
            raise failure(self.span, f"'{self.value}' holds no numbers", "name a column that does")
        require(self.keys, before, self.span)
        if self.value is None and not any(kind in NUMERIC for kind in before.columns.values()):
            raise failure(self.span, "there is no column of numbers here", "chart one: timechart count() as n")
        added = {"expected": Type.NUMBER, "anomaly_score": Type.NUMBER, "anomaly": Type.BOOLEAN}
        return before.extended(added)

    def on_rows(self, rows: pa.Table, check: Callable[[], None]) -> pa.Table:
        frame = pl.from_arrow(rows)
        assert isinstance(frame, pl.DataFrame)
        value = self.value or next(name for name, kind in frame.schema.items() if kind.is_numeric())
        keys = self.keys or tuple(
            name for name, kind in frame.schema.items() if name != self.time and not kind.is_numeric()
        )
        parts = [pl.col(key).cast(pl.String).fill_null("") for key in keys]
        alike = pl.concat_str(parts, separator="\x1f") if parts else pl.col(self.time).cast(pl.String).str.head(0)
        numbers = frame.select(alike.alias("series"))["series"].to_arrow().dictionary_encode().indices.to_numpy()
        series, times = numbers.astype(np.int64), np.asarray(frame[self.time].cast(pl.Int64))
        values, before = _increases(series, times, np.asarray(frame[value].cast(pl.Float64)))
        if self.model is None:
            found = _judge(series, times, values, check)
        else:
            found = _forecast(forecasting_model(self.model, self.holidays), series, times, values, check)
        found["expected"] = found["expected"] + pl.Series(before)
        return frame.with_columns(**found).to_arrow()


def _increases(
    series: NDArray[np.int64], times: NDArray[np.int64], values: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """(what is judged, what it counts from): the increases of counters that begin anew in the chart, any other series
    as it is, from 0."""
    judged_values, before = values.copy(), np.zeros(len(values))
    order = np.lexsort((times, series))
    for own in np.split(order, np.flatnonzero(np.diff(series[order])) + 1)[:MAX_SERIES]:
        rose = increases(values[own])
        if rose is not None:
            judged_values[own], before[own] = rose, np.nan_to_num(values[own] - rose)
    return judged_values, before


def _judge(series: np.ndarray[tuple[int], np.dtype[np.int64]], times: np.ndarray[tuple[int], np.dtype[np.int64]],
           values: FloatArray, check: Callable[[], None]) -> dict[str, pl.Series]:  # fmt: skip
    """Columns `expected`, `anomaly_score` and `anomaly` in the order of the rows: point after point of each series."""
    config = MetricConfig(shape=_SHAPE)
    detector = MetricDetector(config)
    order = np.lexsort((times, series))
    ordered = series[order]
    starts = np.flatnonzero(np.diff(ordered, prepend=-1))
    place = np.arange(len(order)) - np.repeat(starts, np.diff(np.r_[starts, len(order)]))
    longest = int(place.max()) + 1 if len(order) else 0
    warmup = int(np.clip(longest * _WARMUP_SHARE, _WARMUP_LEAST, _WARMUP_MOST))
    detector.grow(min(len(starts), MAX_SERIES), warmup_points=warmup)
    expected, evidence = np.full(len(order), np.nan), np.zeros(len(order))
    for step in range(longest):
        check()
        at = order[place == step]
        at = at[series[at] < MAX_SERIES]
        judged = detector.step(series[at], times[at], values[at])
        if step:
            expected[at] = judged.expected
        evidence[at] = judged.evidence
    return _columns(expected, evidence, evidence >= _MARKED)


def _forecast(
    model: Model, series: NDArray[np.int64], times: NDArray[np.int64], values: FloatArray, check: Callable[[], None]
) -> dict[str, pl.Series]:
    expected, evidence = np.full(len(series), np.nan), np.zeros(len(series))
    marked = np.zeros(len(series), np.bool_)
    for number in range(min(int(series.max(initial=-1)) + 1, MOST_FORECAST)):
        at = np.flatnonzero(series == number)
        at = at[np.argsort(times[at], kind="stable")]
        expected[at] = model(times[at], values[at], check)
        evidence[at], marked[at] = judged(values[at], expected[at])
    return _columns(expected, evidence, marked)


def _columns(expected: FloatArray, evidence: FloatArray, marked: NDArray[np.bool_]) -> dict[str, pl.Series]:
    return {
        "expected": pl.Series(expected).fill_nan(None),
        "anomaly_score": pl.Series((1 - 10**-evidence).round(4)),
        "anomaly": pl.Series(marked),
    }


def _parse(cursor: Cursor) -> Anomalies:
    start = cursor.position
    cursor.skip()
    value = None
    if not cursor.at_pipe_end and not cursor.at_word("by") and not cursor.at_word("using"):
        value = parse_field(cursor)
    keys: list[str] = []
    if cursor.take_word("by"):
        keys.append(parse_field(cursor))
        while cursor.take(","):
            keys.append(parse_field(cursor))
    model = holidays = None
    if cursor.take_word("using"):
        cursor.skip()
        at = cursor.position
        found = cursor.take_match(_MODEL)
        if found is None:
            raise cursor.error("expected a model", at, 1, "write using lstm, or using prophet")
        model = found[0].lower()
        if cursor.take_word("holidays"):
            cursor.skip()
            country = cursor.take_match(_COUNTRY)
            if model != "prophet" or country is None:
                raise cursor.error("expected a country behind prophet", at, 1, "write using prophet holidays DE")
            holidays = country[0].upper()
    return Anomalies(value, tuple(keys), model=model, holidays=holidays, span=cursor.span(start))


WORD = PipeWord(
    name="anomalies",
    syntax="anomalies [value] [by key, …] [using lstm|prophet [holidays country]]",
    doc="Judges every point of a series by the points before it: adds what was `expected`, an `anomaly_score` from 0 to"
    " 1, and `anomaly`, true where level, time of day and shape together are too far off. Put it last, behind"
    " `timechart`; without names it takes the first column of numbers, and one series for each combination of the other"
    " columns. `using` judges by a model that is fitted to the whole series instead, of the first"
    f" {MOST_FORECAST} series: `lstm`, a small recurrent network, or `prophet` (needs `heimdall-logs[prophet]`), which"
    " knows the holidays of a country (`using prophet holidays DE`).",
    example="level>=error | timechart span=5m count() as errors by service | anomalies",
    parse=_parse,
)

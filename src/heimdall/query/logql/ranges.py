"""A range aggregation over records: as one grouped statement where every engine can count it, else over its lines.

Counts, rates and sizes of lines that only selectors and stored labels choose go to the engine as sums by step of time
and label: nothing is read but the groups. Windows end at their moments and begin behind them, (t - range, t], so the
steps of such a statement are moved by a nanosecond: they begin behind a moment too.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from heimdall.errors import InvalidInput
from heimdall.model.severity import Level
from heimdall.model.stream import LINE_FIELD
from heimdall.query.ast import Arithmetic, Call, Duration, Expression, Field, Predicate, Query
from heimdall.query.languages.hql import to_text
from heimdall.query.languages.logql.amounts import parse_bytes, parse_duration, parse_number
from heimdall.query.languages.logql.ast import Grouping, LogQuery, RangeAggregation
from heimdall.query.logql.labels import (
    ERROR,
    ERROR_DETAILS,
    LEVEL,
    SERVICE,
    UNKNOWN_LEVEL,
    UNKNOWN_SERVICE,
    fields_of,
)
from heimdall.query.logql.push import push
from heimdall.query.logql.reader import (
    Cost,
    Search,
    as_text,
    label,
    label_sets,
    mapped,
    names_in,
    pages,
    values_of,
    with_error,
)
from heimdall.query.logql.series import MAX_INNER_SERIES, Floats, Labels, Matrix, Steps, check_series, labels_from
from heimdall.query.logql.stages import apply, labels_read
from heimdall.query.logql.windows import Samples, absent, over_windows
from heimdall.query.pipes.aggregation import Column
from heimdall.query.pipes.stats import Stats
from heimdall.query.request import SearchRequest
from heimdall.query.rows import JSON_TEXT

MAX_SAMPLES = 4_000_000
"""Lines one range aggregation may hold as numbers at a time, 24 bytes each."""

MAX_ROWS = 10_000
"""Groups the engine gives at once; where there are more, the range is halved."""

Places = npt.NDArray[np.int64]

SIZE = Call(
    "sum", (Call("coalesce", (Call("byte_length", (Field(LINE_FIELD),)), Call("byte_length", (Field("message"),)))),)
)
"""Bytes of lines. Where only their lengths are asked for, an engine need not read the messages."""

_COUNTING = frozenset({"count_over_time", "rate"})
_SIZING = frozenset({"bytes_over_time", "bytes_rate"})
_DAY_NS = 86_400 * 10**9
_SUMMED = frozenset({"count_over_time", "rate", "bytes_over_time", "bytes_rate", "sum_over_time"})
"""Aggregations whose series may be added up before they are taken over windows: `sum by (…)` of them needs no more
labels than its own."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What it takes to read records for one question."""

    search: Search
    request: SearchRequest
    """Tenant, deadline and the like; the range and the query are set here."""
    cost: Cost


def evaluate_range(node: RangeAggregation, steps: Steps, outer: Grouping | None, reading: Reading) -> Matrix:
    """`outer`: how the series will be added up next; None = they stay as they are."""
    grouping = node.grouping
    if grouping is None and outer is not None and node.op in _SUMMED:
        grouping = outer
    pushed = push(node.query)
    start_ns = steps.start_ns - node.offset_ns - node.range_ns + 1
    end_ns = steps.end_ns - node.offset_ns + 1
    wanted = replace(reading, request=replace(reading.request, start_ns=start_ns, end_ns=end_ns))
    if not pushed.stages and node.unwrap is None and grouping is not None and not grouping.without \
            and node.op in _COUNTING | _SIZING and _can_be_grouped(grouping):  # fmt: skip
        samples = _counted(node, pushed.search, steps, grouping, wanted)
    else:
        samples = _sampled(node, pushed.search, LogQuery((), pushed.stages), grouping, wanted)
    found = over_windows(node, samples, steps)
    if node.op == "absent_over_time":
        equal = {each.name: each.value for each in node.query.matchers if each.op == "="}
        return absent(node, found, steps, labels_from(equal))
    return found


# ---- counted by the engine -------------------------------------------------------------------------------------------


def _can_be_grouped(grouping: Grouping) -> bool:
    return not set(grouping.labels) & {ERROR, ERROR_DETAILS}


def _counted(node: RangeAggregation, search: Predicate, steps: Steps, grouping: Grouping, reading: Reading) -> Samples:
    """Sums by step and label, as samples at the end of their steps."""
    grid_ns = _grid(node, steps)
    shift_ns = (steps.start_ns - node.offset_ns + 1) % grid_ns
    value: Expression = Call("count")
    if node.op in _SIZING:
        value = SIZE
    keys = [Column(_label_value(name), f"k{place}") for place, name in enumerate(grouping.labels)]
    if steps.count > 1:
        moment: Expression = Field("timestamp")
        if shift_ns:
            moment = Arithmetic("-", moment, Duration(shift_ns))
        keys.insert(0, Column(Call("bin", (moment, Duration(grid_ns))), "step"))
    query = to_text(Query(search, (Stats((Column(value, "v"),), tuple(keys)),)))
    frames = [
        _groups(table, grouping) for table in _halved(query, reading, grid_ns, shift_ns, counting=node.op in _COUNTING)
    ]
    groups = pl.concat(frames) if frames else pl.DataFrame()
    if not groups.height:
        return Samples((), np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0))
    names = list(grouping.labels)
    labels, series = _series(groups.select(names) if names else groups.select([]), names, groups.height)
    if "step" in groups.columns:
        times = groups["step"].dt.epoch("ns").to_numpy() + shift_ns + grid_ns - 1
    else:
        times = np.full(groups.height, steps.end_ns - node.offset_ns)
    return Samples(labels, series, times, groups["v"].cast(pl.Float64).fill_null(0.0).to_numpy())


def _grid(node: RangeAggregation, steps: Steps) -> int:
    """Widest steps that every window is made of whole ones."""
    grid_ns = math.gcd(node.range_ns, steps.step_ns) if steps.count > 1 else node.range_ns
    return math.gcd(grid_ns, _DAY_NS) if grid_ns % _DAY_NS == 0 else grid_ns


def _label_value(name: str) -> Expression:
    fields = tuple(Field(each) for each in fields_of(name))
    return fields[0] if len(fields) == 1 else Call("coalesce", fields)


def _halved(query: str, reading: Reading, grid_ns: int, shift_ns: int, *, counting: bool) -> Iterator[pl.DataFrame]:
    """All groups of the range: in one statement, or in several over parts of it."""
    waiting = [(reading.request.start_ns or 0, reading.request.end_ns or 0)]
    while waiting:
        start_ns, end_ns = waiting.pop()
        request = replace(reading.request, q=query, start_ns=start_ns, end_ns=end_ns, limit=MAX_ROWS)
        answer = reading.search(request)
        reading.cost.scanned_rows += answer.scanned_rows
        if answer.next is not None or answer.partial:
            middle_ns = (start_ns + end_ns) // 2
            middle_ns -= (middle_ns - shift_ns) % grid_ns
            if not start_ns < middle_ns < end_ns:
                raise InvalidInput(f"maximum of series ({MAX_ROWS}) reached for a single query")
            waiting += [(start_ns, middle_ns), (middle_ns, end_ns)]
            continue
        table = answer.rows
        spoken = [field.name for field in table.schema if (field.metadata or {}).items() >= JSON_TEXT.items()]
        frame = pl.from_arrow(table)
        assert isinstance(frame, pl.DataFrame)
        if "v" in frame.columns and counting:
            reading.cost.rows += int(frame["v"].sum() or 0)
        yield frame.with_columns(
            as_text(frame[name], is_json=True).alias(name) for name in spoken if name in frame.columns
        )


def _groups(frame: pl.DataFrame, grouping: Grouping) -> pl.DataFrame:
    columns = [pl.col("step")] if "step" in frame.columns else []
    for place, name in enumerate(grouping.labels):
        value = pl.col(f"k{place}")
        if frame.schema[f"k{place}"].is_numeric():
            value = pl.lit(as_text(frame[f"k{place}"], is_json=False))
        value = value.cast(pl.String)
        if name == SERVICE:
            value = value.fill_null(UNKNOWN_SERVICE)
        elif name == LEVEL:
            value = value.replace(Level.UNSET.value, UNKNOWN_LEVEL).fill_null(UNKNOWN_LEVEL)
        elif name == "level":
            value = value.replace(Level.UNSET.value, "")
        columns.append(value.fill_null("").alias(name))
    return frame.filter(pl.col("v") > 0).select(*columns, "v")


# ---- read as lines ---------------------------------------------------------------------------------------------------


def _sampled(
    node: RangeAggregation, search: Predicate, rest: LogQuery, grouping: Grouping | None, reading: Reading
) -> Samples:
    names = _names_needed(node, rest, grouping)
    known: dict[Labels, int] = {}
    series: list[npt.NDArray[Any]] = []
    times: list[npt.NDArray[Any]] = []
    values: list[npt.NDArray[Any]] = []
    held = 0
    request = replace(reading.request, limit=MAX_ROWS)
    for page in pages(reading.search, search, request, names, reading.cost):
        frame = apply(page, rest.stages, names)
        frame, numbers = _values(node, frame)
        if not frame.height:
            continue
        _check_errors(frame)
        labels, places = _labels_of(frame, node, grouping)
        numbered = np.array([known.setdefault(each, len(known)) for each in labels], dtype=np.int64)
        check_series(len(known), MAX_INNER_SERIES)
        series.append(numbered[places])
        times.append(frame["t"].to_numpy())
        values.append(numbers)
        held += frame.height
        if held > MAX_SAMPLES:
            raise InvalidInput(
                f"the query would read too many lines (limit: {MAX_SAMPLES}); consider adding more specific stream "
                "selectors, or reduce the time range of the query"
            )
    if not series:
        return Samples((), np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0))
    # newest first as read: turned round, so that of equal times the later position comes last
    return Samples(
        tuple(known), np.concatenate(series)[::-1], np.concatenate(times)[::-1], np.concatenate(values)[::-1]
    )


def _names_needed(node: RangeAggregation, rest: LogQuery, grouping: Grouping | None) -> frozenset[str] | None:
    """Labels that decide the answer; None = every one of them."""
    if node.op != "absent_over_time" and (grouping is None or grouping.without):
        return None
    after = node.unwrap.filters if node.unwrap is not None else ()
    read = labels_read((*rest.stages, *after))
    if read is None:
        return None
    names = set(read) | set(grouping.labels if grouping is not None else ())
    if node.unwrap is not None:
        names.add(node.unwrap.label)
    names |= {name.removesuffix("_extracted") for name in names}
    return frozenset(names - {ERROR, ERROR_DETAILS})


_CONVERT: dict[str | None, Callable[[str], float | None]] = {
    None: parse_number,
    "bytes": parse_bytes,
    "duration": lambda text: None if (found := parse_duration(text)) is None else found / 1e9,
    "duration_seconds": lambda text: None if (found := parse_duration(text)) is None else found / 1e9,
}


def _values(node: RangeAggregation, frame: pl.DataFrame) -> tuple[pl.DataFrame, Floats]:
    """Lines that count, and the number of each."""
    unwrap = node.unwrap
    if unwrap is None:
        if node.op in _SIZING:
            return frame, frame["line"].str.len_bytes().cast(pl.Float64).to_numpy()
        return frame, np.ones(frame.height)
    value = values_of(frame, unwrap.label)
    frame, value = frame.filter(value.is_not_null()), value.drop_nulls()
    distinct = value.unique()
    convert = _CONVERT[unwrap.conversion]
    numbers = pl.Series([convert(text) for text in distinct.to_list()], dtype=pl.Float64)
    amount = value.replace_strict(distinct, numbers, default=None, return_dtype=pl.Float64)
    bad = amount.is_null()
    if bad.any():
        error = pl.select(pl.when(pl.lit(bad)).then(pl.lit("SampleExtractionErr"))).to_series()
        frame = with_error(frame, error, mapped(value, lambda text: f"cannot read {text!r} as a number"))
    frame = frame.with_columns(amount.fill_null(0.0).alias("\0value"))
    frame = apply(frame, unwrap.filters)
    return frame, frame["\0value"].to_numpy()


def _check_errors(frame: pl.DataFrame) -> None:
    failed = frame.filter(label(frame, ERROR).is_not_null())
    if not failed.height:
        return
    line = failed.head(1)
    pairs = label_sets(line, names_in(line)).to_dicts()[0]
    shown = ", ".join(f'{name}="{value}"' for name, value in labels_from(pairs))
    error = pairs[ERROR]
    raise InvalidInput(
        f"pipeline error: '{error}' for series: '{{{shown}}}'.\nUse a label filter to intentionally skip this error. "
        f'(e.g | __error__!="{error}").\nTo skip all potential errors you can match empty errors.(e.g __error__="")\n'
        'The label filter can also be specified after unwrap. (e.g | unwrap latency | __error__="" )\n'
    )


def _labels_of(
    frame: pl.DataFrame, node: RangeAggregation, grouping: Grouping | None
) -> tuple[tuple[Labels, ...], Places]:
    """Distinct label sets, and which of them each line has."""
    names = names_in(frame)
    if node.op == "absent_over_time":
        names = []
    elif grouping is not None and not grouping.without:
        names = list(dict.fromkeys(grouping.labels))
    elif grouping is not None:
        names = [name for name in names if name not in grouping.labels]
    if node.unwrap is not None and (grouping is None or grouping.without):
        names = [name for name in names if name != node.unwrap.label]
    names = [name for name in names if name not in (ERROR, ERROR_DETAILS)]
    by_name = grouping is not None and not grouping.without
    return _series(label_sets(frame, names, hidden=by_name) if names else frame.select([]), names, frame.height)


def _series(columns: pl.DataFrame, names: list[str], rows: int) -> tuple[tuple[Labels, ...], Places]:
    if not names:
        return ((),), np.zeros(rows, dtype=np.int64)
    distinct = columns.unique(maintain_order=True)
    check_series(distinct.height, MAX_INNER_SERIES)
    places = columns.join(distinct.with_row_index("\0place"), on=names, how="left", maintain_order="left")["\0place"]
    labels = tuple(labels_from(row) for row in distinct.iter_rows(named=True))
    return labels, places.cast(pl.Int64).to_numpy()

"""Metrics made of logs: counters that a query groups out of the records, when it is asked.

A counter begins at 0 with each day (UTC): its value at a moment is what the day has had until then, whichever range is
asked for. At midnight it still has the whole day's value; where the next one is no smaller, a 0 stands a millisecond
behind midnight, so that every reset is seen and `rate` and `increase` lose nothing.

Samples lie at whole multiples of 15 s, 1 min, 5 min or 1 h: the widest of which several lie in the window of the
question. From a minute on the engine's rollups hold the answer for `heimdall_log_records_total` and
`heimdall_log_template_records_total`.

Labels are those of the metric, and each that a matcher names: `{region=~".+"}` brings `region`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from heimdall.model.template import TemplateNames
from heimdall.query.ast import Arithmetic, Call, Expression, Field, Literal
from heimdall.query.languages.hql import parse as parse_hql
from heimdall.query.languages.logql.ast import Matcher as LabelMatcher
from heimdall.query.languages.promql.ast import NAME, Matcher
from heimdall.query.languages.promql.parser import matches
from heimdall.query.logql.discovery import grouped
from heimdall.query.logql.labels import fields_of
from heimdall.query.logql.push import all_of, selected
from heimdall.query.logql.ranges import SIZE, Reading
from heimdall.query.logql.reader import Cost, Search
from heimdall.query.logql.series import Floats, Labels, labels_from
from heimdall.query.pipes.aggregation import Column
from heimdall.query.pipes.stats import Stats
from heimdall.query.promql.source import Metadata, Series, Wanted, check_samples, chosen
from heimdall.query.request import SearchRequest
from heimdall.query.templates import Catalogue

RECORDS = "heimdall_log_records_total"
BYTES = "heimdall_log_bytes_total"
TEMPLATES = "heimdall_log_template_records_total"
DURATION = "heimdall_log_duration_seconds"
FIELD = "heimdall_log_field"

METADATA: dict[str, Metadata] = {
    RECORDS: Metadata("counter", "Records since midnight UTC, by service and level."),
    BYTES: Metadata("counter", "Bytes of messages since midnight UTC, by service and level.", "bytes"),
    TEMPLATES: Metadata("counter", "Records since midnight UTC, by template and level."),
    DURATION: Metadata("histogram", "`duration_ms` of records since midnight UTC, in seconds, by service.", "seconds"),
    FIELD: Metadata("summary", "Numbers in the field that a matcher names, since midnight UTC, by service."),
}  # fmt: skip

BOUNDS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds of the duration's buckets."""

NUMBER_FIELDS = ("duration_ms", "cpu_usage", "memory_usage", "error_rate")
"""Fields of `heimdall_log_field` where none is named."""

_SPACINGS_NS = tuple(seconds * 10**9 for seconds in (3_600, 300, 60, 15))
_DAY_NS = 86_400 * 10**9
_RESET_NS = 10**6
_MAX_FIELDS = 20


@dataclass(frozen=True, slots=True)
class _Metric:
    """One grouped statement: `columns` are its numbers, each with the labels that tell it from the others."""

    keys: tuple[str, ...]
    columns: tuple[tuple[dict[str, str], Expression], ...]


@dataclass(frozen=True, slots=True)
class LogMetrics:
    search: Search
    templates: Catalogue

    def select(self, wanted: Wanted) -> list[Series]:
        spacing_ns = next((each for each in _SPACINGS_NS if each * 4 <= wanted.window_ns), _SPACINGS_NS[-1])
        first_ns = (wanted.after_ns // spacing_ns + 1) * spacing_ns
        last_ns = wanted.until_ns // spacing_ns * spacing_ns
        if last_ns < first_ns:
            return []
        grid = _Grid(first_ns, spacing_ns, (last_ns - first_ns) // spacing_ns + 1)
        check_samples(grid.count)
        found: list[Series] = []
        for metric in _metrics(wanted.matchers):
            found += self._series(metric, wanted, grid)
            check_samples(sum(len(each.times_ns) for each in found))
        return found

    def labels(self, wanted: Wanted) -> list[Labels]:
        found: list[Labels] = []
        for metric in _metrics(wanted.matchers):
            keys = _keys(metric, wanted.matchers)
            rows = self._grouped(metric, keys, wanted, wanted.after_ns, wanted.until_ns, None)
            found += [labels for labels, _, _ in self._values(metric, keys, rows, wanted)]
        return sorted(set(found))

    def metadata(self) -> Mapping[str, Metadata]:
        return METADATA

    # ---- one metric ----

    def _series(self, metric: _Metric, wanted: Wanted, grid: _Grid) -> list[Series]:
        keys = _keys(metric, wanted.matchers)
        begun_ns = grid.first_ns - grid.spacing_ns
        counts: dict[Labels, Floats] = {}
        bases: dict[Labels, float] = {}
        if begun_ns > grid.day_ns:
            before = self._grouped(metric, keys, wanted, grid.day_ns, begun_ns, None)
            for labels, _, value in self._values(metric, keys, before, wanted):
                bases[labels] = bases.get(labels, 0.0) + value
                counts.setdefault(labels, np.zeros(grid.count))
                check_samples(len(counts) * grid.count)
        rows = self._grouped(metric, keys, wanted, begun_ns, grid.last_ns, grid.spacing_ns)
        for labels, step_ns, value in self._values(metric, keys, rows, wanted):
            if labels not in counts:
                counts[labels] = np.zeros(grid.count)
                check_samples(len(counts) * grid.count)
            place = (step_ns - 1 - begun_ns) // grid.spacing_ns
            if 0 <= place < grid.count:
                counts[labels][place] += value
        return [grid.counter(labels, own, bases.get(labels, 0.0)) for labels, own in counts.items()]

    def _grouped(
        self, metric: _Metric, keys: tuple[str, ...], wanted: Wanted, after_ns: int, until_ns: int, step_ns: int | None
    ) -> pl.DataFrame:
        pushed = [
            selected(LabelMatcher(each.name, each.op, each.value)) for each in wanted.matchers if each.name not in _MADE
        ]
        request = SearchRequest(
            start_ns=after_ns + 1, end_ns=until_ns + 1, tenant=wanted.tenant, timeout_s=wanted.timeout_s
        )
        columns = [Column(value, f"v{place}") for place, (_, value) in enumerate(metric.columns)]
        expressions = [_key(name) for name in keys]
        return grouped(all_of(pushed), columns, expressions, Reading(self.search, request, Cost()), step_ns=step_ns)

    def _values(
        self, metric: _Metric, keys: tuple[str, ...], rows: pl.DataFrame, wanted: Wanted
    ) -> list[tuple[Labels, int, float]]:
        """(labels, start of the step, number) of what a grouping found; a row may have several."""
        if not rows.height:
            return []
        names = TemplateNames({}, {})
        if "template_id" in keys:
            ids = rows[f"k{keys.index('template_id')}"].to_list()
            names = self.templates.names(wanted.tenant, {int(one or 0) for one in ids})
        found = []
        known: dict[tuple[object, ...], list[Labels | None]] = {}
        places = range(len(metric.columns))
        for row in rows.iter_rows(named=True):
            group = tuple(row[f"k{place}"] for place in range(len(keys)))
            if group not in known:
                pairs = {name: _shown(name, value) for name, value in zip(keys, group, strict=True)}
                if "template_id" in pairs:
                    number = names.final.get(int(pairs["template_id"] or 0), int(pairs["template_id"] or 0))
                    pairs |= {"template_id": str(number), "template": names.texts.get(number, "")}
                sets = [labels_from(pairs | metric.columns[place][0]) for place in places]
                known[group] = [each if chosen(wanted.matchers, each) else None for each in sets]
            for place, labels in enumerate(known[group]):
                value = row[f"v{place}"]
                if labels is not None and value is not None:
                    found.append((labels, int(row.get("step") or 0), float(value)))
        return found


@dataclass(frozen=True, slots=True)
class _Grid:
    """Moments of samples: `count` of them from `first_ns`."""

    first_ns: int
    spacing_ns: int
    count: int

    @property
    def last_ns(self) -> int:
        return self.first_ns + (self.count - 1) * self.spacing_ns

    @property
    def day_ns(self) -> int:
        """Midnight before the first sample."""
        return (self.first_ns - 1) // _DAY_NS * _DAY_NS

    def counter(self, labels: Labels, counts: Floats, base: float) -> Series:
        times = self.first_ns + np.arange(self.count, dtype=np.int64) * self.spacing_ns
        days = (times - 1) // _DAY_NS
        whole = np.cumsum(counts)
        begins = np.flatnonzero(np.concatenate([[True], days[1:] != days[:-1]]))
        before = np.where(begins > 0, whole[begins - 1], -base)
        values = whole - np.repeat(before, np.diff(np.append(begins, self.count)))
        unseen = begins[1:][values[begins[1:]] >= values[begins[1:] - 1]]
        midnights = times[unseen - 1] + _RESET_NS
        return Series(labels, np.insert(times, unseen, midnights), np.insert(values, unseen, 0.0))


# ---- which metrics, which labels -------------------------------------------------------------------------------------

_MADE = frozenset({NAME, "template", "template_id", "le", "field"})
"""Labels that are not looked for in records."""


def _metrics(matchers: Sequence[Matcher]) -> list[_Metric]:
    wanted = [each for each in matchers if each.name == NAME]

    def named(name: str) -> bool:
        return all(matches(each, name) for each in wanted)

    found = []
    if named(RECORDS):
        found.append(_Metric(("service", "level"), (({NAME: RECORDS}, Call("count")),)))
    if named(BYTES):
        found.append(_Metric(("service", "level"), (({NAME: BYTES}, SIZE),)))
    if named(TEMPLATES):
        found.append(_Metric(("template_id", "level"), (({NAME: TEMPLATES}, Call("count")),)))
    durations = tuple(column for column in _durations() if named(column[0][NAME]))
    if durations:
        found.append(_Metric(("service",), durations))
    fields = tuple(column for column in _numbers(matchers) if named(column[0][NAME]))
    if fields:
        found.append(_Metric(("service",), fields))
    return found


def _durations() -> list[tuple[dict[str, str], Expression]]:
    field = Field("duration_ms")
    there: Expression = Call("count_if", (Call("exists", (field,)),))
    found = [
        ({NAME: f"{DURATION}_bucket", "le": f"{bound:g}"}, _hql(f"count_if(duration_ms <= {bound * 1e3:g})"))
        for bound in BOUNDS_S
    ]
    found.append(({NAME: f"{DURATION}_bucket", "le": "+Inf"}, there))
    found.append(({NAME: f"{DURATION}_count"}, there))
    found.append(({NAME: f"{DURATION}_sum"}, Arithmetic("/", Call("sum", (field,)), Literal(1000))))
    return found


def _numbers(matchers: Sequence[Matcher]) -> list[tuple[dict[str, str], Expression]]:
    about = [each for each in matchers if each.name == "field"]
    named = [each.value for each in about if each.op == "=" and each.value]
    names = [name for name in (named or NUMBER_FIELDS)[:_MAX_FIELDS] if all(matches(each, name) for each in about)]
    found: list[tuple[dict[str, str], Expression]] = []
    for name in names:
        number = Call("tonumber", (Field(name),))
        found.append(({NAME: f"{FIELD}_sum", "field": name}, Call("sum", (number,))))
        found.append(({NAME: f"{FIELD}_count", "field": name}, Call("count_if", (Call("exists", (number,)),))))
    return found


def _hql(aggregate: str) -> Expression:
    stats = parse_hql(f"* | stats {aggregate} as v").pipes[0]
    assert isinstance(stats, Stats)
    return stats.columns[0].expression


def _keys(metric: _Metric, matchers: Sequence[Matcher]) -> tuple[str, ...]:
    return tuple(dict.fromkeys([*metric.keys, *(each.name for each in matchers if each.name not in _MADE)]))


def _key(name: str) -> Expression:
    fields = tuple(Field(each) for each in ((name,) if name == "template_id" else fields_of(name)))
    return fields[0] if len(fields) == 1 else Call("coalesce", fields)


def _shown(name: str, value: str | None) -> str:
    return "" if value is None or name == "level" and value == "unset" else value

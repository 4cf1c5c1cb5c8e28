"""Every field's values of two sides: which values one of them has more of than the other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl

from heimdall.insight.comparing.sides import Pair, Side, matrix
from heimdall.insight.comparing.templates import effect_of
from heimdall.insight.conformal import FloatArray
from heimdall.insight.significance import LEVEL, Counted, Judged, judge
from heimdall.query.asking import Asking
from heimdall.query.ast import And, Compare, Exists, Not, Operator, Or, Predicate, Query
from heimdall.query.facets import level_counts, shown
from heimdall.query.fields import ATTRIBUTES, canonical
from heimdall.query.languages.hql import to_text
from heimdall.query.rows import attribute_object, flat_attributes
from heimdall.query.source import check_field

SAMPLE = 1_000
"""Newest records of each side that say which fields there are; what is told of them is counted over all records."""
MOST_FIELDS = 30
"""Fields of one comparison; each costs two statements, about 10 ms a million records."""
COUNTED_VALUES = 50
"""Values of a field that are counted, the most frequent of the sample: whatever a sender writes into a field, an answer
holds this many of its values by step."""
MOST_VALUES = 20
"""Values of a field that are told."""
_LEAST = 5.0
"""Records of a value, both sides together, from which it is tested."""
_IDENTIFIER = 0.5
"""A field with more than `COUNTED_VALUES` values that differ in this share of the records names single things."""
_NOT_COMPARED = frozenset(
    {"id", "timestamp", "observed_timestamp", "severity_number", "message", "template_id", "trace_id", "span_id",
     "parent_span_id", "trace_flags", "anomaly_score", "retention_policy", ATTRIBUTES}
)  # fmt: skip
"""Times, ids, and what another part of the comparison tells."""


@dataclass(frozen=True, slots=True)
class FieldCounts:
    """`values` that are tested, as text; None: the records without the field."""

    name: str
    values: list[str | None]
    now: Counted
    before: Counted
    judged: Judged
    totals: tuple[float, float]


def count_fields(
    asking: Asking, pair: Pair, names: tuple[str, ...], totals: tuple[FloatArray, FloatArray]
) -> list[FieldCounts]:
    """`names`: empty = every field that a sample of both sides has. `totals`: all records of each side by step."""
    for name in names:
        check_field(name)
    sampled = _sample(asking, pair)
    chosen = names or tuple(_worth_comparing(sampled))[:MOST_FIELDS]
    found = (_count(asking, pair, name, sampled.get(name, Counter()), totals) for name in chosen)
    return [one for one in found if one is not None]


def field_findings(pair: Pair, fields: list[FieldCounts], adjusted: list[FloatArray]) -> list[dict[str, object]]:
    """Fields with a value that differs, the most surprising first; of each the values that differ."""
    ranked: list[tuple[float, dict[str, object]]] = []
    for field, p in zip(fields, adjusted, strict=True):
        places = np.flatnonzero(p < LEVEL)
        if not len(places):
            continue
        places = places[np.argsort(-field.judged.surprise[places], kind="stable")][:MOST_VALUES]
        values = [_value(pair, field, place, float(p[place])) for place in places.tolist()]
        ranked.append((float(field.judged.surprise[places[0]]), {"field": field.name, "values": values}))
    return [entry for _, entry in sorted(ranked, key=lambda one: -one[0])]


def _value(pair: Pair, field: FieldCounts, place: int, p: float) -> dict[str, object]:
    count, baseline_count = float(field.now.sums[place]), float(field.before.sums[place])
    value = field.values[place]
    side = pair.now if count else pair.before
    return {
        "value": value,
        "count": int(count),
        "baseline_count": int(baseline_count),
        "share": round(count / max(field.totals[0], 1.0), 6),
        "baseline_share": round(baseline_count / max(field.totals[1], 1.0), 6),
        **effect_of(field.judged, place, p),
        "query": to_text(Query(And((side.search, _has(field.name, value))))),
    }


def _has(name: str, value: str | None) -> Predicate:
    return Not(Exists(name)) if value is None else Compare(name, Operator.EQ, value)


def _sample(asking: Asking, pair: Pair) -> dict[str, Counter[str]]:
    """Field → how often the sample has each of its values, as text."""
    found: dict[str, Counter[str]] = {}
    for side in (pair.now, pair.before):
        rows = asking.rows(Query(side.search), side.window, SAMPLE)
        for name in rows.columns:
            if name not in _NOT_COMPARED and canonical(name) and rows[name].count():
                found.setdefault(name, Counter()).update(shown(rows[name].drop_nulls()).to_list())
        for name, value in _attributes(rows):
            found.setdefault(name, Counter())[value] += 1
    return found


def _attributes(rows: pl.DataFrame) -> Iterator[tuple[str, str]]:
    for text in rows[ATTRIBUTES].drop_nulls().to_list() if ATTRIBUTES in rows.columns else []:
        for name, value in flat_attributes(attribute_object(text)):
            own = f"attributes.{name}" if canonical(name) else name
            if not isinstance(value, (list, dict)):
                yield own, shown(pl.Series([value])).to_list()[0] if isinstance(value, str) else _plain(value)


def _plain(value: object) -> str:
    return {True: "true", False: "false"}[value] if isinstance(value, bool) else str(value)


def _worth_comparing(sampled: dict[str, Counter[str]]) -> Iterator[str]:
    """Fields by how many records have them, without those that name single things."""
    for name, values in sorted(sampled.items(), key=lambda one: (-one[1].total(), one[0])):
        if len(values) <= COUNTED_VALUES or len(values) < _IDENTIFIER * values.total():
            yield name


def _count(
    asking: Asking, pair: Pair, name: str, sampled: Counter[str], totals: tuple[FloatArray, FloatArray]
) -> FieldCounts | None:
    only = [value for value, _ in sampled.most_common(COUNTED_VALUES)]
    frames = [_frame(asking, side, pair.step_ns, name, only) for side in (pair.now, pair.before)]
    sums = pl.concat(frames).group_by("value").agg(pl.col("count").sum()).sort("count", "value", descending=True)
    values = sums.filter(pl.col("count") >= _LEAST)["value"].to_list()
    if not values:
        return None
    counted = [
        _with_rest(matrix(frame, values, side.window, pair.step_ns), total)
        for frame, side, total in zip(frames, (pair.now, pair.before), totals, strict=True)
    ]
    judged = judge(counted[0], counted[1], by_share=True)
    return FieldCounts(name, values, counted[0], counted[1], judged, (float(totals[0].sum()), float(totals[1].sum())))


def _frame(asking: Asking, side: Side, step_ns: int, name: str, only: list[str]) -> pl.DataFrame:
    """Columns `step`, `value` (text; null where the field is missing), `count`."""
    if name == "level":
        frame = asking.counts(side.search, side.window, step_ns, "severity_number")
        frame = frame.with_columns(level_counts("value").alias("value"))
    else:
        wanted = Or((Not(Exists(name)), *(Compare(name, Operator.EQ, value) for value in only)))
        frame = asking.counts(And((side.search, wanted)), side.window, step_ns, name)
        frame = frame.with_columns(shown(frame["value"]).alias("value"))
    return frame.group_by("step", "value").agg(pl.col("count").sum())


def _with_rest(counted: Counted, total: FloatArray) -> Counted:
    """A last row for all records with other values, so that shares are shares of everything."""
    rest = np.maximum(total - counted.counts.sum(axis=0), 0.0)
    return Counted(np.vstack([counted.counts, rest]), counted.exposure)

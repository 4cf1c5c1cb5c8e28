"""Everything about one template: when and how often it comes, at which levels, and what fills its parameters.

Computed when it is asked, from the records: the pipeline does nothing for it, any search and range can be looked at,
and what was merged later is counted with what it was merged into. Two statements without messages count; one reads the
messages, all of them up to a bound and a sample beyond it.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace

import polars as pl
import pyarrow as pa

from heimdall.errors import NotFound
from heimdall.model.severity import LEVELS
from heimdall.model.timerange import format_time
from heimdall.query.asking import Asking, Made, Window
from heimdall.query.ast import And, Compare, MatchAll, Operator, Or, Predicate, Query
from heimdall.query.facets import level_counts
from heimdall.query.fieldvalues import COUNT_COLUMN, VALUE_COLUMN
from heimdall.query.histogram import extent
from heimdall.query.languages.hql import parse
from heimdall.query.patternlist import records_of
from heimdall.query.slots import Sampled, parameters_of
from heimdall.query.source import Question

MAX_SAMPLE = 200_000
SAMPLE = 50_000
"""Messages that are read: with more records, shares and ranks are off by at most 0.6 % (`Sampled.error`)."""

VALUES = 10
SERVICES = 10
MOST_MEMBERS = 900
"""Ids of merged templates that one question names, the newest ones."""

_COUNTED = parse(
    "* | stats count() as count, min(timestamp) as first, max(timestamp) as last by template_id, severity_number"
).pipes
_SEVERITIES = 25


@dataclass(frozen=True, slots=True)
class Known:
    """What the catalogue says of a template, over all of its life."""

    template_id: int
    text: str
    count: int
    first_ns: int
    last_ns: int
    example: str
    members: tuple[int, ...]
    """Ids stored with records: its own, and those of templates merged into it."""


def known_template(catalogue: pa.Table, tenant: str, template_id: int) -> Known:
    """The template that stands for this id today.

    Raises:
        NotFound: there is none.
    """
    frame = pl.from_arrow(catalogue)
    assert isinstance(frame, pl.DataFrame)
    frame = frame.filter(pl.col("tenant") == tenant)
    into = dict(frame.filter(pl.col("merged_into") > 0).select("template_id", "merged_into").iter_rows())
    final = into.get(template_id, template_id)
    rows = frame.filter(pl.col("template_id") == final).to_dicts()
    if not rows:
        raise NotFound(f"there is no template {template_id}; GET /api/v1/templates lists them")
    merged = [one for one, other in into.items() if other == final][-MOST_MEMBERS:]
    row = rows[0]
    return Known(
        final, row["text"], row["count"], row["first_seen_ns"], row["last_seen_ns"], row["example"], (final, *merged)
    )


def template_detail(asking: Asking, template_id: int, sample: int, values: int) -> Made:
    """`data` as documented in the API's reference; about the records of the question that have the template.

    Raises:
        NotFound: there is no such template.
        InvalidInput: the question groups.
    """
    known = known_template(asking.catalogue(), asking.tenant, template_id)
    search = _both(records_of(asking.question.query).search, _is_one_of(known.members))
    window = Window(*extent(asking.question, asking.statistics, asking.job.clock.time_ns()))
    counted = asking.rows(Query(search, _COUNTED), window, len(known.members) * _SEVERITIES)
    counted = counted.with_columns(pl.col("count").cast(pl.Int64), pl.col("first", "last").cast(pl.Int64))
    total = int(counted["count"].sum())
    within = replace(asking.question, query=Query(search)).between(window.start_ns, window.end_ns)
    data: dict[str, object] = {
        "template_id": known.template_id,
        "template": known.text,
        "count": total,
        "first": _moment(counted["first"].min()),
        "last": _moment(counted["last"].max()),
        "levels": _levels(counted),
        "services": _services(asking, within) if total else [],
        "members": _members(counted),
        "lifetime": {
            "count": known.count,
            "first": format_time(known.first_ns),
            "last": format_time(known.last_ns),
            "example": known.example,
        },
    }
    one_in = max(1, math.ceil(total / sample))
    messages = pl.Series("message", [], pl.String)
    if total:
        table = asking.source.sampled(asking.job, within, one_in, 2 * sample)
        messages = pl.Series("message", table.column("message").cast(pa.string()))
    # Records that came between the two statements make the answer no worse.
    sampled = Sampled(messages, len(messages) if one_in == 1 else total)
    parameters, unmatched = parameters_of(known.text, sampled, values)
    data["parameters"] = [asdict(parameter) for parameter in parameters]
    data["sample"] = {
        "records": len(messages), "complete": sampled.complete, "error": round(sampled.error, 5),
        "unmatched": unmatched,
    }  # fmt: skip
    rows = [
        {"place": each.place, "type": each.type, "unit": each.unit, "distinct": each.distinct.estimate,
         "value": value["value"], "count": value["count"], "share": value["share"]}
        for each in parameters for value in each.values
    ]  # fmt: skip
    return Made(pa.Table.from_pylist(rows), data)


def _both(one: Predicate, other: Predicate) -> Predicate:
    return other if isinstance(one, MatchAll) else And((one, other))


def _is_one_of(ids: tuple[int, ...]) -> Predicate:
    parts = tuple(Compare("template_id", Operator.EQ, str(one)) for one in ids)
    return parts[0] if len(parts) == 1 else Or(parts)


def _moment(ns: object) -> str | None:
    return format_time(ns) if isinstance(ns, int) else None


def _levels(counted: pl.DataFrame) -> dict[str, int]:
    named = counted.group_by(level_counts("severity_number").alias("level")).agg(pl.col("count").sum())
    found = dict(named.iter_rows())
    return {level.value: found[level.value] for level in LEVELS if level.value in found}


def _members(counted: pl.DataFrame) -> list[dict[str, object]]:
    """Of each id stored with records: what people saw before it was merged is still told apart."""
    own = counted.group_by("template_id").agg(
        pl.col("count").sum(), pl.col("first").min(), pl.col("last").max()
    ).sort(["count", "template_id"], descending=[True, False])  # fmt: skip
    return [
        {"template_id": int(number), "count": count, "first": format_time(first), "last": format_time(last)}
        for number, count, first, last in own.select("template_id", "count", "first", "last").iter_rows()
    ]


def _services(asking: Asking, question: Question) -> list[dict[str, object]]:
    found = asking.source.values(asking.job, question, ["service"], SERVICES)["service"]
    values, counts = found.top.column(VALUE_COLUMN).to_pylist(), found.top.column(COUNT_COLUMN).to_pylist()
    return [{"value": value, "count": count} for value, count in zip(values, counts, strict=True)]

"""What each service says, in the window and before: counts of (service, template), judged together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from heimdall.insight.comparing.sides import Pair, Side, matrix
from heimdall.insight.conformal import FloatArray
from heimdall.insight.significance import Counted, Judged, adjusted, judge
from heimdall.query.asking import Asking
from heimdall.query.ast import Query
from heimdall.query.languages.hql import parse
from heimdall.query.literals import print_duration

MAX_ROWS = 200_000
"""(service, template, step) of one side that are read: those of forty services with eighty templates each."""

_SEPARATOR = "\x1f"


@dataclass(frozen=True, slots=True)
class Sayings:
    """One entry a (service, template), in all lists alike."""

    services: list[str]
    templates: list[int]
    severity: FloatArray
    """The gravest of its records."""
    now: Counted
    before: Counted
    judged: Judged
    p: FloatArray
    """Adjusted."""
    stored: dict[int, list[int]]
    """Template → ids that its records have: a merged template's keep the id they came with."""
    first_ns: list[int]
    """Beginning of the first step of the window that holds more than the baseline's steps do; its end where none is."""


def sayings(asking: Asking, pair: Pair) -> Sayings:
    final, _ = asking.template_texts()
    stored: dict[int, list[int]] = {}
    frames = [_frame(asking, side, pair.step_ns, final, stored) for side in (pair.now, pair.before)]
    known = pl.concat(frames).group_by("value").agg(pl.col("severity").max()).sort("value")
    names = known["value"].to_list()
    now, before = (
        matrix(frame, names, side.window, pair.step_ns)
        for frame, side in zip(frames, (pair.now, pair.before), strict=True)
    )
    judged = judge(now, before)
    (p,) = adjusted([judged.p])
    split = [name.rsplit(_SEPARATOR, 1) for name in names]
    return Sayings(
        [service for service, _ in split], [int(template) for _, template in split],
        known["severity"].to_numpy().astype(np.float64), now, before, judged, p, stored,
        _first_steps(pair, now, before),
    )  # fmt: skip


def _frame(
    asking: Asking, side: Side, step_ns: int, final: dict[int, int], stored: dict[int, list[int]]
) -> pl.DataFrame:
    """Counts by step; adds the ids it sees to `stored`."""
    step = print_duration(step_ns)
    counting = parse(
        f"* | stats count() as count, max(severity_number) as severity by bin({step}) as moment, service, template_id"
    )
    rows = asking.rows(Query(side.search, counting.pipes), side.window, MAX_ROWS)
    if rows.height == MAX_ROWS:
        asking.job.notices.append(
            f"more than {MAX_ROWS:,} counts of services and templates; narrow the search or the range"
        )
    rows = rows.drop_nulls("template_id")
    for one in rows["template_id"].unique().to_list():
        ids = stored.setdefault(final.get(one, one), [])
        if one not in ids:
            ids.append(one)
    rows = rows.with_columns(
        (pl.col("moment").cast(pl.Int64) // step_ns).alias("step"),
        pl.concat_str(
            pl.col("service").cast(pl.String).fill_null(""),
            pl.col("template_id").cast(pl.UInt64).replace(final).cast(pl.String),
            separator=_SEPARATOR,
        ).alias("value"),
    )
    grouped = rows.group_by("step", "value")
    return grouped.agg(pl.col("count").cast(pl.Int64).sum(), pl.col("severity").cast(pl.Int64).max())


def _first_steps(pair: Pair, now: Counted, before: Counted) -> list[int]:
    usual = (before.counts / before.exposure).max(axis=1, initial=0.0)
    beyond = now.counts / now.exposure > usual[:, None]
    first = np.where(beyond.any(axis=1), beyond.argmax(axis=1), now.counts.shape[1])
    base = pair.now.window.start_ns // pair.step_ns
    return [max((base + int(place)) * pair.step_ns, pair.now.window.start_ns) for place in first]

"""Templates of two sides: which are new, gone, or come at another rate beside the others."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from heimdall.insight.comparing.sides import Pair, counts_of, matrix
from heimdall.insight.conformal import FloatArray
from heimdall.insight.significance import LEVEL, Counted, Judged, judge
from heimdall.model.timerange import format_time
from heimdall.query.asking import Asking, Window
from heimdall.query.ast import And, Compare, Operator, Or, Predicate, Query
from heimdall.query.languages.hql import parse, to_text

_NEWEST = parse("* | dedup template_id | fields template_id, message").pipes
_EXAMPLES = 100
"""Templates of one statement for examples."""


@dataclass(frozen=True, slots=True)
class Templates:
    """Counts of every template that either side has; `ids` are those that stand for merged ones."""

    ids: list[int]
    stored: dict[int, list[int]]
    """Ids that records have → for each of `ids`; a merged template's records keep the id they came with."""
    now: Counted
    before: Counted
    judged: Judged


def count_templates(asking: Asking, pair: Pair) -> Templates:
    final, _ = asking.template_texts()
    frames = []
    stored: dict[int, set[int]] = {}
    for side in (pair.now, pair.before):
        frame = counts_of(asking, side, pair.step_ns, "template_id").with_columns(pl.col("value").cast(pl.UInt64))
        for one in frame["value"].drop_nulls().unique().to_list():
            stored.setdefault(final.get(one, one), set()).add(one)
        frames.append(frame.with_columns(pl.col("value").replace(final)).drop_nulls("value"))
    ids = sorted(stored)
    now = matrix(frames[0], ids, pair.now.window, pair.step_ns)
    before = matrix(frames[1], ids, pair.before.window, pair.step_ns)
    return Templates(ids, {one: sorted(of) for one, of in stored.items()}, now, before, judge(now, before))


def template_findings(
    asking: Asking, pair: Pair, counted: Templates, p: FloatArray, limit: int
) -> list[dict[str, object]]:
    """Those that differ, the most surprising first. `p`: adjusted."""
    places = np.flatnonzero(p < LEVEL)
    places = places[np.argsort(-counted.judged.surprise[places], kind="stable")][:limit]
    _, texts = asking.template_texts()
    x, y = counted.now.sums, counted.before.sums
    examples = _examples(asking, pair, counted, places)
    found: list[dict[str, object]] = []
    for place in places.tolist():
        one = counted.ids[place]
        side = pair.now if x[place] else pair.before
        found.append(
            {
                "template_id": one,
                "template": texts.get(one, ""),
                "status": "new" if not y[place] else "gone" if not x[place] else "changed",
                "count": int(x[place]),
                "baseline_count": int(y[place]),
                "share": _share(x, place),
                "baseline_share": _share(y, place),
                **effect_of(counted.judged, place, float(p[place])),
                "example": examples.get(place),
                "query": to_text(Query(And((side.search, is_of(counted.stored[one]))))),
                "counts": counted.now.counts[place].astype(int).tolist(),
                "baseline_counts": counted.before.counts[place].astype(int).tolist(),
            }
        )
    return found


def effect_of(judged: Judged, place: int, p: float) -> dict[str, object]:
    """The part every finding of a comparison has."""
    return {
        "effect": round(float(judged.effect[place]), 4),
        "effect_low": round(float(judged.low[place]), 4),
        "effect_high": round(float(judged.high[place]), 4),
        "p": p,
    }


def _share(sums: FloatArray, place: int) -> float:
    return round(float(sums[place]) / max(float(sums.sum()), 1.0), 6)


def is_of(stored: list[int]) -> Predicate:
    """Records that have one of these template ids."""
    parts = tuple(Compare("template_id", Operator.EQ, str(one)) for one in stored)
    return parts[0] if len(parts) == 1 else Or(parts)


def _examples(
    asking: Asking, pair: Pair, counted: Templates, places: np.ndarray[tuple[int], np.dtype[np.int64]]
) -> dict[int, str]:
    """The newest message of each, by its place; of the baseline for those that are gone."""
    found: dict[int, str] = {}
    x = counted.now.sums
    for side, own, chosen in (
        (pair.now, counted.now, [place for place in places.tolist() if x[place]]),
        (pair.before, counted.before, [place for place in places.tolist() if not x[place]]),
    ):
        for first in range(0, len(chosen), _EXAMPLES):
            stored = {place: counted.stored[counted.ids[place]] for place in chosen[first : first + _EXAMPLES]}
            found |= newest_messages(asking, side.search, side.window, own, stored, pair.step_ns)
    return found


def newest_messages(
    asking: Asking, search: Predicate, window: Window, own: Counted, stored: dict[int, list[int]], step_ns: int
) -> dict[int, str]:
    """The newest message of each of some rows of `own`; `stored` has the template ids of each. The last step each
    occurs in is known, so few records are read for it."""
    first_step = window.start_ns // step_ns
    moments: list[Predicate] = []
    for place, ids in stored.items():
        last = (first_step + int(np.flatnonzero(own.counts[place])[-1])) * step_ns
        since = Compare("timestamp", Operator.GE, format_time(max(last, window.start_ns)))
        until = Compare("timestamp", Operator.LT, format_time(min(last + step_ns, window.end_ns)))
        moments.append(And((since, until, is_of(ids))))
    if not moments:
        return {}
    query = Query(And((search, Or(tuple(moments)))), _NEWEST)
    rows = asking.rows(query, window, sum(map(len, stored.values())))
    texts = dict(zip(rows["template_id"].to_list(), rows["message"].to_list(), strict=True))
    return {place: texts[one] for place, ids in stored.items() for one in ids if one in texts}

"""Two windows or two searches compared, as `| compare` and `/api/v1/compare` tell it."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from heimdall.errors import InvalidInput
from heimdall.insight.comparing.fieldvalues import count_fields, field_findings
from heimdall.insight.comparing.sides import Pair, Side
from heimdall.insight.comparing.templates import count_templates, effect_of, template_findings
from heimdall.insight.significance import adjusted, judge_volume
from heimdall.model.timerange import format_time
from heimdall.query.asking import Asking, Made, Window
from heimdall.query.ast import Query
from heimdall.query.languages.hql import to_text
from heimdall.query.patternlist import records_of

SCHEMA = pa.schema(
    [
        ("template_id", pa.uint64()), ("template", pa.string()), ("status", pa.string()), ("count", pa.int64()),
        ("baseline_count", pa.int64()), ("share", pa.float64()), ("baseline_share", pa.float64()),
        ("effect", pa.float64()), ("effect_low", pa.float64()), ("effect_high", pa.float64()), ("p", pa.float64()),
        ("example", pa.string()), ("query", pa.string()),
    ]
)  # fmt: skip
"""Columns of the templates that differ, as `| compare` answers."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """What is held against what. `baseline_query` None: the same search; `baseline` None: the window just before, or
    the same window where another search is the baseline."""

    query: Query
    window: Window
    baseline_query: Query | None = None
    baseline: Window | None = None

    def pair(self) -> Pair:
        """
        Raises:
            InvalidInput: a query groups, or both sides are the same records.
        """
        now = Side(records_of(self.query).search, self.window)
        search = now.search if self.baseline_query is None else records_of(self.baseline_query).search
        before = self.baseline
        if before is None:
            before = self.window if search != now.search else self.window.shifted(-self.window.length_ns)
        if before == now.window and search == now.search:
            raise InvalidInput("both sides are the same records; give another baseline_q or another baseline range")
        return Pair(now, Side(search, before))


def window_of(start_ns: int | None, end_ns: int | None, now_ns: int) -> Window:
    """
    Raises:
        InvalidInput: it has no beginning, or is empty.
    """
    if start_ns is None:
        raise InvalidInput("a comparison needs a range; say where it begins, for example from=-1h")
    end_ns = now_ns if end_ns is None else end_ns
    if end_ns <= start_ns:
        raise InvalidInput("the range is empty; from has to be before to")
    return Window(start_ns, end_ns)


def changed_templates(asking: Asking, comparison: Comparison, limit: int) -> pa.Table:
    """Rows of `| compare`."""
    pair = comparison.pair()
    counted = count_templates(asking, pair)
    (p,) = adjusted([counted.judged.p])
    rows = template_findings(asking, pair, counted, p, limit)
    return pa.Table.from_pylist([{name: row[name] for name in SCHEMA.names} for row in rows], SCHEMA)


def compare(asking: Asking, comparison: Comparison, *, fields: tuple[str, ...] | None, limit: int) -> Made:
    """Templates, fields and volume, tested together. `fields`: None = none of them, empty = all there are."""
    pair = comparison.pair()
    templates = count_templates(asking, pair)
    totals = (templates.now.counts.sum(axis=0), templates.before.counts.sum(axis=0))
    counted = [] if fields is None else count_fields(asking, pair, fields, totals)
    # The row of all other values is no test of its own: it mirrors those before it.
    families = [templates.judged.p, *(field.judged.p[:-1] for field in counted)]
    p, *of_fields = adjusted(families)
    patterns = template_findings(asking, pair, templates, p, limit)
    volume = judge_volume(templates.now, templates.before)
    data = {
        "volume": {
            "count": int(totals[0].sum()),
            "baseline_count": int(totals[1].sum()),
            **effect_of(volume, 0, float(volume.p[0])),
        },
        "patterns": patterns,
        "fields": field_findings(pair, counted, of_fields),
    }
    rows = pa.Table.from_pylist([{name: row[name] for name in SCHEMA.names} for row in patterns], SCHEMA)
    about = {"tests": sum(map(len, families)), "templates": len(templates.ids), "fields": len(counted)}
    return Made(rows, data, beside(pair) | about)


def beside(pair: Pair) -> dict[str, object]:
    """What stands beside the data of every comparison: what was held against what."""
    step_ns = pair.step_ns
    return {
        "from": format_time(pair.now.window.start_ns),
        "to": format_time(pair.now.window.end_ns),
        "baseline_from": format_time(pair.before.window.start_ns),
        "baseline_to": format_time(pair.before.window.end_ns),
        "query": to_text(Query(pair.now.search)),
        "baseline_query": to_text(Query(pair.before.search)),
        "interval_ms": step_ns / 1e6 if step_ns % 1_000_000 else step_ns // 1_000_000,
    }

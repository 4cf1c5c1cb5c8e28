"""Why a window is as it is, as `| rootcause` and `/api/v1/rootcause` tell it."""

from __future__ import annotations

import pyarrow as pa

from heimdall.insight.causes.chains import Chains, chains_of
from heimdall.insight.causes.pairs import Sayings, sayings
from heimdall.insight.causes.ranking import Suspect, ranked
from heimdall.insight.comparing.compare import Comparison, beside
from heimdall.insight.comparing.fieldvalues import count_fields, field_findings
from heimdall.insight.comparing.sides import Pair
from heimdall.insight.comparing.templates import effect_of, is_of, newest_messages
from heimdall.insight.significance import adjusted
from heimdall.model.timerange import format_time
from heimdall.query.asking import Asking, Made, Window
from heimdall.query.ast import And, Compare, Operator, Query
from heimdall.query.languages.hql import to_text

LEAST_BASELINE_NS = 3_600 * 10**9
"""A window may be short; what is usual is learnt from an hour at least."""
MAX_EVIDENCE = 5
"""Templates told of one service."""
MAX_SUSPECTS = 20

SCHEMA = pa.schema(
    [
        ("rank", pa.int64()), ("service", pa.string()), ("score", pa.float64()), ("started", pa.timestamp("ns", "UTC")),
        ("first_in_traces", pa.float64()), ("template_id", pa.uint64()), ("template", pa.string()),
        ("status", pa.string()), ("count", pa.int64()), ("baseline_count", pa.int64()), ("example", pa.string()),
        ("query", pa.string()),
    ]
)  # fmt: skip
"""Columns of `| rootcause`: a service a row, with the strongest of its evidence."""


def baseline_of(window: Window) -> Window:
    """What a window is held against when nothing else is said."""
    length_ns = max(window.length_ns, LEAST_BASELINE_NS)
    return Window(window.start_ns - length_ns, window.start_ns)


def root_causes(asking: Asking, comparison: Comparison, *, fields: tuple[str, ...] | None) -> Made:
    """Services ranked, the fields that differ, and the orders in which services complain. `fields` as in `compare`."""
    pair = comparison.pair()
    found, chains = sayings(asking, pair), chains_of(asking, pair.now)
    suspects = ranked(found, chains)[:MAX_SUSPECTS]
    services = _told(asking, pair, found, suspects)
    data = {"services": services, "fields": _fields(asking, pair, found, fields), "chains": _chains(chains)}
    extra = beside(pair) | {"traces": chains.traces}
    return Made(_rows(services, suspects), data, extra)


def _fields(asking: Asking, pair: Pair, found: Sayings, names: tuple[str, ...] | None) -> list[dict[str, object]]:
    if names is None:
        return []
    totals = (found.now.counts.sum(axis=0), found.before.counts.sum(axis=0))
    counted = [field for field in count_fields(asking, pair, names, totals) if field.name != "service"]
    return field_findings(pair, counted, adjusted([field.judged.p[:-1] for field in counted]))


def _chains(chains: Chains) -> list[dict[str, object]]:
    return [{"services": list(order), "traces": traces} for order, traces in chains.orders]


def _told(asking: Asking, pair: Pair, found: Sayings, suspects: list[Suspect]) -> list[dict[str, object]]:
    _, texts = asking.template_texts()
    told: list[dict[str, object]] = []
    for rank, suspect in enumerate(suspects, 1):
        places = suspect.places[:MAX_EVIDENCE]
        examples = _examples(asking, pair, found, suspect.service, places)
        evidence = [_evidence(pair, found, place, texts, examples) for place in places]
        told.append(
            {
                "rank": rank,
                "service": suspect.service,
                "score": round(suspect.score, 2),
                "started": format_time(suspect.first_ns),
                "first_in_traces": None if suspect.first_in_traces is None else round(suspect.first_in_traces, 4),
                "changed_templates": len(suspect.places),
                "evidence": evidence,
            }
        )
    return told


def _evidence(
    pair: Pair, found: Sayings, place: int, texts: dict[int, str], examples: dict[int, str]
) -> dict[str, object]:
    count, baseline_count = int(found.now.sums[place]), int(found.before.sums[place])
    template = found.templates[place]
    side = pair.now if count else pair.before
    search = And((side.search, Compare("service", Operator.EQ, found.services[place]), is_of(found.stored[template])))
    return {
        "template_id": template,
        "template": texts.get(template, ""),
        "status": "new" if not baseline_count else "gone" if not count else "changed",
        "count": count,
        "baseline_count": baseline_count,
        **effect_of(found.judged, place, float(found.p[place])),
        "started": format_time(found.first_ns[place]),
        "example": examples.get(place),
        "query": to_text(Query(search)),
    }


def _examples(asking: Asking, pair: Pair, found: Sayings, service: str, places: list[int]) -> dict[int, str]:
    its = Compare("service", Operator.EQ, service)
    messages: dict[int, str] = {}
    for side, counted, chosen in (
        (pair.now, found.now, [place for place in places if found.now.sums[place]]),
        (pair.before, found.before, [place for place in places if not found.now.sums[place]]),
    ):
        stored = {place: found.stored[found.templates[place]] for place in chosen}
        messages |= newest_messages(asking, And((side.search, its)), side.window, counted, stored, pair.step_ns)
    return messages


def _rows(services: list[dict[str, object]], suspects: list[Suspect]) -> pa.Table:
    rows = []
    for told, suspect in zip(services, suspects, strict=True):
        evidence = told["evidence"]
        assert isinstance(evidence, list)
        rows.append({**evidence[0], **told, "started": suspect.first_ns})
    return pa.Table.from_pylist([{name: row[name] for name in SCHEMA.names} for row in rows], SCHEMA)

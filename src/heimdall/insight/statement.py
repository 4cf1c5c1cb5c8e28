"""A finding in words and as a query: true statements made of the numbers they rest on."""

from __future__ import annotations

from dataclasses import dataclass

from heimdall.insight.finding import Feature, FindingKind
from heimdall.query.ast import And, Compare, Operator, Predicate, Query
from heimdall.query.languages.hql import to_text

DAY_S = 24 * 60 * 60


@dataclass(frozen=True, slots=True)
class Run:
    """A run that is missing, in words."""

    period_s: int
    """From one run to the next."""
    expected: str
    """When, by the calendar's clock."""
    last: str
    came: int


def statement(
    kind: FindingKind, service: str, feature: Feature, *, template: str, silent_s: float, run: Run | None = None,
    before: str = "",
) -> str:  # fmt: skip
    """One sentence: what was seen, and what was expected in its place. `before`: when it was seen last, by the
    calendar's clock."""
    seen = f"{_number(feature.observed)}"
    band = f"expected {_number(feature.low)} to {_number(feature.high)}"
    about = f": {_short(template)}" if template else ""
    per = f"in {feature.window_s} s"
    often = "once" if feature.observed == 1 else f"{seen} times"
    match kind:
        case FindingKind.SILENCE:
            return f"{service} has logged nothing for {round(silent_s)} s; {_number(feature.high)} records were due"
        case FindingKind.VOLUME_UP:
            return f"{service} logs more than usual: {seen} records {per}, {band}"
        case FindingKind.VOLUME_DOWN:
            return f"{service} logs less than usual: {seen} records {per}, {band}"
        case FindingKind.ERRORS:
            return f"{service} logs more errors than usual: {seen} {per}, {band}{about}"
        case FindingKind.WARNINGS:
            return f"{service} logs more warnings than usual: {seen} {per}, {band}{about}"
        case FindingKind.TEMPLATE_BURST:
            return f"{service} logs a message more often than usual: {often} {per}, {band}{about}"
        case FindingKind.NEW_TEMPLATE:
            return f"{service} logs a message it never logged before, {often} {per}{about}"
        case FindingKind.NEW_ERROR:
            return f"{service} logs a problem it never logged before, {often} {per}{about}"
        case FindingKind.RECURRENCE:
            return f"{service} logs again what it only logged in trouble, {often} {per}, last {before}{about}"
        case FindingKind.LATENCY:
            return f"{service} is slower than usual: {seen} ms in the geometric mean, {band}{about}"
        case FindingKind.ORDER:
            return f"{service} logs in an order its sessions rarely have: {seen} records {per}, {band}{about}"
        case FindingKind.RARE_VALUE:
            return f"{service} has a value it {'hardly ever' if feature.high else 'never'} had, {often} {per}{about}"
        case FindingKind.MISSED_RUN:
            assert run is not None
            return _missing(service, run, template)
        case FindingKind.MIX:
            return f"{service}'s volume, errors, warnings and latency together are unlike before (score {seen}, {band})"


def _missing(service: str, run: Run, template: str) -> str:
    often = f"{_every(run.period_s)}, {run.came} times in a row"
    if run.period_s == DAY_S:
        often = f"at that time on {run.came} days"
    what = f"a message it logged {often}" if template else f"anything, as it did {often}"
    about = f": {_short(template)}" if template else ""
    return f"{service} did not log {what}: expected {run.expected}, last {run.last}{about}"


def _every(period_s: int) -> str:
    minutes = period_s // 60
    return {30: "every half hour", 60: "every hour"}.get(minutes, f"every {minutes // 60} hours")


def query_for(kind: FindingKind, service: str, template_id: int, field: str = "", value: str = "") -> str:
    """HQL for the records a finding rests on; the finding has the range of time."""
    terms: list[Predicate] = [Compare("service", Operator.EQ, service)]
    if field:
        terms.append(Compare(field, Operator.EQ, value))
    elif template_id and kind is not FindingKind.SILENCE:
        terms.append(Compare("template_id", Operator.EQ, str(template_id)))
    elif kind is FindingKind.ERRORS:
        terms.append(Compare("level", Operator.GE, "error"))
    elif kind is FindingKind.WARNINGS:
        terms.append(Compare("level", Operator.EQ, "warn"))
    return to_text(Query(And(tuple(terms)) if len(terms) > 1 else terms[0]))


def _number(value: float) -> str:
    if value >= 100 or float(value).is_integer():
        return f"{round(value)}"
    return f"{value:.2g}" if value < 1 else f"{value:.1f}"


def _short(template: str) -> str:
    text = " ".join(template.split())
    return text if len(text) <= 160 else text[:159] + "…"

"""The nouns: an alert (one thing that is wrong), an incident (alerts of one cause), a silence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from heimdall.alerting.escalation import Escalation
from heimdall.errors import InvalidInput
from heimdall.insight.finding import Finding
from heimdall.insight.rules.firing import Firing
from heimdall.model.batch import DEFAULT_TENANT, TenantId
from heimdall.query.regex import compile_pattern


class State(StrEnum):
    FIRING = "firing"
    ACKNOWLEDGED = "acknowledged"
    """Somebody looks after it: it is told no more, until it is over and comes again."""
    RESOLVED = "resolved"


_FINDING_QUIET_NS = 900 * 10**9


def firing_of_finding(finding: Finding) -> Firing:
    """A detector's finding: nobody wrote a severity for it, so its service's state gives one."""
    return Firing(
        id=finding.id, tenant=finding.tenant, rule=f"detector.{finding.kind.value}", name=finding.statement,
        severity="P2" if finding.state == "critical" else "P3", labels=(("service", finding.service),),
        service=finding.service, template_id=finding.template_id, statement=finding.statement, value=finding.evidence,
        started_ns=finding.started_ns, detected_ns=finding.detected_ns, records=0, examples=finding.examples[:3],
        query=finding.query, quiet_after_ns=_FINDING_QUIET_NS,
    )  # fmt: skip


@dataclass(slots=True, kw_only=True)
class Alert:
    """Something that is or was wrong. Times are ns; `seen_ns` by the node's clock, the rest by the records'."""

    key: str
    tenant: TenantId
    rule: str
    title: str
    severity: str
    labels: dict[str, str]
    service: str
    template_id: int
    statement: str
    value: float
    started_ns: int
    detected_ns: int
    records: int
    examples: list[str]
    query: str
    quiet_after_ns: int
    lasting: bool
    state: State
    incident: str
    opened_ns: int
    seen_ns: int
    resolved_ns: int | None = None
    times_opened: int = 1
    openings: list[int] = field(default_factory=list)
    """By the node's clock, the latest few: what flapping is told by."""
    flapping: bool = False
    routed: bool = False
    """Its channels have been told, or know its incident already; False while a silence or an inhibition holds it."""
    acknowledged_by: str = ""

    @property
    def matched_labels(self) -> dict[str, str]:
        """What routes, silences and inhibitions look at."""
        own = {"rule": self.rule, "severity": self.severity, "service": self.service, "tenant": self.tenant}
        return self.labels | own

    def as_row(self) -> dict[str, Any]:
        return asdict(self) | {"state": self.state.value}


def alert_of_labels(labels: Mapping[str, str], now_ns: int) -> Alert:
    """An alert that might be: what matchers would see of one with these labels."""
    return Alert(
        key="simulated", tenant=DEFAULT_TENANT, rule=labels.get("rule", ""), title="simulated",
        severity=labels.get("severity", "P3"), labels=dict(labels), service=labels.get("service", ""), template_id=0,
        statement="simulated", value=0.0, started_ns=now_ns, detected_ns=now_ns, records=0, examples=[], query="",
        quiet_after_ns=0, lasting=False, state=State.FIRING, incident="", opened_ns=now_ns, seen_ns=now_ns,
    )  # fmt: skip


@dataclass(slots=True, kw_only=True)
class Incident:
    """Alerts that are thought to have one cause."""

    id: str
    tenant: TenantId
    title: str
    severity: str
    state: State
    opened_ns: int
    updated_ns: int
    services: list[str]
    rules: list[str]
    templates: list[int]
    alerts: int = 0
    open_alerts: int = 0
    storm: bool = False
    """Too many causes at once to be told one by one."""
    resolved_ns: int | None = None
    acknowledged_by: str = ""
    sequence: int = 0
    """Notifications made so far: part of their deduplication keys."""
    channels: list[str] = field(default_factory=list)
    """That were told of it, and will be told of its end."""
    owners: list[str] = field(default_factory=list)
    """Of its alerts, in the order they came."""
    told_ns: int = 0
    told_alerts: int = 0
    told_severity: str = ""
    escalations: list[Escalation] = field(default_factory=list)
    """One a policy, in the order they began."""
    entries: int = 0

    def as_row(self) -> dict[str, Any]:
        return asdict(self) | {"state": self.state.value}


@dataclass(frozen=True, slots=True, kw_only=True)
class Matchers:
    """Label → its value, or `/RE2/` for all of it. Empty matchers match everything."""

    terms: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, given: Mapping[str, object], what: str) -> Matchers:
        """Raises InvalidInput."""
        terms = []
        for name, value in given.items():
            if not isinstance(value, str):
                raise InvalidInput(f"{what}: matcher {str(name)[:60]} must be text, or /pattern/")
            if _is_pattern(value):
                try:
                    compile_pattern(f"^(?:{value[1:-1]})$")
                except ValueError as exc:
                    raise InvalidInput(f"{what}: matcher {str(name)[:60]}: {exc}") from exc
            terms.append((str(name), value))
        return cls(terms=tuple(terms))

    def match(self, labels: Mapping[str, str]) -> bool:
        return all(_matches(labels.get(name, ""), value) for name, value in self.terms)


def _is_pattern(value: str) -> bool:
    return len(value) >= 2 and value[0] == value[-1] == "/"


def _matches(text: str, wanted: str) -> bool:
    if _is_pattern(wanted):
        return compile_pattern(f"^(?:{wanted[1:-1]})$").search(text) is not None
    return text == wanted


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence:
    """Alerts that match are kept but not told in [start_ns, end_ns)."""

    id: str
    matchers: Matchers
    start_ns: int
    end_ns: int
    comment: str
    author: str

    def as_row(self) -> dict[str, Any]:
        return {
            "id": self.id, "matchers": dict(self.matchers.terms), "start_ns": self.start_ns, "end_ns": self.end_ns,
            "comment": self.comment, "author": self.author,
        }  # fmt: skip

"""What goes out: one event of an incident, the same however often it has to be sent."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any, Protocol

import orjson

from heimdall.alerting.alert import Alert, Incident
from heimdall.model.timerange import format_time

MOST_ALERTS = 20
"""Alerts told in one notification; the rest are counted."""


class Event(StrEnum):
    TRIGGER = "trigger"
    UPDATE = "update"
    ESCALATE = "escalate"
    """Nobody has acknowledged it: a step of an escalation tells those who know of it already once more."""
    APPROVE = "approve"
    """An action that answers it waits for somebody's approval."""
    ACKNOWLEDGE = "acknowledge"
    RESOLVE = "resolve"


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertFacts:
    key: str
    rule: str
    title: str
    severity: str
    service: str
    labels: dict[str, str]
    state: str
    statement: str
    started_at: str
    records: int
    examples: list[str]
    query: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """`key` is new for every event, `incident` the same for all events of an incident."""

    key: str
    event: Event
    incident: str
    tenant: str
    title: str
    severity: str
    services: list[str]
    started_at: str
    alerts: int
    """Of the incident; `shown` has the first of them."""
    shown: list[AlertFacts]
    flapping: bool
    storm: bool
    acknowledged_by: str
    url: str
    escalation: str = ""
    """The step that this tells of: policy, number, people."""
    approval: str = ""
    """What waits to be approved, and for how long."""
    owners: list[str] = field(default_factory=list)
    """Whose its alerts are."""

    def to_json(self) -> bytes:
        return orjson.dumps(asdict(self))


def notification_of(body: bytes) -> Notification:
    kept: dict[str, Any] = orjson.loads(body)
    shown = [AlertFacts(**each) for each in kept.pop("shown")]
    return Notification(**kept | {"event": Event(kept["event"])}, shown=shown)


def notification(
    event: Event,
    incident: Incident,
    alerts: list[Alert],
    base_url: str,
    escalation: str = "",
    approval: str = "",
) -> Notification:
    """Of the incident as it is now; its `sequence` has been raised for this."""
    return Notification(
        key=f"{incident.id}-{incident.sequence}",
        event=event,
        incident=incident.id,
        tenant=incident.tenant,
        title=incident.title,
        severity=incident.severity,
        services=incident.services[:MOST_ALERTS],
        started_at=format_time(min((alert.started_ns for alert in alerts), default=incident.opened_ns)),
        alerts=incident.alerts,
        shown=[_facts(alert) for alert in alerts[:MOST_ALERTS]],
        flapping=any(alert.flapping for alert in alerts),
        storm=incident.storm,
        acknowledged_by=incident.acknowledged_by,
        url=f"{base_url.rstrip('/')}/alerts/{incident.id}" if base_url else "",
        escalation=escalation,
        approval=approval,
        owners=incident.owners[:MOST_ALERTS],
    )


def _facts(alert: Alert) -> AlertFacts:
    return AlertFacts(
        key=alert.key, rule=alert.rule, title=alert.title, severity=alert.severity, service=alert.service,
        labels=alert.labels, state=alert.state.value, statement=alert.statement,
        started_at=format_time(alert.started_ns), records=alert.records, examples=alert.examples, query=alert.query,
    )  # fmt: skip


class Notifier(Protocol):
    """One channel's way out. Called by one thread at a time."""

    def send(self, notification: Notification) -> None:
        """Return once the other side has taken it. It may have taken it before: it knows by `key`.

        Raises:
            Unavailable: try again later.
            Refused: it will never take this.
        """

    def close(self) -> None: ...

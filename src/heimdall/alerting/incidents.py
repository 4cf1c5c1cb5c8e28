"""Which incident an alert belongs to: the one of its service, its rule, or its kind of message, while that goes on."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Iterable

from heimdall.alerting.alert import Incident, State
from heimdall.alerting.config import AlertingConfig
from heimdall.insight.rules.firing import Firing

_MOST_NAMES = 200
"""Services, rules, owners and templates an incident remembers; what comes beyond is in it all the same."""


class OpenIncidents:
    """Incidents that may take in alerts. Owned by the manager, under its lock."""

    def __init__(self, config: AlertingConfig, incidents: Iterable[Incident]) -> None:
        self._window_ns = round(config.group_window_s * 1e9)
        self._storm = config.storm_incidents
        self.by_id: dict[str, Incident] = {}
        self._by_cause: dict[tuple[str, str, str], str] = {}
        self._begun: dict[str, deque[int]] = {}
        for incident in sorted(incidents, key=lambda each: each.opened_ns):
            self.by_id[incident.id] = incident
            self._begun.setdefault(incident.tenant, deque()).append(incident.opened_ns)
            for cause in _causes_of(incident):
                self._by_cause[cause] = incident.id

    def place(self, firing: Firing, owner: str, now_ns: int) -> tuple[Incident, bool]:
        """The incident of a new alert, and whether it began with it."""
        for cause in _causes(firing):
            found = self.by_id.get(self._by_cause.get(cause, ""))
            if found is not None and found.state is not State.RESOLVED and now_ns - found.updated_ns <= self._window_ns:
                self._add(found, firing, owner)
                return found, False
        begun = self._begun.setdefault(firing.tenant, deque())
        while begun and begun[0] <= now_ns - self._window_ns:
            begun.popleft()
        if len(begun) >= self._storm:
            return self._in_storm(firing, owner, now_ns)
        begun.append(now_ns)
        return self._begin(firing, owner, now_ns, storm=False), True

    def forget(self, incident: Incident) -> None:
        self.by_id.pop(incident.id, None)
        for cause in _causes_of(incident):
            if self._by_cause.get(cause) == incident.id:
                del self._by_cause[cause]

    def _in_storm(self, firing: Firing, owner: str, now_ns: int) -> tuple[Incident, bool]:
        cause = (firing.tenant, "storm", "")
        found = self.by_id.get(self._by_cause.get(cause, ""))
        if found is not None and found.state is not State.RESOLVED and now_ns - found.updated_ns <= self._window_ns:
            self._add(found, firing, owner, indexed=False)
            return found, False
        return self._begin(firing, owner, now_ns, storm=True), True

    def _begin(self, firing: Firing, owner: str, now_ns: int, *, storm: bool) -> Incident:
        # the id follows from the report that began it, so that a report that comes again makes the same incident
        incident = Incident(
            id=hashlib.sha256(f"incident\0{firing.tenant}\0{firing.key}\0{firing.id}".encode()).hexdigest()[:16],
            tenant=firing.tenant,
            title="Alert storm: many causes at once" if storm else firing.statement[:300],
            severity=firing.severity,
            state=State.FIRING,
            opened_ns=now_ns,
            updated_ns=now_ns,
            services=[],
            rules=[],
            templates=[],
            storm=storm,
        )
        self.by_id[incident.id] = incident
        if storm:
            self._by_cause[firing.tenant, "storm", ""] = incident.id
        self._add(incident, firing, owner, indexed=not storm)
        return incident

    def _add(self, incident: Incident, firing: Firing, owner: str, *, indexed: bool = True) -> None:
        named = ((incident.services, firing.service), (incident.rules, firing.rule), (incident.owners, owner))
        for known, value in named:
            if value and value not in known[:_MOST_NAMES] and len(known) < _MOST_NAMES:
                known.append(value)
        if (
            firing.template_id
            and firing.template_id not in incident.templates
            and len(incident.templates) < _MOST_NAMES
        ):
            incident.templates.append(firing.template_id)
        if indexed and not incident.storm:
            for cause in _causes_of(incident):
                self._by_cause[cause] = incident.id
        incident.severity = min(incident.severity, firing.severity)


def _causes(firing: Firing) -> list[tuple[str, str, str]]:
    found: list[tuple[str, str, str]] = [(firing.tenant, "service", firing.service)] if firing.service else []
    found.append((firing.tenant, "rule", firing.rule))
    if firing.template_id > 1:
        found.append((firing.tenant, "template", str(firing.template_id)))
    return found


def _causes_of(incident: Incident) -> list[tuple[str, str, str]]:
    if incident.storm:
        return [(incident.tenant, "storm", "")]
    return [
        *((incident.tenant, "service", name) for name in incident.services),
        *((incident.tenant, "rule", name) for name in incident.rules if not name.startswith("detector.")),
        *((incident.tenant, "template", str(number)) for number in incident.templates),
    ]

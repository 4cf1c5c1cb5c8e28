"""What mitigation asks of alerting, and what it writes into an incident's timeline."""

from __future__ import annotations

from typing import Protocol

from heimdall.alerting.alert import Alert, State
from heimdall.alerting.manager import AlertManager
from heimdall.alerting.mitigation.store import Untold
from heimdall.alerting.store import Entry
from heimdall.clock import Clock

ENTRY = "action"
"""Kind of the timeline's entries."""
WAITING = "waiting"
"""Kind of the step with which a run begins to wait for approval."""


class Incidents(Protocol):
    """Alerts and incidents, as the port sees them."""

    def firing_since(self, seen_ns: int) -> list[Alert]:
        """Alerts of incidents that fire unacknowledged and unsilenced, and had news since then."""

    def alert(self, key: str) -> Alert | None: ...

    def is_silenced(self, alert: Alert) -> bool: ...

    def is_storm(self, incident: str) -> bool: ...

    def note(self, untold: Untold) -> None:
        """Put a step into its incident's timeline, once however often it is called. One that waits for approval is
        told to those who know of the incident, too."""


class KeptIncidents:
    """Satisfies `Incidents`, over the alert manager and its store."""

    def __init__(self, manager: AlertManager, clock: Clock) -> None:
        self._manager = manager
        self._clock = clock

    def firing_since(self, seen_ns: int) -> list[Alert]:
        found = self._manager.store.alerts(
            "seen_ns >= ? AND state = ? AND incident != ''", [seen_ns, State.FIRING.value]
        )
        return [alert for alert in found if not self.is_silenced(alert)]

    def alert(self, key: str) -> Alert | None:
        return next(iter(self._manager.store.alerts("key = ?", [key], 1)), None)

    def is_silenced(self, alert: Alert) -> bool:
        return self._manager.is_silenced(alert, self._clock.time_ns())

    def is_storm(self, incident: str) -> bool:
        found = self._manager.store.incidents("id = ?", [incident], 1)
        return bool(found) and found[0].storm

    def note(self, untold: Untold) -> None:
        step, store = untold.step, self._manager.store
        text = f"{step.kind.replace('_', ' ')}: {step.text}"[:500]
        known = store.timeline(untold.incident)
        if any(each["time_ns"] == step.time_ns and each["text"] == text for each in known):
            return
        entry = Entry(untold.incident, step.time_ns, ENTRY, text, author=step.author)
        if step.kind == WAITING:
            self._manager.wait_for_approval(entry, step.text)
            return
        with store.transaction():
            store.put_entries([entry])

"""What one change of alerts writes: gathered in memory, then one transaction."""

from __future__ import annotations

from heimdall.alerting.alert import Alert, Incident
from heimdall.alerting.routing import Sources
from heimdall.alerting.store import MAX_ENTRIES, Entry, Outgoing


class Change:
    """What one transaction writes."""

    def __init__(self, now_ns: int) -> None:
        self.now_ns = now_ns
        self.alerts: dict[str, Alert] = {}
        self.incidents: dict[str, Incident] = {}
        self.entries: list[Entry] = []
        self.outgoing: list[Outgoing] = []
        self.told: set[tuple[str, str]] = set()
        """Incident and channel: what one change tells is told a channel once."""
        self.inhibiting: list[Sources] | None = None

    def note(self, incident: Incident, kind: str, text: str, alert: str = "", author: str = "") -> None:
        incident.entries += 1
        if incident.entries <= MAX_ENTRIES or kind in ("resolved", "acknowledged", "escalated"):
            self.entries.append(Entry(incident.id, self.now_ns, kind, text[:500], alert, author))

"""Settings of alerting."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertingConfig:
    file: Path | None = None
    """TOML file with channels, owners, routes, inhibitions, on-call schedules and escalations
    (docs/guides/alerting.md). Without it alerts are kept, and nobody is told."""
    rules: Path | None = None
    """Folder with rules as TOML files, or one such file, read at the start. Rules can also be kept by the API."""
    actions: Path | None = None
    """TOML file that says which alert is answered with which action (docs/guides/actions.md). Without it nothing is
    ever done."""
    group_window_s: float = 600.0
    """Seconds after its last alert in which an incident takes in further alerts of the same service, rule or kind of
    message. Larger: fewer incidents, that may have several causes."""
    storm_incidents: int = 20
    """Incidents that may begin within `group_window_s`; what comes beyond is gathered in one."""
    update_interval_s: float = 300.0
    """Seconds between two notifications of further alerts of one incident. A rise in severity does not wait."""
    repeat_interval_s: float = 4 * 3600.0
    """Seconds until an incident that nobody acknowledged is told again."""
    history_s: float = 3600.0
    """Age from which what a record tells is history: kept as an alert that is over, and nobody is told."""
    flap_openings: int = 4
    """Times an alert may begin anew within an hour before it counts as flapping: one notification, and it has to be
    quiet four times as long to be over."""
    url: str = ""
    """Address of this node's pages as people reach it, for the links in notifications."""

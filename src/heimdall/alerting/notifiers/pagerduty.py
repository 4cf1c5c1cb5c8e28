"""PagerDuty Events API v2: an incident is one alert there, by its deduplication key.

Source: PagerDuty's reference of Events API v2 (trigger, acknowledge, resolve; `dedup_key`, `payload`).
"""

from __future__ import annotations

import orjson

from heimdall.alerting.notification import Event, Notification
from heimdall.alerting.notifiers.outbound import Outbound
from heimdall.alerting.notifiers.wording import headline

URL = "https://events.pagerduty.com/v2/enqueue"
_SEVERITIES = {"P1": "critical", "P2": "error", "P3": "warning"}
_ACTIONS = {Event.ACKNOWLEDGE: "acknowledge", Event.RESOLVE: "resolve"}
_LONGEST_SUMMARY = 1_024


class PagerDuty:
    """Satisfies `Notifier`."""

    def __init__(self, outbound: Outbound, routing_key: str) -> None:
        self._outbound = outbound
        self._routing_key = routing_key

    def send(self, notification: Notification) -> None:
        self._outbound.post(orjson.dumps(event(notification, self._routing_key)), {})

    def close(self) -> None:
        self._outbound.close()


def event(notification: Notification, routing_key: str) -> dict[str, object]:
    action = _ACTIONS.get(notification.event, "trigger")
    body: dict[str, object] = {
        "routing_key": routing_key,
        "event_action": action,
        "dedup_key": f"heimdall-{notification.incident}",
        "client": "Heimdall",
    }
    if notification.url:
        body |= {"client_url": notification.url, "links": [{"href": notification.url, "text": "Incident"}]}
    if action != "trigger":
        return body
    details = {
        "incident": notification.incident,
        "alerts": notification.alerts,
        "statements": [alert.statement for alert in notification.shown],
        "queries": [alert.query for alert in notification.shown],
    }
    if notification.approval:
        details["approval"] = notification.approval
    payload = {
        "summary": headline(notification)[:_LONGEST_SUMMARY],
        "source": (notification.services or ["heimdall"])[0],
        "severity": _SEVERITIES.get(notification.severity, "warning"),
        "timestamp": notification.started_at,
        "component": ", ".join(notification.services[:5]),
        "custom_details": details,
    }
    return body | {"payload": payload}

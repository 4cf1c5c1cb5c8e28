"""Prometheus Alertmanager: an incident is one alert there, told by its labels.

Alertmanager takes the same alert again as the same one, so sending twice changes nothing. An alert that is not sent
again ends by itself after its `endsAt`: while an incident lasts it is given a day, and its end ends it at once.
Source: Alertmanager's OpenAPI of `/api/v2/alerts`.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import orjson

from heimdall.alerting.notification import Event, Notification
from heimdall.alerting.notifiers.outbound import Outbound
from heimdall.alerting.notifiers.wording import headline, summary
from heimdall.clock import Clock

LASTS = timedelta(days=1)


class Alertmanager:
    """Satisfies `Notifier`."""

    def __init__(self, outbound: Outbound, clock: Clock) -> None:
        self._outbound = outbound
        self._clock = clock

    def send(self, notification: Notification) -> None:
        if notification.event in (Event.ACKNOWLEDGE, Event.APPROVE):
            return  # Alertmanager has silences in their place, and those are people's; it knows no approvals
        now = datetime.fromtimestamp(self._clock.time_ns() / 1e9, UTC)
        self._outbound.post(orjson.dumps([alert(notification, now)]), {})

    def close(self) -> None:
        self._outbound.close()


def alert(notification: Notification, now: datetime) -> dict[str, object]:
    """Labels are those that never change in an incident's life; the rest is annotation."""
    ended = notification.event is Event.RESOLVE
    body: dict[str, object] = {
        "labels": {"alertname": "HeimdallIncident", "incident": notification.incident, "tenant": notification.tenant},
        "annotations": {
            "summary": headline(notification),
            "description": "\n".join(summary(notification)),
            "severity": notification.severity,
            "services": ", ".join(notification.services),
        },
        "endsAt": (now if ended else now + LASTS).isoformat(),
    }
    if not ended:
        body["startsAt"] = notification.started_at
    if notification.url:
        body["generatorURL"] = notification.url
    return body

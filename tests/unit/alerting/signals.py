"""A manager with a clock set by hand, and firings written as short as they can be."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from heimdall.alerting.config import AlertingConfig
from heimdall.alerting.manager import AlertManager
from heimdall.alerting.notification import Notification, notification_of
from heimdall.alerting.push.subscription import Subscription
from heimdall.alerting.routing import routing_of
from heimdall.alerting.store import AlertStore
from heimdall.clock import ManualClock
from heimdall.insight.rules.firing import Firing
from heimdall.model.batch import DEFAULT_TENANT, TenantId

ROUTING: dict[str, Any] = {
    "channel": [{"name": name, "kind": "webhook", "url": f"https://{name}.example"} for name in ("ops", "pay")],
    "route": {"channels": ["ops"], "routes": [{"match": {"service": "payment"}, "channels": ["pay"]}]},
}


class Remembering:
    """What a channel keeps, in memory."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], bytes] = {}
        self.subscribed: list[Subscription] = []

    def thread(self, channel: str, incident: str) -> bytes:
        return self.kept.get((channel, incident), b"")

    def keep_thread(self, channel: str, incident: str, value: bytes) -> None:
        self.kept[channel, incident] = value

    def subscriptions(self, channel: str) -> list[Subscription]:
        return self.subscribed

    def unsubscribe(self, subscription_id: str) -> bool:
        before = len(self.subscribed)
        self.subscribed = [each for each in self.subscribed if each.id != subscription_id]
        return len(self.subscribed) < before


class Desk:
    """What tests talk to."""

    def __init__(
        self,
        path: Path,
        routing: dict[str, Any] | None = None,
        template_owner: Callable[[TenantId, int], str] = lambda tenant, template_id: "",
        **settings: Any,
    ) -> None:
        self.clock = ManualClock()
        self.path = path
        self._routing = routing_of(ROUTING if routing is None else routing)
        self._config = AlertingConfig(**settings)
        self._template_owner = template_owner
        self._number = 0
        self.open()

    def open(self) -> None:
        self.store = AlertStore(self.path / "alerts.db")
        self.manager = AlertManager(
            self.store, self._routing, self._config, self.clock, template_owner=self._template_owner
        )

    def restart(self) -> None:
        self.store.close()
        self.open()

    def firing(self, rule: str = "r", service: str = "", severity: str = "P3", **given: Any) -> Firing:
        self._number += 1
        now_ns = self.clock.time_ns()
        labels = tuple(given.pop("labels", {"service": service} if service else {}).items())
        values: dict[str, Any] = {
            "id": f"{self._number:020}", "tenant": DEFAULT_TENANT, "rule": rule, "name": f"Rule {rule}",
            "severity": severity, "labels": labels, "service": service, "template_id": 0,
            "statement": f"{rule} of {service}", "value": 1.0, "started_ns": now_ns, "detected_ns": now_ns,
            "records": 1, "examples": ("a line",), "query": "*", "quiet_after_ns": 300 * 10**9,
        }  # fmt: skip
        return Firing(**values | given)

    def fire(self, *args: Any, **given: Any) -> Firing:
        made = self.firing(*args, **given)
        self.manager.fired([made])
        return made

    def wait(self, seconds: float) -> None:
        self.clock.advance(seconds)
        self.manager.tick()

    def told(self, channel: str) -> list[Notification]:
        """What waits for a channel, all of it."""
        rows = self.store._rows("SELECT body FROM outbox WHERE channel = ? ORDER BY number", (channel,))
        return [notification_of(body) for (body,) in rows]

    def events(self, channel: str) -> list[str]:
        return [notification.event.value for notification in self.told(channel)]

"""Desktop notifications in browsers that subscribed on `/alerts`, by Web Push.

A message carries the incident as its `Topic` and its tag: a push service keeps the newest for a browser that is off,
and a browser shows one notification an incident, however often it was sent. Browsers whose subscription has ended (404,
410) are forgotten. Source: RFC 8030 (TTL, Urgency, Topic).
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Protocol

import httpx
import orjson

from heimdall.alerting.notification import Event, Notification
from heimdall.alerting.notifiers.outbound import Gone, Outbound, client
from heimdall.alerting.notifiers.wording import headline, summary
from heimdall.alerting.push.subscription import Subscription
from heimdall.clock import Clock
from heimdall.errors import HeimdallError, InvalidInput, Misconfigured, Refused, Unavailable

if TYPE_CHECKING:
    from heimdall.alerting.push.vapid import VapidKey

_log = logging.getLogger(__name__)

TTL_S = 24 * 3600
_AT_ONCE = 8
"""Push services asked at the same time: one that does not answer holds up few others."""
_LONGEST_TITLE, _LONGEST_BODY = 150, 400
"""Characters. JSON makes up to six bytes of one, and LONGEST_PAYLOAD holds them all."""
_MOST_HALF_SENT = 256


class Subscriptions(Protocol):
    def subscriptions(self, channel: str) -> Sequence[Subscription]: ...

    def unsubscribe(self, subscription_id: str) -> bool: ...


class Push:
    """Satisfies `Notifier`."""

    def __init__(
        self,
        name: str,
        *,
        subject: str,
        key: VapidKey,
        subscriptions: Subscriptions,
        clock: Clock,
        allow_private: bool,
    ) -> None:
        self.name = name
        self._subject = subject
        self._key = key
        self._subscriptions = subscriptions
        self._clock = clock
        self._allow_private = allow_private
        self._took: OrderedDict[str, set[str]] = OrderedDict()
        """By notification that is to be tried again: subscriptions that have it."""

    def send(self, notification: Notification) -> None:
        took = self._took.setdefault(notification.key, set())
        waiting = [each for each in self._subscriptions.subscriptions(self.name) if each.id not in took]
        if not waiting and not took:
            self._took.pop(notification.key)
            raise Refused(f"channel {self.name}: no browser has subscribed; /alerts has the button, under On call")
        payload = orjson.dumps(shown(notification))
        urgent = notification.event in (Event.TRIGGER, Event.ESCALATE, Event.APPROVE) or notification.severity == "P1"
        hosts = {httpx.URL(each.endpoint).host for each in waiting}
        clients = {host: client() for host in hosts}  # not shared: TLS proved one name
        try:
            with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix=f"push-{self.name}") as pool:
                errors = list(
                    pool.map(
                        lambda each: self._tell(each, payload, notification, urgent, clients),
                        waiting,
                    )
                )
        finally:
            for each in clients.values():
                each.close()
        took |= {each.id for each, error in zip(waiting, errors, strict=True) if error is None}
        again = next((error for error in errors if isinstance(error, Unavailable)), None)
        if again is not None:
            while len(self._took) > _MOST_HALF_SENT:
                self._took.popitem(last=False)
            raise again
        self._took.pop(notification.key, None)
        refused = [error for error in errors if error is not None]
        if refused and not took:
            raise Refused(str(refused[0]))
        for error in refused:
            _log.warning("%s", error)

    def address(self, endpoint: str, http: httpx.Client | None = None) -> Outbound:
        """Where a subscription is sent to. Raises InvalidInput: nothing that may be asked."""
        if not self._allow_private and not endpoint.startswith("https://"):
            raise InvalidInput("endpoint must begin with https://")
        try:
            return Outbound(endpoint, f"channel {self.name}", allow_private=self._allow_private, http=http)
        except Misconfigured as exc:
            raise InvalidInput(str(exc)) from exc

    def close(self) -> None:
        pass

    def _tell(
        self,
        subscription: Subscription,
        payload: bytes,
        notification: Notification,
        urgent: bool,
        clients: dict[str, httpx.Client],
    ) -> HeimdallError | None:
        from heimdall.alerting.push.encryption import encrypted

        try:
            endpoint = subscription.endpoint
            headers = {
                "Authorization": self._key.authorization(endpoint, self._subject, self._clock.time_ns() // 10**9),
                "Content-Encoding": "aes128gcm",
                "Content-Type": "application/octet-stream",
                "TTL": str(TTL_S),
                "Urgency": "high" if urgent else "normal",
                "Topic": notification.incident[:32],
            }
            address = self.address(endpoint, clients[httpx.URL(endpoint).host])
            address.post(encrypted(payload, subscription), headers)
        except Gone:
            self._subscriptions.unsubscribe(subscription.id)
            _log.info("channel %s: a browser has ended its subscription", self.name)
        except HeimdallError as exc:
            return exc
        return None


def shown(notification: Notification) -> dict[str, str]:
    """What the service worker of `/alerts` shows (`web/public/push-worker.js`)."""
    return {
        "title": headline(notification)[:_LONGEST_TITLE],
        "body": "\n".join(summary(notification))[:_LONGEST_BODY],
        "tag": notification.incident,
        "event": notification.event.value,
        "path": f"/alerts/{notification.incident}",
    }

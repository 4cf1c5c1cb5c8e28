"""Generic webhook: one JSON object a notification, signed.

`X-Heimdall-Signature: t=<seconds>,v1=<hex>` is HMAC-SHA256 of `<seconds>.<body>` with the channel's secret;
`Idempotency-Key` is the notification's key. Both stay out of the body, so a receiver checks before it parses.
"""

from __future__ import annotations

import hashlib
import hmac

from heimdall.alerting.notification import Notification
from heimdall.alerting.notifiers.outbound import Outbound
from heimdall.clock import Clock


class Webhook:
    """Satisfies `Notifier`."""

    def __init__(self, outbound: Outbound, secret: str, clock: Clock) -> None:
        """`secret`: empty = unsigned."""
        self._outbound = outbound
        self._secret = secret
        self._clock = clock

    def send(self, notification: Notification) -> None:
        body = notification.to_json()
        headers = {"Idempotency-Key": notification.key, "X-Heimdall-Event": notification.event.value}
        if self._secret:
            headers["X-Heimdall-Signature"] = signature(self._secret, body, self._clock.time_ns() // 10**9)
        self._outbound.post(body, headers)

    def close(self) -> None:
        self._outbound.close()


def signature(secret: str, body: bytes, time_s: int) -> str:
    """Value of `X-Heimdall-Signature`."""
    made = hmac.new(secret.encode(), f"{time_s}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={time_s},v1={made}"

"""The outbox's other end: a thread a channel sends what is due, and tries again until it is taken.

At least once: a notification leaves the outbox after its receiver took it, so a crash in between sends it again, under
the same key. Events of one incident reach a channel in their order; incidents do not wait for each other.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping

from prometheus_client import Counter, Histogram

from heimdall.alerting.notification import Notifier, notification_of
from heimdall.alerting.store import AlertStore, Entry, Outgoing
from heimdall.clock import Clock
from heimdall.errors import Refused

_log = logging.getLogger(__name__)

SENT = Counter("heimdall_alerts_sent", "Notifications taken by their receivers.", ["channel"])
FAILED = Counter("heimdall_alerts_failed", "Notifications given up, refused or too old.", ["channel"])
SECONDS = Histogram("heimdall_alerts_delivery", "Time from a notification to its being taken.", unit="seconds")

FIRST_RETRY_S = 1.0
LONGEST_RETRY_S = 300.0
GIVE_UP_S = 24 * 3600.0
"""Age at which a notification is given up: whoever it was for has found out otherwise."""
_IDLE_S = 1.0


class Delivery:
    """Sends for all channels. `start` returns at once; `stop` ends after what is being sent."""

    def __init__(self, store: AlertStore, notifiers: Mapping[str, Notifier], clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._stopping = threading.Event()
        self._notifiers = dict(notifiers)
        self._wake = {name: threading.Event() for name in self._notifiers}
        self._threads = [
            threading.Thread(target=self._run, args=(name,), name=f"notify-{name}", daemon=True)
            for name in self._notifiers
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def wake(self) -> None:
        """There is something to send."""
        for event in self._wake.values():
            event.set()

    def stop(self) -> None:
        self._stopping.set()
        self.wake()
        for thread in self._threads:
            if thread.is_alive():
                thread.join(timeout=15)
        for notifier in self._notifiers.values():
            notifier.close()

    def _run(self, channel: str) -> None:
        while not self._stopping.is_set():
            self._wake[channel].clear()
            try:
                sent = self.send_due(channel)
            except Exception:  # the outbox keeps what was not sent
                _log.exception("channel %s: notifications could not be sent, trying again", channel)
                sent = 0
                self._stopping.wait(_IDLE_S)
            if not sent:
                self._wake[channel].wait(_IDLE_S)

    def send_due(self, channel: str) -> int:
        """Send what is due now; how many were settled."""
        settled = 0
        for outgoing in self._store.due(channel, self._clock.time_ns()):
            if self._stopping.is_set():
                break
            settled += self._send(channel, outgoing)
        return settled

    def _send(self, channel: str, outgoing: Outgoing) -> bool:
        try:
            self._notifiers[channel].send(notification_of(outgoing.body))
        except Refused as exc:
            self._give_up(channel, outgoing, str(exc))
            return True
        except Exception as exc:
            now_ns = self._clock.time_ns()
            reason = f"{type(exc).__name__}: {exc}"[:500]
            if now_ns - outgoing.made_ns > GIVE_UP_S * 1e9:
                self._give_up(channel, outgoing, reason)
                return True
            wait_s = min(FIRST_RETRY_S * 2 ** min(outgoing.attempts, 20), LONGEST_RETRY_S)
            self._store.retry(outgoing.key, now_ns + round(wait_s * 1e9), reason)
            _log.warning("channel %s: %s; trying again in %.0f s", channel, reason, wait_s)
            return False
        self._store.sent(outgoing.key)
        SENT.labels(channel=channel).inc()
        SECONDS.observe(max((self._clock.time_ns() - outgoing.made_ns) / 1e9, 0))
        return True

    def _give_up(self, channel: str, outgoing: Outgoing, reason: str) -> None:
        _log.error("channel %s: a notification was given up: %s", channel, reason)
        FAILED.labels(channel=channel).inc()
        text = f"not told by {channel}: {reason}"[:500]
        self._store.failed(
            outgoing.key, reason[:500], Entry(outgoing.incident, self._clock.time_ns(), "undelivered", text)
        )

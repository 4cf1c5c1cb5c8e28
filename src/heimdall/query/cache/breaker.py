"""`Breaker`: after one failure a server is left alone until a probe, which no query waits for, finds it well."""

from __future__ import annotations

import threading

from heimdall.clock import Clock
from heimdall.query.cache.metrics import BROKEN

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 30.0
"""Between probes of a server that does not answer; doubled each time. Longer: its return is noticed later."""


class Breaker:
    """Starts open: a server counts as away until it was seen. Safe from several threads."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._closed = False
        self._pause_s = FIRST_PAUSE_S
        self._probe_at_s = clock.monotonic()
        BROKEN.set(1)

    @property
    def closed(self) -> bool:
        return self._closed

    @property
    def due_in_s(self) -> float | None:
        """Seconds until the next probe; None while none is needed."""
        with self._lock:
            return None if self._closed else max(0.0, self._probe_at_s - self._clock.monotonic())

    def failed(self) -> None:
        with self._lock:
            if not self._closed:
                self._pause_s = min(self._pause_s * 2, LONGEST_PAUSE_S)
            self._closed = False
            self._probe_at_s = self._clock.monotonic() + self._pause_s
            BROKEN.set(1)

    def succeeded(self) -> None:
        with self._lock:
            self._closed = True
            self._pause_s = FIRST_PAUSE_S
            BROKEN.set(0)

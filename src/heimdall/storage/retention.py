"""Retention: once an hour, days older than the kept range are dropped and counted."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping

from prometheus_client import Counter

from heimdall.clock import Clock
from heimdall.errors import HeimdallError
from heimdall.model.batch import TenantId
from heimdall.storage.engine import Engine

_log = logging.getLogger(__name__)

EXPIRED = Counter("heimdall_storage_expired_records", "Records dropped by retention.", unit="records")

_DAY_NS = 86_400 * 10**9
_INTERVAL_S = 3600.0
"""Seconds between looks. Retention works by whole days, so an hour late is early enough."""

_FIRST_PAUSE_S = 30.0
"""Seconds before the first look: a start serves senders and readers first."""

Dropped = Mapping[tuple[TenantId, int], int]
"""Records by (tenant, observed minute in ns since 1970)."""


class Retention:
    """Drops whole days from an engine and tells the ledger."""

    def __init__(self, engine: Engine, clock: Clock, *, days: int, on_expired: Callable[[Dropped], None]) -> None:
        """`days` = 0 keeps everything."""
        self._engine = engine
        self._clock = clock
        self._days = days
        self._on_expired = on_expired
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="retention", daemon=True)

    def start(self) -> None:
        if self._days > 0:
            self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def expire_once(self) -> int:
        """Drop what is too old now; returns the number of records dropped."""
        dropped = self._engine.expire(self._clock.time_ns() - self._days * _DAY_NS)
        if dropped:
            self._on_expired(dropped)
        records = sum(dropped.values())
        EXPIRED.inc(records)
        return records

    def _run(self) -> None:
        pause_s = _FIRST_PAUSE_S
        while not self._stopping.wait(pause_s):
            try:
                self.expire_once()
            except HeimdallError as exc:
                _log.warning("retention will try again in an hour: %s", exc)
            pause_s = _INTERVAL_S

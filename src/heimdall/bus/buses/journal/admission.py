"""May one more batch come in? Says no while the disk is failing, and before it is full."""

from __future__ import annotations

from heimdall.bus.buses.journal import metrics
from heimdall.bus.buses.journal.config import JournalConfig
from heimdall.bus.buses.journal.disk import Disk
from heimdall.clock import Clock
from heimdall.errors import BusUnavailable, Overloaded

_PAUSE_S = 1.0
"""How long appends are refused at once after every attempt failed; then the next one tries the disk again."""
_FULL_RETRY_S = 10.0
_SPACE_CHECK_S = 0.5
_SPACE_CHECK_BYTES = 8 << 20
"""Free space is looked at again after this much time or this many bytes, whichever is first."""


class Admission:
    """Safe from several threads: at worst two of them look at the free space at the same time."""

    def __init__(self, disk: Disk, config: JournalConfig, clock: Clock) -> None:
        self._disk = disk
        self._config = config
        self._clock = clock
        self._refuse_until = float("-inf")
        self._checked_at = float("-inf")
        self._bytes_since_check = 0
        self._full: str | None = None

    def pause(self) -> None:
        """The disk has failed whatever was tried."""
        self._refuse_until = self._clock.monotonic() + _PAUSE_S

    def check(self, size: int) -> None:
        """
        Raises:
            BusUnavailable: the disk fails.
            Overloaded: the disk is above its high-water mark.
        """
        now = self._clock.monotonic()
        if now < self._refuse_until:
            metrics.REFUSED_BATCHES.labels("disk").inc()
            raise BusUnavailable("the journal's disk fails; nothing was kept, send again later")
        self._bytes_since_check += size
        if now - self._checked_at >= _SPACE_CHECK_S or self._bytes_since_check >= _SPACE_CHECK_BYTES:
            self._checked_at, self._bytes_since_check = now, 0
            self._full = self._shortage()
        if self._full is not None:
            metrics.REFUSED_BATCHES.labels("full").inc()
            raise Overloaded(self._full, retry_after_s=_FULL_RETRY_S)

    def _shortage(self) -> str | None:
        try:
            free, total = self._disk.space()
        except OSError as exc:
            raise BusUnavailable(f"the journal's disk does not answer: {exc.strerror}") from exc
        if free < self._config.min_free_bytes:
            return f"the journal's disk has {free} bytes free, less than min_free_bytes; make room or add space"
        if total and 1 - free / total > self._config.max_used_share:
            return f"the journal's disk is {1 - free / total:.1%} full, more than max_used_share; make room"
        return None

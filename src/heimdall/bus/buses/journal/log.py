"""The journal below Arrow: payloads of bytes in, the same bytes out. The crash tests drive this class."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Iterator

from heimdall.bus.buses.journal import metrics
from heimdall.bus.buses.journal.committer import Committer
from heimdall.bus.buses.journal.config import JournalConfig
from heimdall.bus.buses.journal.disk import Disk
from heimdall.bus.buses.journal.layout import FrameHeader
from heimdall.bus.buses.journal.quarantine import Damage, Quarantine
from heimdall.bus.buses.journal.reader import entries
from heimdall.bus.buses.journal.recovery import recover
from heimdall.bus.buses.journal.segments import Segments, file_name
from heimdall.clock import Clock
from heimdall.errors import BusUnavailable

_LOG = logging.getLogger(__name__)


class JournalLog:
    def __init__(self, config: JournalConfig, clock: Clock, disk: Disk, *, threads: bool = True) -> None:
        """Recover what is on `disk`. Without `threads`, the caller drives `committer` by hand.

        Raises:
            BusUnavailable: the disk could not be read; trying again is safe.
        """
        self._disk = disk
        try:
            found = recover(disk)
            for name in found.leftovers:
                disk.remove(name)
        except OSError as exc:
            raise BusUnavailable(f"journal at {config.directory} could not be read: {exc.strerror}") from exc
        self.recovery = found.report
        if found.report.healed:
            metrics.HEALED_HEADERS.inc(found.report.healed)
            _LOG.warning(
                "journal: %d header copies are damaged, nothing is lost; look at the disk", found.report.healed
            )
        self._quarantine = Quarantine(disk)
        for damage in found.report.damages:
            self._quarantine.report(damage)
        self.producers = found.producers
        """Last epoch and sequence of each producer that a frame names."""
        self._segments = Segments(found.segments, found.end)
        self._releasing = threading.Lock()
        metrics.SEGMENTS.set(len(found.segments))
        self.committer = Committer(disk, self._segments, config, clock, found.next_number)
        if threads:
            self.committer.start()

    def entries(self, position: int, max_bytes: int) -> Iterator[tuple[FrameHeader, bytes]]:
        return entries(self._disk, self._segments, position, max_bytes, self._quarantine.report)

    @property
    def damages(self) -> tuple[Damage, ...]:
        """Everything found damaged, at the start and since."""
        return tuple(self._quarantine.damages)

    def wait_for(self, position: int, timeout_s: float) -> bool:
        return self._segments.wait_for(position, timeout_s)

    def would_release(self, position: int) -> bool:
        return self._segments.oldest_below(position) is not None

    def release(self, position: int) -> None:
        """Oldest first, each made sure of before the next: a hole between files would look like a loss."""
        with self._releasing:
            while (segment := self._segments.oldest_below(position)) is not None:
                name = file_name(segment.number)
                try:
                    with contextlib.suppress(FileNotFoundError):  # removed by a call that failed after it
                        self._disk.remove(name)
                    self._disk.sync_names()
                except OSError as exc:
                    _LOG.warning("journal: %s could not be deleted, will be tried again: %s", name, exc)
                    break
                self._segments.drop(segment)
        metrics.SEGMENTS.set(len(self._segments))

    @property
    def end(self) -> int:
        return self._segments.end

    def close(self) -> None:
        self.committer.close()
        with contextlib.suppress(OSError):
            self._disk.close()

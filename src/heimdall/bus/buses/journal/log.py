"""The journal below Arrow: payloads of bytes in, the same bytes out. The crash tests drive this class."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator

from heimdall.bus.buses.journal import metrics
from heimdall.bus.buses.journal.committer import Committer
from heimdall.bus.buses.journal.config import JournalConfig
from heimdall.bus.buses.journal.disk import Disk
from heimdall.bus.buses.journal.layout import FrameHeader
from heimdall.bus.buses.journal.quarantine import Damage, quarantine
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
        self.damages: list[Damage] = list(found.report.damages)
        """Everything found damaged, at the start and since."""
        for damage in self.damages:
            quarantine(disk, damage)
        self._segments = Segments(found.segments, found.end)
        metrics.SEGMENTS.set(len(found.segments))
        self.committer = Committer(disk, self._segments, config, clock, found.next_number)
        if threads:
            self.committer.start()

    def entries(self, position: int, max_bytes: int) -> Iterator[tuple[FrameHeader, bytes]]:
        return entries(self._disk, self._segments, position, max_bytes, self._note)

    def _note(self, damage: Damage) -> None:
        if quarantine(self._disk, damage):
            self.damages.append(damage)

    def wait_for(self, position: int, timeout_s: float) -> bool:
        return self._segments.wait_for(position, timeout_s)

    def release(self, position: int) -> None:
        """Oldest first, each made sure of before the next: a hole between files would look like a loss."""
        for segment in self._segments.release(position):
            try:
                self._disk.remove(file_name(segment.number))
                self._disk.sync_names()
            except OSError as exc:
                _LOG.warning("journal: %s could not be deleted: %s", file_name(segment.number), exc)
                break
        metrics.SEGMENTS.set(len(self._segments))

    @property
    def end(self) -> int:
        return self._segments.end

    def close(self) -> None:
        self.committer.close()
        with contextlib.suppress(OSError):
            self._disk.close()

"""Damage found in acknowledged data: said aloud, counted, and its bytes kept for whoever can make sense of them."""

from __future__ import annotations

import contextlib
import json
import logging
import threading
from dataclasses import asdict, dataclass

from heimdall.bus.buses.journal import metrics
from heimdall.bus.buses.journal.disk import Disk
from heimdall.bus.buses.journal.segments import file_name

_LOG = logging.getLogger(__name__)
_NOTE = ".json"
_MAX_COPY_BYTES = 64 << 20
"""Most that is copied of one damaged place, bytes: a whole default segment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Damage:
    """Acknowledged records that can no longer be read: positions `first … stop - 1`."""

    segment: int
    offset: int
    length: int
    """Of the damaged bytes in the segment file; 0 when the file itself is gone or ends before them."""
    first: int
    stop: int
    exact: bool
    """False: the count was lost as well, and `stop` is the most it can have been."""
    reason: str
    tenant: str | None = None
    """Known when only the payload is damaged; then `accepted_at_ns` is, too."""
    accepted_at_ns: int | None = None


class Quarantine:
    """Safe from several threads; never raises: a full disk must not keep the rest of the journal from being read."""

    def __init__(self, disk: Disk) -> None:
        self._disk = disk
        self._known = known_losses(disk)
        self.damages: list[Damage] = []
        """Everything reported since the start, whether known before or not."""
        self._lock = threading.Lock()

    def report(self, damage: Damage) -> None:
        """Copy the damaged bytes to `quarantine/` with a note beside them, unless this was said before."""
        with self._lock:
            if not any(first <= damage.first and damage.stop <= stop for first, stop in self._known):
                self._known.append((damage.first, damage.stop))
                self._announce(damage)
            if damage not in self.damages:
                self.damages.append(damage)

    def _announce(self, damage: Damage) -> None:
        name = f"{damage.first:020d}-{damage.stop:020d}"  # positions are never used twice, so this names the place
        metrics.QUARANTINED_FRAMES.inc()
        if damage.exact:
            metrics.LOST_RECORDS.inc(damage.stop - damage.first)
        _LOG.error(
            "journal damaged: positions %d to %d are unreadable (%s, segment %d, offset %d); see quarantine/%s",
            damage.first, damage.stop - 1, damage.reason, damage.segment, damage.offset, name,
        )  # fmt: skip
        try:
            self._disk.keep(f"{name}{_NOTE}", json.dumps(asdict(damage), indent=2).encode())
            if damage.length:
                file = self._disk.open(file_name(damage.segment))
                try:
                    content = file.read(damage.offset, min(damage.length, _MAX_COPY_BYTES))
                finally:
                    file.close()
                self._disk.keep(f"{name}.bin", content)
        except OSError as exc:
            _LOG.error("journal damage could not be copied to quarantine: %s", exc)


def known_losses(disk: Disk) -> list[tuple[int, int]]:
    """Ranges of positions [first, stop) that notes in the quarantine speak of."""
    with contextlib.suppress(OSError):
        stems = [name.removesuffix(_NOTE).partition("-") for name in disk.kept() if name.endswith(_NOTE)]
        return [(int(first), int(stop)) for first, _, stop in stems if first.isdecimal() and stop.isdecimal()]
    return []

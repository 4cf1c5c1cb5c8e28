"""Damage found in acknowledged data: said aloud, counted, and its bytes kept for whoever can make sense of them."""

from __future__ import annotations

import contextlib
import json
import logging
from dataclasses import asdict, dataclass

from heimdall.bus.buses.journal import metrics
from heimdall.bus.buses.journal.disk import Disk
from heimdall.bus.buses.journal.segments import file_name

_LOG = logging.getLogger(__name__)
_FOLDER = "quarantine"
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


def quarantine(disk: Disk, damage: Damage) -> bool:
    """Copy the damaged bytes to `quarantine/` with a note beside them; False when this place was reported before.

    Never raises: a full disk must not keep the rest of the journal from being read.
    """
    name = f"{_FOLDER}/{damage.first:020d}"  # positions are never used twice, so this names the place
    with contextlib.suppress(OSError):
        if disk.kept(f"{name}.json"):
            return False
    metrics.QUARANTINED_FRAMES.inc()
    metrics.LOST_RECORDS.inc(damage.stop - damage.first)
    _LOG.error(
        "journal damaged: positions %d to %d are unreadable (%s, segment %d, offset %d); bytes kept in %s.bin",
        damage.first, damage.stop - 1, damage.reason, damage.segment, damage.offset, name,
    )  # fmt: skip
    try:
        if damage.length:
            file = disk.open(file_name(damage.segment))
            try:
                disk.keep(f"{name}.bin", file.read(damage.offset, min(damage.length, _MAX_COPY_BYTES)))
            finally:
                file.close()
        disk.keep(f"{name}.json", json.dumps(asdict(damage), indent=2).encode())
    except OSError as exc:
        _LOG.error("journal damage could not be copied to quarantine: %s", exc)
    return True

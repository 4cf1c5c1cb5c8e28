"""Read acknowledged frames back, beside the committer that adds more."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from heimdall.bus.buses.journal.disk import Disk
from heimdall.bus.buses.journal.layout import FrameHeader
from heimdall.bus.buses.journal.quarantine import Damage
from heimdall.bus.buses.journal.scan import Hole, walk
from heimdall.bus.buses.journal.segments import Segments, View, file_name
from heimdall.errors import BusUnavailable


def entries(
    disk: Disk, segments: Segments, position: int, max_bytes: int, on_damage: Callable[[Damage], None]
) -> Iterator[tuple[FrameHeader, bytes]]:
    """Frames from the one that holds `position` on, until their batches come to `max_bytes` in memory.

    Every payload is checked again on the way. Damage that has come up since the start is reported and passed over.

    Raises:
        BusUnavailable: the disk could not be read; nothing is known to be lost.
    """
    taken = 0
    while taken < max_bytes and (view := segments.view(position)) is not None:
        try:
            for header, payload in _segment(disk, view, position, on_damage):
                yield header, payload
                position = header.stop
                taken += header.decoded_bytes
                if taken >= max_bytes:
                    return
        except FileNotFoundError:
            pass  # released meanwhile: whoever released it has no need of it
        except OSError as exc:
            raise BusUnavailable(f"journal segment {file_name(view.number)} could not be read: {exc.strerror}") from exc
        position = max(position, view.end)


def _segment(
    disk: Disk, view: View, position: int, on_damage: Callable[[Damage], None]
) -> Iterator[tuple[FrameHeader, bytes]]:
    file = disk.open(file_name(view.number))
    try:
        reached = max(position, view.first)
        hole: Hole | None = None  # one whose extent is not known yet
        for start, stop in view.runs:
            seen = start
            for item in walk(file, view.number, start, stop, previous_crc=None, from_position=position):
                seen = item.end if isinstance(item, Hole) else item.header.end
                header = item.header
                if header is None:
                    if isinstance(item, Hole):
                        hole = hole or item
                    continue
                if hole is not None and header.first > reached:
                    on_damage(_damage(view, hole, reached, header.first))
                hole = None
                if header.stop <= position:
                    continue
                reached = header.stop
                if isinstance(item, Hole):
                    on_damage(_damage(view, item, header.first, header.stop))
                else:
                    yield header, item.payload
            if seen < stop:
                hole = hole or Hole(seen, stop, None, True, "missing")
        if hole is not None and view.end > reached:
            on_damage(_damage(view, hole, reached, view.end))
    finally:
        file.close()


def _damage(view: View, hole: Hole, first: int, stop: int) -> Damage:
    return Damage(
        segment=view.number,
        offset=hole.offset,
        length=hole.end - hole.offset,
        first=first,
        stop=stop,
        exact=True,
        reason=hole.reason,
        tenant=hole.header.tenant if hole.header else None,
        accepted_at_ns=hole.header.accepted_at_ns if hole.header else None,
    )

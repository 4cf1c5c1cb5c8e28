"""Positions of the bus ↔ offsets of the partition.

A position counts records; it follows from the partition alone: the sum of the records before it, from a base that is
kept on disk (`progress.py`). So every reader of a partition comes to the same positions, after a crash too. A batch
that is in the partition twice, because the first acknowledgement was lost, counts once.
"""

from __future__ import annotations

import threading
from bisect import bisect_left, bisect_right
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass

from heimdall.bus.buses.kafka.stamp import Stamp
from heimdall.bus.producers import MAX_PRODUCERS, Mark

_RELEASED_KEPT = 256
"""Entries that stay after their release, for appends whose acknowledgement comes late."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A message: its records have positions `first … first + stamp.count - 1`."""

    first: int
    offset: int
    stamp: Stamp

    @property
    def stop(self) -> int:
        return self.first + self.stamp.count


@dataclass(frozen=True, slots=True)
class Base:
    """Where counting begins: the record at or after `offset` has `position`; `marks` of the producers before it."""

    offset: int
    position: int
    marks: Mapping[bytes, Mark]


class FrameIndex:
    """Entries not released yet. Safe from several threads; `add` and `skip` are called by one, in order of offsets."""

    def __init__(self, base: Base) -> None:
        self._changed = threading.Condition()
        self._entries: list[Entry] = []
        self._released = 0
        self._base = base
        self._end = base.position
        self._next_offset = base.offset
        self._marks = dict(base.marks)
        self._waiting: dict[int, Future[int]] = {}

    @property
    def end(self) -> int:
        return self._end

    @property
    def marks(self) -> Mapping[bytes, Mark]:
        with self._changed:
            return dict(self._marks)

    def add(self, offset: int, stamp: Stamp) -> bool:
        """The message at `offset`; False when its batch is here already."""
        with self._changed:
            key = stamp.producer
            mark = None if key is None else (key.epoch, key.sequence)
            if key is not None and mark is not None:
                known = self._marks.get(key.producer_id)
                if known is not None and mark <= known:
                    future = self._passed_locked(offset)
                    self._changed.notify_all()
                    _resolve(future, 0)
                    return False
                self._marks[key.producer_id] = mark
            entry = Entry(self._end, offset, stamp)
            self._entries.append(entry)
            self._end = entry.stop
            future = self._passed_locked(offset)
            self._changed.notify_all()
        _resolve(future, entry.first)
        return True

    def skip(self, offset: int) -> None:
        """A message that is no batch of ours."""
        with self._changed:
            future = self._passed_locked(offset)
        _resolve(future, 0)

    def lose(self, messages: int) -> None:
        """That many messages are gone from the partition. How many records they held is not known: at least as many."""
        with self._changed:
            self._end += messages

    def resolve_at(self, offset: int, future: Future[int]) -> None:
        """`future` gets the position of the message at `offset` once it is counted."""
        with self._changed:
            if offset >= self._next_offset:
                self._waiting[offset] = future
                return
            place = bisect_left(self._entries, offset, key=lambda entry: entry.offset)
            found = place < len(self._entries) and self._entries[place].offset == offset
            position = self._entries[place].first if found else 0
        _resolve(future, position)

    def unresolved(self) -> list[Future[int]]:
        with self._changed:
            return list(self._waiting.values())

    def from_position(self, position: int, max_bytes: int) -> list[Entry]:
        """Entries from the one that holds `position` on, until their batches come to `max_bytes`; at least one."""
        with self._changed:
            place = bisect_right(self._entries, position, key=lambda entry: entry.stop)
            taken: list[Entry] = []
            size = 0
            while place < len(self._entries) and (not taken or size < max_bytes):
                entry = self._entries[place]
                taken.append(entry)
                size += entry.stamp.decoded_bytes
                place += 1
        return taken

    def wait_for(self, position: int, timeout_s: float) -> bool:
        with self._changed:
            return self._changed.wait_for(lambda: self._end > position, timeout_s)

    def release(self, position: int) -> Base:
        """Everything below `position` is stored; where counting can begin from now on."""
        with self._changed:
            upto = bisect_right(self._entries, position, key=lambda entry: entry.stop)
            gone = self._entries[self._released : upto]
            if gone:
                marks = dict(self._base.marks)
                for entry in gone:
                    if (key := entry.stamp.producer) is not None:
                        marks.pop(key.producer_id, None)  # so that the order is that of hearing
                        marks[key.producer_id] = (key.epoch, key.sequence)
                recent = dict(list(marks.items())[-MAX_PRODUCERS:])
                self._base = Base(gone[-1].offset + 1, gone[-1].stop, recent)
                self._released = upto
            old = max(self._released - _RELEASED_KEPT, 0)
            del self._entries[:old]
            self._released -= old
            return self._base

    def _passed_locked(self, offset: int) -> Future[int] | None:
        self._next_offset = offset + 1
        return self._waiting.pop(offset, None)


def _resolve(future: Future[int] | None, position: int) -> None:
    if future is not None and not future.done():
        future.set_result(position)

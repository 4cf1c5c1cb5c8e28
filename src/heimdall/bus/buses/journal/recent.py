"""The newest durable frames, still as columns: a reader that keeps up need not read them back from the disk."""

from __future__ import annotations

import threading
from collections import deque

from heimdall.bus.port import Frame


class Recent:
    """Frames without a gap between them, in order. Safe from several threads."""

    def __init__(self, capacity_bytes: int) -> None:
        """0 keeps nothing."""
        self._capacity_bytes = capacity_bytes
        self._size_bytes = 0
        self._frames: deque[Frame] = deque()
        self._lock = threading.Lock()

    def add(self, frame: Frame) -> None:
        """The oldest go when their columns come to more than the capacity, and all when `frame` does not follow."""
        with self._lock:
            if self._frames and frame.first != _stop(self._frames[-1]):
                self._frames.clear()
                self._size_bytes = 0
            self._frames.append(frame)
            self._size_bytes += frame.batch.table.nbytes
            while self._size_bytes > self._capacity_bytes:
                self._drop_oldest_locked()

    def following(self, position: int) -> list[Frame]:
        """Frames from the one that holds `position` on; none when that one is not here (any more)."""
        with self._lock:
            if not self._frames or not self._frames[0].first <= position:
                return []
            return [frame for frame in self._frames if _stop(frame) > position]

    def drop_below(self, position: int) -> None:
        with self._lock:
            while self._frames and _stop(self._frames[0]) <= position:
                self._drop_oldest_locked()

    def _drop_oldest_locked(self) -> None:
        self._size_bytes -= self._frames.popleft().batch.table.nbytes


def _stop(frame: Frame) -> int:
    return frame.first + frame.count

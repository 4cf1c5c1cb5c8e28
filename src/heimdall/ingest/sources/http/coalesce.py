"""Small bodies that wait for a worker at the same time are decoded, and put onto the bus, as one.

A body costs milliseconds of calls into the column libraries however few records it holds, and its batch costs more on
the way to the storage. Nothing waits for others to come: the first body goes at once, and those that arrive while the
workers are busy go together.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from threading import Lock

from heimdall.ingest.decode.decoded import Decoded, Together
from heimdall.ingest.sources.budget import Lease
from heimdall.ingest.sources.intake import Intake, Taken

SMALL_BODY_BYTES = 32 << 10
"""Larger bodies spread the calls over records enough."""

_MAX_BODIES = 512
_MAX_BYTES = 1 << 20
"""Of what goes together: a worker is busy with it for some hundredths of a second."""


@dataclass(frozen=True, slots=True)
class Joint:
    """How bodies of one kind are decoded together. `key`: what they share, door and parameters."""

    key: Hashable
    decode: Callable[[list[bytes]], Together]


@dataclass(frozen=True, slots=True)
class _Waiting:
    body: bytes
    alone: Callable[[bytes], Decoded]
    joint: Joint
    lease: Lease
    taken: Future[Taken[Decoded]] = field(default_factory=Future)


class Coalescer:
    """Thread-safe. Bodies wait by `Joint.key`; one worker at a time takes what has come for a key, until there is none.

    A second worker would only take half of what the first would have found.
    """

    def __init__(self, intake: Intake, workers: Executor) -> None:
        self._intake = intake
        self._workers = workers
        self._lock = Lock()
        self._waiting: dict[Hashable, deque[_Waiting]] = {}

    def submit(
        self, body: bytes, alone: Callable[[bytes], Decoded], joint: Joint, lease: Lease
    ) -> Future[Taken[Decoded]]:
        """`alone` decodes a body that cannot go with others. The future raises what `Intake.take` would."""
        item = _Waiting(body, alone, joint, lease)
        with self._lock:
            waiting = self._waiting.get(joint.key)
            if waiting is not None:
                waiting.append(item)
                return item.taken
            self._workers.submit(self._turn, joint.key)
            self._waiting[joint.key] = deque((item,))
        return item.taken

    def _turn(self, key: Hashable) -> None:
        """Take some, and come again for the rest behind whatever else waits for a worker."""
        items = [item for item in self._claimed(key) if item.taken.set_running_or_notify_cancel()]
        if len(items) > 1:
            self._take_together(items)
        else:
            self._take_alone(items)
        with self._lock:
            if not self._waiting[key]:
                del self._waiting[key]
                return
        try:
            self._workers.submit(self._turn, key)
        except RuntimeError:  # the node is closing, and they take nothing more
            self._turn(key)

    def _claimed(self, key: Hashable) -> list[_Waiting]:
        claimed: list[_Waiting] = []
        size = 0
        with self._lock:
            waiting = self._waiting[key]
            while waiting and len(claimed) < _MAX_BODIES and size < _MAX_BYTES:
                claimed.append(waiting.popleft())
                size += len(claimed[-1].body)
        return claimed

    def _take_together(self, items: list[_Waiting]) -> None:
        try:
            together = items[0].joint.decode([item.body for item in items])
            durable = self._intake.append(together.table)
        except Exception:
            # whose fault it is shows when each goes by itself; a bus that is full says so again
            self._take_alone(items)
            return
        rest: list[_Waiting] = []
        first = 0
        for item, count in zip(items, together.counts, strict=True):
            if count:
                item.taken.set_result(Taken(Decoded(together.table.slice(first, count)), len(item.body), durable))
                first += count
            else:
                rest.append(item)
        self._take_alone(rest)

    def _take_alone(self, items: list[_Waiting]) -> None:
        for item in items:
            try:
                item.taken.set_result(self._intake.take(item.body, "", item.alone, item.lease))
            except Exception as exc:
                item.taken.set_exception(exc)

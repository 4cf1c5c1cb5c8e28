"""Small bodies that come at the same time are decoded, and put onto the bus, as one.

A body costs milliseconds of calls into the column libraries however few records it holds, and its batch costs more on
the way to the storage. A body alone goes at once; those that arrive meanwhile go together, and after several that did
the worker rests for as long as they took: more come together then, the event loop is not disturbed, and all of them are
answered sooner (`benchmarks/senders.py`).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Event, Lock
from typing import Any, Generic, TypeVar

from heimdall.ingest.decode.decoded import Decoded, Together
from heimdall.ingest.sources.budget import Lease
from heimdall.ingest.sources.intake import Intake, Taken

SMALL_BODY_BYTES = 32 << 10
"""As sent. Larger bodies spread the calls over records enough."""

_LARGEST_BYTES = 128 << 10
"""Of a body that unfolded."""

_LONGEST_REST_S = 0.03
_FEW_BODIES = 2
"""So many senders at once gain nothing from a rest: they would wait for it, one after the other."""

_MAX_BODIES = 512
_MAX_BYTES = 1 << 20
"""Of what goes together: a worker is busy with it for some hundredths of a second."""

D = TypeVar("D", bound=Decoded)


@dataclass(frozen=True, slots=True)
class Joint(Generic[D]):
    """How bodies of one kind are decoded together. `key`: what they share, door and parameters."""

    key: Hashable
    decode: Callable[[list[bytes]], Together[D]]


@dataclass(frozen=True, slots=True)
class _Waiting(Generic[D]):
    wire: bytes
    coding: str
    alone: Callable[[bytes], D]
    joint: Joint[D]
    lease: Lease
    taken: Future[Taken[D]] = field(default_factory=Future)


_Unfolded = tuple[_Waiting[Any], bytes]


class Coalescer:
    """Thread-safe. Bodies wait by `Joint.key`; one worker takes what has come for a key, until there is none.

    A second worker would only take half of what the first would have found. Whatever decoding raises (a panic of polars
    is no `Exception`) is told to the body's sender, and the worker goes on.
    """

    def __init__(self, intake: Intake) -> None:
        self._intake = intake
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="heimdall-small")
        self._closing = Event()
        self._lock = Lock()
        self._waiting: dict[Hashable, deque[_Waiting[Any]]] = {}

    def submit(
        self, wire: bytes, coding: str, alone: Callable[[bytes], D], joint: Joint[D], lease: Lease
    ) -> Future[Taken[D]]:
        """`alone` decodes a body that cannot go with others. The future raises what `Intake.take` would."""
        item = _Waiting(wire, coding, alone, joint, lease)
        with self._lock:
            waiting = self._waiting.get(joint.key)
            if waiting is not None:
                waiting.append(item)
                return item.taken
            self._worker.submit(self._turn, joint.key)
            self._waiting[joint.key] = deque((item,))
        return item.taken

    def close(self) -> None:
        """What waits is taken first."""
        self._closing.set()
        self._worker.shutdown(wait=True)

    def _turn(self, key: Hashable) -> None:
        """Take some, and come again for the rest behind other keys."""
        started = self._intake.clock.monotonic()
        items = [item for item in self._claimed(key) if item.taken.set_running_or_notify_cancel()]
        for group in _groups(self._unfolded(items)):
            self._take(group)
        if len(items) > _FEW_BODIES:
            self._closing.wait(min(self._intake.clock.monotonic() - started, _LONGEST_REST_S))
        with self._lock:
            if not self._waiting[key]:
                del self._waiting[key]
                return
        try:
            self._worker.submit(self._turn, key)
        except RuntimeError:  # it takes nothing more, for the node is closing
            self._turn(key)

    def _claimed(self, key: Hashable) -> list[_Waiting[Any]]:
        with self._lock:
            waiting = self._waiting[key]
            return [waiting.popleft() for _ in range(min(len(waiting), _MAX_BODIES))]

    def _unfolded(self, items: list[_Waiting[Any]]) -> Iterator[_Unfolded]:
        for item in items:
            try:
                body = self._intake.decompressed(item.wire, item.coding, item.lease)
            except BaseException as exc:
                item.taken.set_exception(exc)
            else:
                yield item, body

    def _take(self, group: list[_Unfolded]) -> None:
        if len(group) == 1:
            self._take_alone(*group[0])
            return
        try:
            together = group[0][0].joint.decode([body for _, body in group])
            parts = list(zip(group, together.parts, strict=True))
        except BaseException:
            middle = len(group) // 2  # whose fault it is shows in halves, and most of the others still go together
            self._take(group[:middle])
            self._take(group[middle:])
            return
        try:
            durable = self._intake.append(together.table)
        except BaseException as exc:
            for item, _ in group:
                item.taken.set_exception(exc)
            return
        for (item, body), part in parts:
            if part is None:
                self._take_alone(item, body)
            else:
                item.taken.set_result(Taken(part, len(body), durable))

    def _take_alone(self, item: _Waiting[Any], body: bytes) -> None:
        try:
            item.taken.set_result(self._intake.take(body, "", item.alone, item.lease))
        except BaseException as exc:
            item.taken.set_exception(exc)


def _groups(bodies: Iterable[_Unfolded]) -> Iterator[list[_Unfolded]]:
    """Of about `_MAX_BYTES` each; a body that became large goes by itself."""
    group: list[_Unfolded] = []
    size = 0
    for each in bodies:
        if len(each[1]) > _LARGEST_BYTES:
            yield [each]
            continue
        group.append(each)
        size += len(each[1])
        if size >= _MAX_BYTES:
            yield group
            group, size = [], 0
    if group:
        yield group

"""The `Bus` in memory, for tests and trials: everything the port promises but surviving the process."""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import replace

from heimdall.bus.port import Frame, ProducerKey
from heimdall.bus.producers import ProducerMemory
from heimdall.clock import Clock, SystemClock
from heimdall.errors import BusUnavailable, InvalidInput, Overloaded
from heimdall.model.batch import LogBatch, Origin


class MemoryBus:
    """Holds at most `max_bytes` of batches that were not released; beyond it `append` raises `Overloaded`."""

    def __init__(self, clock: Clock | None = None, *, max_bytes: int = 256 << 20) -> None:
        self._clock = clock or SystemClock()
        self._max_bytes = max_bytes
        self._frames: list[Frame] = []
        self._bytes = 0
        self._end = 1
        self._closed = False
        self._grown = threading.Condition()
        self._producers = ProducerMemory(now_s=lambda: self._clock.time_ns() / 1e9)

    def append(self, batch: LogBatch, *, producer: ProducerKey | None = None) -> Future[int]:
        if producer is None:
            return self._append(batch)
        return self._producers.once(producer, lambda: self._append(batch))

    def _append(self, batch: LogBatch) -> Future[int]:
        if batch.num_rows == 0:
            raise InvalidInput("a batch without records cannot be appended")
        future: Future[int] = Future()
        with self._grown:
            if self._closed:
                raise BusUnavailable("the bus is closed")
            if self._bytes + batch.table.nbytes > self._max_bytes and self._frames:
                raise Overloaded(f"the memory bus holds {self._bytes} bytes; send again later", retry_after_s=1.0)
            first, stop = self._end, self._end + batch.num_rows
            kept = replace(batch, origin=Origin(first, stop - 1))
            self._frames.append(Frame(first, batch.num_rows, batch.tenant, self._clock.time_ns(), kept))
            self._bytes += batch.table.nbytes
            self._end = stop
            self._grown.notify_all()
        future.set_result(first)
        return future

    def kept(self, producer_id: bytes) -> tuple[int, int] | None:
        return self._producers.kept(producer_id)

    def read(self, position: int, *, max_bytes: int) -> Iterator[Frame]:
        with self._grown:
            frames = list(self._frames)
        begin = bisect_right(frames, position, key=lambda frame: frame.first + frame.count - 1)
        if begin and frames[begin - 1].first + frames[begin - 1].count > position:
            begin -= 1
        taken = 0
        for frame in frames[begin:]:
            if taken >= max_bytes:
                return
            taken += frame.batch.table.nbytes
            yield frame

    def wait_for(self, position: int, timeout_s: float) -> bool:
        with self._grown:
            return self._grown.wait_for(lambda: self._end > position, timeout_s)

    def release(self, position: int) -> None:
        with self._grown:
            while self._frames and self._frames[0].first + self._frames[0].count <= position:
                self._bytes -= self._frames.pop(0).batch.table.nbytes

    @property
    def end(self) -> int:
        return self._end

    def close(self) -> None:
        with self._grown:
            self._closed = True

"""The one writer: gathers what waits, stamps positions and checksums, writes, syncs, and only then acknowledges."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass

from heimdall.bus.buses.journal import metrics
from heimdall.bus.buses.journal.admission import Admission
from heimdall.bus.buses.journal.config import JournalConfig
from heimdall.bus.buses.journal.disk import Disk, File
from heimdall.bus.buses.journal.layout import (
    FIRST_FRAME,
    SECTOR,
    SegmentHeader,
    chain_seed,
    count_zero_sectors,
    pack_frame_header,
    pack_segment_header,
    padded,
    payload_checksum,
)
from heimdall.bus.buses.journal.segments import Segment, Segments, file_name
from heimdall.bus.buses.journal.spare import SpareFile
from heimdall.bus.port import ProducerKey
from heimdall.clock import Clock
from heimdall.errors import BusUnavailable, Overloaded, TooLarge

_LOG = logging.getLogger(__name__)
_ATTEMPTS = 3
"""Files a group is tried on before its senders are told: the current one, the spare, one made on the spot."""
_BUSY_RETRY_S = 1.0


@dataclass(slots=True)
class Waiting:
    """An encoded batch on its way to the disk."""

    payload: bytes
    padding: bytes
    payload_crc: int
    zero_sectors: int
    count: int
    decoded_bytes: int
    tenant: bytes
    producer: ProducerKey | None
    size: int
    """Bytes on disk, header included."""
    future: Future[int]
    on_durable: Callable[[int, int], None]


class Committer:
    """`submit` from any thread. `commit_pending` and `prepare_spare` from one thread each, or from the two that `start`
    makes; crash tests call them by hand."""

    def __init__(self, disk: Disk, segments: Segments, config: JournalConfig, clock: Clock, next_number: int) -> None:
        self._segments = segments
        self._config = config
        self._clock = clock
        self._admission = Admission(disk, config, clock)
        self._spare = SpareFile(disk, next_number, config.segment_bytes)
        self._active: Segment | None = None
        self._file: File | None = None
        self._lock = threading.Lock()
        self._work = threading.Condition(self._lock)
        self._spare_wanted = threading.Event()
        self._queue: deque[Waiting] = deque()
        self._waiting_bytes = 0
        self._closing = False
        self._started_at = float("-inf")
        self._threads: list[threading.Thread] = []

    # --- senders' side

    def submit(
        self,
        payload: bytes,
        *,
        count: int,
        decoded_bytes: int,
        tenant: bytes,
        producer: ProducerKey | None = None,
        on_durable: Callable[[int, int], None] = lambda first, accepted_at_ns: None,
    ) -> Future[int]:
        """See `Bus.append`. `payload`: bytes, or an Arrow buffer, which the checksum reads as well.

        `on_durable` is called in the order of positions, by the committing thread, just before the future resolves.
        """
        length = len(payload)
        size = SECTOR + padded(length)
        if size > self._config.segment_bytes - FIRST_FRAME:
            raise TooLarge(f"a batch of {length} encoded bytes does not fit into a journal segment; send smaller ones")
        self._admission.check(size)
        padding = bytes(size - SECTOR - length)
        future: Future[int] = Future()
        future.set_running_or_notify_cancel()
        waiting = Waiting(
            payload, padding, payload_checksum(payload, padding), count_zero_sectors(payload), count, decoded_bytes,
            tenant, producer, size, future, on_durable,
        )  # fmt: skip
        with self._lock:
            if self._closing:
                raise BusUnavailable("the journal is closed")
            if self._waiting_bytes + size > self._config.max_waiting_bytes and self._queue:
                metrics.REFUSED_BATCHES.labels("waiting").inc()
                raise Overloaded(
                    f"{self._waiting_bytes} bytes wait for the journal's disk; send again later",
                    retry_after_s=_BUSY_RETRY_S,
                )
            self._queue.append(waiting)
            self._waiting_bytes += size
            self._work.notify()
        return future

    # --- the committing thread

    def commit_pending(self) -> int:
        """Write one group of what waits; the number of records acknowledged. Never raises for a failing disk."""
        if not self._queue:
            return 0
        group: list[Waiting] = []
        for _ in range(_ATTEMPTS):
            try:
                file, fresh, room = self._writable()
                group = group or self._take(room)
                if sum(waiting.size for waiting in group) > room:
                    self._seal()
                    continue
                return self._write(file, fresh, group)
            except OSError as exc:
                self._poison(exc)
            except Exception:
                self._fail(group)  # a mistake of ours must not leave senders waiting
                raise
        self._fail(group or self._take(self._config.max_group_bytes))
        return 0

    def _take(self, room: int) -> list[Waiting]:
        """The oldest waiting batches, as many as one commit may write into `room`; at least one, which may not fit."""
        room = min(room, self._config.max_group_bytes)
        group: list[Waiting] = []
        with self._lock:
            while self._queue and (not group or self._queue[0].size <= room):
                group.append(self._queue.popleft())
                room -= group[-1].size
        return group

    def _writable(self) -> tuple[File, bool, int]:
        """The file to write to, whether it still needs its header, and the bytes left in it."""
        if self._file is None:
            number, self._file = self._spare.take()
            self._active = Segment(number, self._segments.end, chain_seed(number))
            self._spare_wanted.set()
        segment = self._segment
        return self._file, segment.end == segment.first, self._config.segment_bytes - segment.end_offset

    @property
    def _segment(self) -> Segment:
        assert self._active is not None  # set together with the file
        return self._active

    def _write(self, file: File, fresh: bool, group: list[Waiting]) -> int:
        started = time.perf_counter()
        segment = self._segment
        accepted_at_ns = self._clock.time_ns()
        durable = position = self._segments.end
        offset, crc = segment.end_offset, segment.crc
        begin = offset
        parts: list[bytes] = []
        if fresh:
            parts.append(self._segment_header(segment, accepted_at_ns))
            begin = 0
        frames: list[tuple[int, int, int, int, int]] = []
        for waiting in group:
            header, crc = pack_frame_header(
                segment=segment.number, offset=offset, first=position, count=waiting.count,
                payload_bytes=len(waiting.payload), accepted_at_ns=accepted_at_ns, durable_before=durable,
                payload_crc=waiting.payload_crc, previous_crc=crc, decoded_bytes=waiting.decoded_bytes,
                zero_sectors=waiting.zero_sectors, tenant=waiting.tenant, producer=waiting.producer,
            )  # fmt: skip
            parts += (header, waiting.payload, waiting.padding)
            frames.append((position, position + waiting.count, offset, offset + waiting.size, crc))
            position += waiting.count
            offset += waiting.size
        file.write(begin, parts)
        file.sync()
        self._segments.publish(segment, frames)
        metrics.SYNC_SECONDS.observe(time.perf_counter() - started)
        metrics.APPENDED_RECORDS.inc(position - durable)
        metrics.APPENDED_FRAMES.inc(len(group))
        metrics.APPENDED_BYTES.inc(offset - frames[0][2])
        metrics.SEGMENTS.set(len(self._segments))
        self._settle(group)
        for waiting, frame in zip(group, frames, strict=True):
            waiting.on_durable(frame[0], accepted_at_ns)
            waiting.future.set_result(frame[0])
        return position - durable

    def _segment_header(self, segment: Segment, created_at_ns: int) -> bytes:
        last = self._segments.last
        return pack_segment_header(
            SegmentHeader(
                segment=segment.number,
                first=segment.first,
                previous_segment=last.number if last else 0,
                previous_end=last.end_offset if last else 0,
                previous_crc=last.crc if last else 0,
                created_at_ns=created_at_ns,
                segment_bytes=self._config.segment_bytes,
            )
        )

    def _seal(self) -> None:
        """Write no more to the current file; everything in it is acknowledged or void."""
        file, self._file, self._active = self._file, None, None
        if file is not None:
            with contextlib.suppress(OSError):
                file.close()

    def _poison(self, exc: OSError) -> None:
        """After a failed write or sync nothing is known about the file: leave it, and never sync it again.

        Its acknowledged frames stay. What it may hold beyond them is voided by the next segment's first position,
        which reaches the disk before, or together with, the same batches' new frames.
        """
        name = "a new segment"
        if self._active is not None:
            name = file_name(self._active.number)
            metrics.POISONED_SEGMENTS.inc()
            self._segments.admit(self._active)
        _LOG.error("journal: %s failed: %s; going on with another file", name, exc)
        self._seal()

    def _fail(self, group: list[Waiting]) -> None:
        self._admission.pause()
        self._settle(group)
        for waiting in group:
            if not waiting.future.done():
                waiting.future.set_exception(
                    BusUnavailable("the journal's disk fails; this batch was not acknowledged, send it again later")
                )

    def _settle(self, group: list[Waiting]) -> None:
        with self._lock:
            self._waiting_bytes -= sum(waiting.size for waiting in group)
            metrics.WAITING_BYTES.set(self._waiting_bytes)

    def prepare_spare(self) -> None:
        """See `SpareFile.prepare`."""
        self._spare.prepare()

    # --- life

    def start(self) -> None:
        for name, run in (("journal-commit", self._run), ("journal-spare", self._run_spare)):
            thread = threading.Thread(target=run, name=name, daemon=True)
            self._threads.append(thread)
            thread.start()
        self._spare_wanted.set()

    def _run(self) -> None:
        while self._await_work():
            self._started_at = self._clock.monotonic()
            try:
                self.commit_pending()
            except Exception:
                _LOG.exception("journal: the committer made a mistake; going on with another file")
                self._seal()

    def _await_work(self) -> bool:
        """Return when a group is due; False when closing and nothing waits."""
        with self._work:
            while not self._queue:
                if self._closing:
                    return False
                self._work.wait()
            while self._waiting_bytes < self._config.group_bytes and not self._closing:
                left = self._started_at + self._config.group_commit_ms / 1000 - self._clock.monotonic()
                if left <= 0 or not self._work.wait(left):
                    break
        return True

    def _run_spare(self) -> None:
        while True:
            self._spare_wanted.wait()
            if self._closing:
                return
            self._spare_wanted.clear()
            self._spare.prepare()

    def close(self) -> None:
        """Commit what waits, stop the threads, leave the files."""
        with self._lock:
            self._closing = True
            self._work.notify_all()
        self._spare_wanted.set()
        for thread in self._threads:
            thread.join()
        while self._queue:
            self.commit_pending()
        self._seal()
        self._spare.discard()

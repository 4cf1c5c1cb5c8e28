"""What listeners take, gathered into batches by count, bytes and time, decoded and put onto the bus.

A gatherer belongs to one event loop. One worker thread decodes and appends, batch after batch, so records keep the
order they were taken in. What it holds (gathered, being decoded, not durable yet) is bounded: `put` waits for room,
which is how a connection stops being read, and `offer` says no, which is what a datagram gets.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import pyarrow as pa

from heimdall.bus.port import Bus
from heimdall.clock import Clock
from heimdall.errors import InvalidInput, Overloaded, Refused, Unavailable
from heimdall.ingest.decode.decoded import Decoded
from heimdall.ingest.sources.intake import BYTES, RECORDS
from heimdall.model.batch import DEFAULT_TENANT, LogBatch

_log = logging.getLogger(__name__)

T = TypeVar("T")

_AWAITED_WAIT_S = 0.01
"""Senders that wait for each acknowledgement send one chunk in this time at best; others may join meanwhile."""

_STOP_WITHIN_S = 20.0
"""What a bus that takes nothing more may cost a stop; what is not durable then was never acknowledged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GatherLimits:
    max_batch_records: int = 20_000
    """Larger batches cost less a record, up to about this many."""
    max_batch_bytes: int = 4 << 20
    max_wait_s: float = 0.2
    """From a batch's first record until it is decoded: most of the time between sending and finding."""
    max_in_flight_bytes: int = 64 << 20


@dataclass(slots=True)
class _Gathering(Generic[T]):
    durable: asyncio.Future[bool]
    items: list[T] = field(default_factory=list)
    records: int = 0
    size_bytes: int = 0
    awaited: bool = False


class Gatherer(Generic[T]):
    """`decode(items)` runs in the worker thread. An item on which it raises is counted as rejected, not the others."""

    def __init__(
        self,
        door: str,
        bus: Bus,
        clock: Clock,
        loop: asyncio.AbstractEventLoop,
        decode: Callable[[list[T]], Decoded],
        limits: GatherLimits,
    ) -> None:
        self._door = door
        self._bus = bus
        self._clock = clock
        self._loop = loop
        self._decode = decode
        self._limits = limits
        self._gathering: _Gathering[T] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._in_worker = 0
        self._due = False
        self._held_bytes = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._deliveries: set[asyncio.Task[None]] = set()
        self._worker = ThreadPoolExecutor(1, thread_name_prefix=f"heimdall-{door}")
        self._given_up = threading.Event()

    @property
    def held_bytes(self) -> int:
        return self._held_bytes

    async def put(self, item: T, size_bytes: int, records: int = 1, *, awaited: bool = False) -> asyncio.Future[bool]:
        """Take it as soon as there is room. The future is True once it is durable, False when that was given up.

        A future nobody waits for costs nothing. `awaited`: the sender waits for it before it sends more, so the batch
        is gathered for a moment only. An item larger than all the room there is goes alone.
        """
        while self._waiting or not self._has_room(size_bytes):
            turn = self._loop.create_future()
            self._waiting.append(turn)
            try:
                await turn
            except asyncio.CancelledError:
                self._wake_next()
                raise
            if self._has_room(size_bytes):
                break
        future = self._take(item, size_bytes, records)
        self._wake_next()
        if awaited and self._gathering is not None and not self._gathering.awaited:
            self._gathering.awaited = True
            self._set_timer(_AWAITED_WAIT_S)
        return future

    def offer(self, item: T, size_bytes: int, records: int = 1) -> bool:
        """Take it if there is room now."""
        if self._waiting or not self._has_room(size_bytes):
            return False
        self._take(item, size_bytes, records)
        return True

    async def drain(self) -> None:
        """Everything taken so far becomes durable, or is given up when the bus takes nothing for 20 s."""
        self._flush()
        if self._deliveries:
            _, late = await asyncio.wait(self._deliveries, timeout=_STOP_WITHIN_S)
            if late:
                self._given_up.set()
                await asyncio.wait(late)

    def close(self) -> None:
        """After `drain`."""
        self._given_up.set()
        self._worker.shutdown(wait=True)

    def _has_room(self, size_bytes: int) -> bool:
        return not self._held_bytes or self._held_bytes + size_bytes <= self._limits.max_in_flight_bytes

    def _wake_next(self) -> None:
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return

    def _take(self, item: T, size_bytes: int, records: int) -> asyncio.Future[bool]:
        batch = self._gathering
        if batch is None:
            batch = self._gathering = _Gathering(self._loop.create_future())
            self._set_timer(self._limits.max_wait_s)
        batch.items.append(item)
        batch.records += records
        batch.size_bytes += size_bytes
        self._held_bytes += size_bytes
        if batch.records >= self._limits.max_batch_records or batch.size_bytes >= self._limits.max_batch_bytes:
            self._flush()
        return batch.durable

    def _set_timer(self, wait_s: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_later(wait_s, self._flush_when_idle)

    def _flush_when_idle(self) -> None:
        """The time is up; while the worker is busy anyway, more may join: large batches cost less a record."""
        self._due = self._in_worker > 0
        if not self._due:
            self._flush()

    def _flush(self) -> None:
        batch, self._gathering, self._due = self._gathering, None, False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if batch is not None:
            task = self._loop.create_task(self._deliver(batch))
            self._deliveries.add(task)
            task.add_done_callback(self._deliveries.discard)

    async def _deliver(self, batch: _Gathering[T]) -> None:
        durable = False
        try:
            decoded, appended = await self._in_turn(batch.items)
            durable = await self._until_durable(decoded, appended)
            outcome = "accepted" if durable else "failed"
            RECORDS.labels(self._door, outcome).inc(decoded.num_rows)
            RECORDS.labels(self._door, "rejected").inc(decoded.rejected_count)
            if durable:
                BYTES.labels(self._door).inc(batch.size_bytes)
        except Exception:
            _log.exception("%s: a batch of %d records was lost to an error of ours", self._door, batch.records)
            RECORDS.labels(self._door, "failed").inc(batch.records)
        finally:
            self._held_bytes -= batch.size_bytes
            if not batch.durable.done():
                batch.durable.set_result(durable)
            self._wake_next()

    async def _in_turn(self, items: list[T]) -> tuple[Decoded, Future[int] | None]:
        self._in_worker += 1
        try:
            return await self._loop.run_in_executor(self._worker, self._decode_and_append, items)
        finally:
            self._in_worker -= 1
            if self._due and not self._in_worker:
                self._flush()

    async def _until_durable(self, decoded: Decoded, appended: Future[int] | None) -> bool:
        """Append again while the bus says that it could not keep it."""
        while appended is not None:
            try:
                await asyncio.wrap_future(appended)
            except (Overloaded, Unavailable) as exc:
                if self._given_up.is_set():
                    return False
                await asyncio.sleep(exc.retry_after_s)
                appended = await self._loop.run_in_executor(self._worker, self._append, decoded.table)
            except (InvalidInput, Refused) as exc:
                _log.error("%s: %d records can never be kept: %s", self._door, decoded.num_rows, exc)
                return False
            else:
                return True
        return not decoded.num_rows

    def _decode_and_append(self, items: list[T]) -> tuple[Decoded, Future[int] | None]:
        decoded = self._decoded(items)
        return decoded, self._append(decoded.table) if decoded.num_rows else None

    def _decoded(self, items: list[T]) -> Decoded:
        """One item that cannot be decoded does not take the others with it."""
        try:
            return self._decode(items)
        except Exception as exc:
            if len(items) == 1:
                _log.exception("%s: what was received could not be decoded", self._door)
                return Decoded(pa.table({}), (), 1)
            _log.warning("%s: decoding in halves after %r", self._door, exc)
            middle = len(items) // 2
            parts = [self._decoded(items[:middle]), self._decoded(items[middle:])]
            tables = [part.table for part in parts if part.num_rows] or [parts[0].table]
            whole = pa.concat_tables(tables, promote_options="default")
            return Decoded(whole, (), sum(part.rejected_count for part in parts))

    def _append(self, table: pa.Table) -> Future[int] | None:
        """In the worker thread: waits for a bus that is full, so that later batches wait behind this one."""
        while True:
            try:
                return self._bus.append(LogBatch(DEFAULT_TENANT, table))
            except (Overloaded, Unavailable) as exc:
                if self._given_up.wait(exc.retry_after_s):
                    return None
            except (InvalidInput, Refused) as exc:
                _log.error("%s: %d records can never be kept: %s", self._door, table.num_rows, exc)
                return None

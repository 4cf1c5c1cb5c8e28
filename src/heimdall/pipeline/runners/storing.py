"""The storing half of the runner: appends spans to storage, a few at a time, and commits them in the order of the bus.

Small spans. While nobody asks, the spans of a small stream are gathered after the stages and appended together: rules
and detectors have seen them by then, and an append costs what it costs however few records it has. Such an append has
bounds of its own (`append` table), durable before storage sees it, and a replay gathers the same spans.
"""

from __future__ import annotations

import logging
import queue
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import pyarrow as pa
from prometheus_client import Counter

from heimdall.clock import Clock
from heimdall.errors import Unavailable
from heimdall.model.batch import DEFAULT_TENANT, LogBatch, Origin, TenantId
from heimdall.pipeline import deadletters, ledger
from heimdall.pipeline.config import PipelineConfig
from heimdall.pipeline.deadletters import DeadLetters
from heimdall.pipeline.runners.work import SPAN_SECONDS, Life, Refusal, Work, halves
from heimdall.pipeline.span import Span
from heimdall.pipeline.state import CHECKPOINTED, COMMITTED, PipelineState, save_progress
from heimdall.storage.engine import Engine

_log = logging.getLogger(__name__)

STORED = Counter("heimdall_pipeline_stored_records", "Records stored and committed.", unit="records")
DEAD_LETTERED = Counter("heimdall_pipeline_dead_lettered_records", "Records kept as dead letters.", unit="records")

_SMALL_RECORDS = 10_000
_SMALL_BYTES = 8 * 1024 * 1024
"""An append of so many records or bytes waits for no more: from here on they cost more than the append itself."""

_LOOK_S = 0.05
"""Between two looks whether an append is still held."""

_ASKED_S = 5.0
"""So long after a question appends are not held: who looks at a page, or asks again and again, sees records soon."""


@dataclass(slots=True)
class _Stored:
    """What became of spans in storage."""

    batches: list[LogBatch]
    refused: list[Refusal]


class Storing:
    """Takes spans from the stages' thread by `put`; `run` is the loop of a thread of its own."""

    def __init__(
        self,
        *,
        engine: Engine,
        state: PipelineState,
        dead_letters: DeadLetters,
        clock: Clock,
        config: PipelineConfig,
        life: Life,
        release: Callable[[int], None],
        on_stored: Callable[[LogBatch], None],
        is_watched: Callable[[], bool],
    ) -> None:
        """`release` is told the position behind which the bus need not keep anything."""
        self._engine = engine
        self._state = state
        self._dead_letters = dead_letters
        self._clock = clock
        self._config = config
        self._life = life
        self._release = release
        self._on_stored = on_stored
        self._is_watched = is_watched
        self.committed = state.progress(COMMITTED)
        """First position that is not stored yet."""
        self._queue: queue.Queue[Work | None] = queue.Queue(maxsize=2)
        self._ended = False
        self._next: Work | None = None
        self._appends = self._planned_appends()
        self._appended_s = self._asked_s = float("-inf")

    def hurry(self) -> None:
        """Small spans are not held back now, nor in the next seconds."""
        self._asked_s = self._clock.monotonic()

    def put(self, work: Work | None) -> None:
        """Hand over the next span; blocks while two wait already. None: there will be no more."""
        while self._life.failure is None:
            try:
                self._queue.put(work, timeout=0.1)
            except queue.Full:
                continue
            return

    def _take(self, timeout_s: float | None = None) -> Work | None:
        """The next span; None at the end (`_ended`), after a failure, or when none came in time."""
        while self._life.failure is None and not self._ended:
            try:
                work = self._queue.get(timeout=0.1 if timeout_s is None else timeout_s)
            except queue.Empty:
                if timeout_s is None:
                    continue
                return None
            self._ended = work is None
            return work
        return None

    def run(self) -> None:
        """Make up to `writers` appends side by side; commit them in the order of the bus."""
        on_way: deque[tuple[list[Work], Future[_Stored] | None]] = deque()
        with ThreadPoolExecutor(self._config.writers, thread_name_prefix="pipeline-append") as writers:
            while True:
                while on_way and (len(on_way) >= self._config.writers or self._queue.empty()):
                    self._finish(*on_way.popleft())
                works = self._together(may_wait=not on_way)
                if not works:
                    break
                on_way.append((works, writers.submit(self._store, works) if works[0].store else None))
            while on_way and self._life.failure is None:
                self._finish(*on_way.popleft())

    def _planned_appends(self) -> dict[int, int]:
        """First and last position of appends of several spans that are not known to be stored."""
        rows = self._state.rows("SELECT first, last FROM append WHERE first >= ?", (self.committed,))
        return {int(str(first)): int(str(last)) for first, last in rows}

    def _together(self, *, may_wait: bool) -> list[Work]:
        """The spans of the next append; empty when there are no more."""
        work, self._next = self._next or self._take(), None
        if work is None or not work.store:
            return [] if work is None else [work]
        works = [work]
        last = self._appends.pop(work.span.first, None)
        if last is not None:
            return works if self._gather_until(last, works) else []
        records, size_bytes = work.span.records, work.size_bytes
        while may_wait and records < _SMALL_RECORDS and size_bytes < _SMALL_BYTES and self._is_held():
            following = self._take(_LOOK_S)
            if following is None:
                continue
            if not following.store or following.span.first in self._appends:
                self._next = following
                break
            works.append(following)
            records += following.span.records
            size_bytes += following.size_bytes
        self._appended_s = self._clock.monotonic()
        if len(works) > 1:
            with self._state.transaction() as transaction:
                bounds = (works[0].span.first, works[-1].span.last)
                transaction.execute("INSERT OR REPLACE INTO append VALUES (?, ?)", bounds)
        return works

    def _gather_until(self, last: int, works: list[Work]) -> bool:
        """Complete an append that was planned before a crash; False where the node stops before its spans came."""
        while works[-1].span.last < last:
            following = self._take()
            if following is None:
                return False
            works.append(following)
        return True

    def _is_held(self) -> bool:
        now_s = self._clock.monotonic()
        return (
            now_s < self._appended_s + self._config.append_wait_s
            and now_s >= self._asked_s + _ASKED_S
            and not (self._ended or self._life.failure or self._life.stopping.is_set() or self._is_watched())
        )

    def _store(self, works: Sequence[Work]) -> _Stored:
        """In a writer's thread."""
        result = _Stored([], [refusal for work in works for refusal in work.refused])
        with SPAN_SECONDS.labels(hop="storage").time():
            for batch in _joined(works):
                self._append(batch, result.batches, result.refused)
        return result

    def _finish(self, works: Sequence[Work], storing: Future[_Stored] | None) -> None:
        if storing is not None:
            stored = storing.result()
            self._wait_for_dead_letter_room(stored.refused)
            self._commit([work.span for work in works], stored.batches, stored.refused)
            for batch in stored.batches:
                self._on_stored(batch)
        for work in works:
            if work.checkpoint is not None:
                self._save_checkpoint(work.span.last + 1, work.checkpoint)

    def _append(self, batch: LogBatch, stored: list[LogBatch], refused: list[Refusal]) -> None:
        while True:
            try:
                self._engine.append(batch)
            except Unavailable as exc:
                _log.warning("storage is unavailable, trying again: %s", exc)
                if self._life.stopping.wait(self._config.retry_interval_s):
                    raise
                continue
            except Exception as exc:
                if batch.num_rows > 1:
                    for half in halves(batch):
                        self._append(half, stored, refused)
                else:
                    _log.warning("storage refused a record: %s", exc)
                    refused.append(Refusal(batch, "storage", f"{type(exc).__name__}: {exc}"))
                return
            stored.append(batch)
            return

    def _wait_for_dead_letter_room(self, refused: list[Refusal]) -> None:
        while refused and self._dead_letters.size_bytes() >= self._config.dead_letter_quota_bytes:
            _log.error("dead letters fill their quota of %d bytes; replay them", self._config.dead_letter_quota_bytes)
            if self._life.stopping.wait(self._config.retry_interval_s):
                raise Unavailable("dead letters are full")

    def _commit(self, spans: Sequence[Span], stored: list[LogBatch], refused: list[Refusal]) -> None:
        lost = [gap for span in spans for gap in span.lost]
        end = spans[-1].last + 1
        now_ns = self._clock.time_ns()
        with self._state.transaction() as transaction:
            for batch in stored:
                ledger.add(transaction, batch.tenant, ledger.count_by_minute(batch.table), accepted=1, stored=1)
            for refusal in refused:
                counts = ledger.count_by_minute(refusal.batch.table)
                ledger.add(transaction, refusal.batch.tenant, counts, accepted=1, dead_lettered=1)
                deadletters.bury(transaction, refusal.batch, stage=refusal.stage, reason=refusal.reason, time_ns=now_ns)
            for first, last in lost:
                minute_ns = now_ns // ledger.MINUTE_NS * ledger.MINUTE_NS
                counts = {minute_ns: last - first + 1}
                ledger.add(transaction, DEFAULT_TENANT, counts, accepted=1, dead_lettered=1)
                deadletters.bury_gap(transaction, DEFAULT_TENANT, first, last, time_ns=now_ns)
            save_progress(transaction, COMMITTED, end)
        self.committed = end
        STORED.inc(sum(batch.num_rows for batch in stored))
        DEAD_LETTERED.inc(sum(r.batch.num_rows for r in refused) + sum(b - a + 1 for a, b in lost))

    def _save_checkpoint(self, position: int, states: dict[str, bytes]) -> None:
        with self._state.transaction() as transaction:
            transaction.executemany("INSERT OR REPLACE INTO checkpoint VALUES (?, ?)", list(states.items()))
            transaction.execute("DELETE FROM span WHERE last < ?", (position,))
            transaction.execute("DELETE FROM append WHERE last < ?", (position,))
            save_progress(transaction, CHECKPOINTED, position)
        self._release(position)


def _joined(works: Sequence[Work]) -> list[LogBatch]:
    """One batch a tenant, with the bounds of all the spans; parts of a span with refused records stay alone."""
    if len(works) == 1:
        return works[0].processed
    whole: dict[TenantId, list[pa.Table]] = {}
    alone: list[LogBatch] = []
    for work in works:
        bounds = Origin(work.span.first, work.span.last)
        for batch in work.processed:
            if batch.origin == bounds:
                whole.setdefault(batch.tenant, []).append(batch.table)
            else:
                alone.append(batch)
    origin = Origin(works[0].span.first, works[-1].span.last)
    joined = [
        LogBatch(tenant, pa.concat_tables(tables, promote_options="default"), origin)
        for tenant, tables in whole.items()
    ]
    return joined + alone

"""The in-process runner: one thread reads spans and runs the stages, a few append them to storage, one commits them.

Exactly once. Before a stage sees a span its bounds are durable (`span` table): what a stage tells, a rule's firing
above all, leaves at once and does not wait for storage, and has to have the same id when the span is replayed. The
engine drops a span it has seen (token = tenant and bounds); after the append the offset commits. A crash anywhere in
between replays the span with the same bounds, so it is the same batch under the same token.

Small spans. While nobody asks, the spans of a small stream are gathered after the stages and appended together: rules
and detectors have seen them by then, and an append costs what it costs however few records it has. Such an append has
bounds of its own (`append` table), durable before storage sees it, and a replay gathers the same spans.

Stage state. Stages are deterministic, so their state is saved only now and then, at a span's border. After a restart
the runner goes back to that checkpoint, runs the spans that are already stored through the stages again (without
storing them) and continues. The bus keeps what lies behind the checkpoint until the next one.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
from prometheus_client import Counter, Gauge, Histogram

from heimdall.bus.port import Bus, Frame
from heimdall.clock import Clock
from heimdall.errors import HeimdallError, InvalidInput, Unavailable
from heimdall.model.batch import DEFAULT_TENANT, LogBatch, Origin, TenantId
from heimdall.pipeline import deadletters, ledger
from heimdall.pipeline.deadletters import DeadLetters
from heimdall.pipeline.span import Span, make_span
from heimdall.pipeline.stage import PutsOff, Stage
from heimdall.pipeline.state import CHECKPOINTED, COMMITTED, PipelineState, save_progress
from heimdall.storage.engine import Engine

_log = logging.getLogger(__name__)

STORED = Counter("heimdall_pipeline_stored_records", "Records stored and committed.", unit="records")
DEAD_LETTERED = Counter("heimdall_pipeline_dead_lettered_records", "Records kept as dead letters.", unit="records")
PENDING = Gauge("heimdall_pipeline_pending_records", "Acknowledged records not stored yet.", unit="records")
SPAN_SECONDS = Histogram(
    "heimdall_pipeline_span_seconds", "Time of a span in stages and storage.", ["hop"], unit="seconds"
)


_LULL_S = 0.05
"""After so long without a record, stages go on with what they put off, even in the midst of a span: where a few records
come all the time, no longer pause ever does."""


_SMALL_RECORDS = 10_000
_SMALL_BYTES = 8 * 1024 * 1024
"""An append of so many records or bytes waits for no more: from here on they cost more than the append itself."""

_ASKED_S = 5.0
"""So long after a question appends are not held: who looks at a page, or asks again and again, sees records soon."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PipelineConfig:
    max_records: int = 100_000
    """Records after which a span closes. Larger: fewer, larger inserts and fewer merges after them (half the CPU of
    storage at 100,000 in place of 13,000), and each span's memory is held twice."""
    max_bytes: int = 32 * 1024 * 1024
    """Bytes of decoded columns after which a span closes. Bounds memory when records are long."""
    max_wait_s: float = 0.2
    """Seconds from one span's closing to the next one's at least, where neither is full; a record that comes after a
    longer pause waits for no others. Larger: fewer inserts, later searchable, later alerts."""
    append_wait_s: float = 0.6
    """Seconds from one append to storage to the next at least, where it would be small, nobody has asked for 5 seconds
    and nobody watches a live tail; alerts do not wait for it. Larger: a quiet node costs less, and the first question
    after a pause sees records later. 0 = every span is appended by itself."""
    writers: int = 3
    """Appends to storage at the same time; they are committed in order. More use more cores and memory."""
    checkpoint_interval_s: float = 5.0
    """Seconds between saved stage states. Larger: less work while running, longer replay after a crash."""
    retry_interval_s: float = 0.5
    """Seconds before a span is tried again when storage is unavailable."""
    dead_letter_quota_bytes: int = 1024**3
    """Bytes of dead letters to keep. When they are full the pipeline waits, the bus fills, and doors answer 503:
    nothing that was accepted is thrown away. Replay or export dead letters to go on."""


@dataclass(slots=True)
class _Refusal:
    batch: LogBatch
    stage: str
    reason: str


@dataclass(slots=True)
class _Stored:
    """What became of a span in storage."""

    batches: list[LogBatch]
    refused: list[_Refusal]


@dataclass(slots=True)
class _Work:
    """A span on its way from the stages to storage."""

    span: Span
    processed: list[LogBatch]
    refused: list[_Refusal] = field(default_factory=list)
    checkpoint: dict[str, bytes] | None = None
    store: bool = True
    """False where there is nothing to store: the stages catch up with what storage has, or only a state is saved."""

    @property
    def size_bytes(self) -> int:
        return sum(batch.table.nbytes for batch in self.processed)


class EmbeddedRunner:
    """Owns the offsets. `start` returns at once; `stop` finishes the span in hand and saves a checkpoint."""

    def __init__(
        self,
        *,
        bus: Bus,
        stages: Sequence[Stage],
        engine: Engine,
        state_path: Path,
        clock: Clock,
        config: PipelineConfig,
        on_stored: Callable[[LogBatch], None] = lambda batch: None,
        is_watched: Callable[[], bool] = lambda: False,
    ) -> None:
        """`on_stored` is called once per stored batch, by the storing thread; it must not block. While `is_watched`,
        small spans are not held back."""
        self._bus = bus
        self._stages = tuple(stages)
        self._engine = engine
        self._clock = clock
        self._config = config
        self._on_stored = on_stored
        self._is_watched = is_watched
        self.state = PipelineState(state_path)
        self.ledger = ledger.Ledger(self.state)
        self.dead_letters = DeadLetters(self.state)
        self._committed = self.state.progress(COMMITTED)
        self._queue: queue.Queue[_Work | None] = queue.Queue(maxsize=2)
        self._ended = False
        self._next: _Work | None = None
        self._appends = self._planned_appends()
        self._appended_s = self._asked_s = float("-inf")
        self._stopping = threading.Event()
        self._stage_lock = threading.Lock()
        self._checkpoint_due = False
        self._gathered_s = float("-inf")
        """When the newest span was closed."""
        self._failure: BaseException | None = None
        self._threads = [
            threading.Thread(target=self._guarded, args=(self._run_stages,), name="pipeline-stages", daemon=True),
            threading.Thread(target=self._guarded, args=(self._run_storage,), name="pipeline-storage", daemon=True),
        ]

    # -- life -----------------------------------------------------------------------------------------------------

    def start(self) -> None:
        PENDING.set_function(lambda: self.pending)
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Called once. Blocks until the spans in hand are stored (or storage stays unavailable) and state is saved."""
        self._stopping.set()
        for thread in self._threads:
            if thread.is_alive():
                thread.join()
        PENDING.set_function(lambda: 0)
        self.state.close()

    @property
    def committed(self) -> int:
        """First position that is not stored yet."""
        return self._committed

    @property
    def pending(self) -> int:
        """Acknowledged records not stored yet."""
        return max(self._bus.end - self._committed, 0)

    def hurry(self) -> None:
        """Somebody wants to see what is stored: small spans are not held back now, nor in the next seconds."""
        self._asked_s = self._clock.monotonic()

    @property
    def failure(self) -> BaseException | None:
        """What stopped the pipeline, if anything did: `/readyz` shows it."""
        return self._failure

    def wait_until_stored(self, position: int, timeout_s: float) -> bool:
        """True once every record before `position` is stored; False after `timeout_s`."""
        deadline = self._clock.monotonic() + timeout_s
        while self._committed < position:
            self.hurry()
            if self._failure is not None or self._clock.monotonic() > deadline:
                return False
            self._clock.sleep(0.01)
        return True

    def _guarded(self, loop: Callable[[], None]) -> None:
        try:
            loop()
        except BaseException as exc:
            if not (self._stopping.is_set() and isinstance(exc, Unavailable)):
                _log.exception("the pipeline stopped; records stay safe on the bus until the node is restarted")
            self._failure = exc
            self._stopping.set()

    # -- reading and stages ---------------------------------------------------------------------------------------

    def _run_stages(self) -> None:
        position = self._restore()
        last_checkpoint = self._clock.monotonic()
        while not self._stopping.is_set():
            try:
                frames = self._gather(position)
            except Unavailable as exc:
                _log.warning("the bus cannot be read now, trying again: %s", exc)
                self._stopping.wait(self._config.retry_interval_s)
                continue
            if not frames:
                self._rest()
                continue
            last = frames[-1].first + frames[-1].count - 1
            due = self._checkpoint_due or (
                self._clock.monotonic() - last_checkpoint >= self._config.checkpoint_interval_s
            )
            self._plan(position, last)
            self._put(self._process(make_span(position, last, frames), checkpoint=due))
            if due:
                last_checkpoint, self._checkpoint_due = self._clock.monotonic(), False
            position = last + 1
        self._put(self._checkpoint(position))
        self._put(None)

    def _rest(self) -> None:
        with self._stage_lock:
            for stage in self._stages:
                if isinstance(stage, PutsOff):
                    stage.rest()

    def _restore(self) -> int:
        """Bring the stages to the committed position; returns where to read next.

        What was caught up with is saved at once: a node that is killed again and again within its checkpoint interval
        must not have more to catch up with each time, nor the bus more to keep.
        """
        states = {str(name): bytes(state) for name, state in self.state.rows("SELECT stage, state FROM checkpoint")}  # type: ignore[call-overload]
        for stage in self._stages:
            if stage.name in states:
                stage.restore(states[stage.name])
        position = self.state.progress(CHECKPOINTED)
        planned = list(self.state.rows("SELECT first, last FROM span WHERE first >= ? ORDER BY first", (position,)))
        for first, last in ((int(str(first)), int(str(last))) for first, last in planned):
            if self._stopping.is_set():
                break
            span = make_span(first, last, self._read(first, last))
            self._put(self._process(span, store=first >= self._committed))
            position = last + 1
        if planned:
            self._put(self._checkpoint(position))
        return position

    def _checkpoint(self, position: int) -> _Work:
        """Saves the stages' state as of `position` once everything before it is committed."""
        with self._stage_lock:
            return _Work(Span(position, position - 1, ()), [], checkpoint=self._snapshots(), store=False)

    def _read(self, first: int, last: int) -> list[Frame]:
        frames = []
        for frame in self._bus.read(first, max_bytes=2**63 - 1):
            if frame.first > last:
                break
            frames.append(frame)
        return frames

    def _gather(self, position: int) -> list[Frame]:
        """Frames of the next span: waits for the first record, then until the span is full or its time is up.

        Time counts from the last span's closing: what came while that one was in the stages has waited already.
        """
        if not self._bus.wait_for(position, timeout_s=0.1):
            return []
        frames = self._frames_from(position, until_s=self._gathered_s + self._config.max_wait_s)
        self._gathered_s = self._clock.monotonic()
        return frames

    def _frames_from(self, position: int, until_s: float) -> list[Frame]:
        config = self._config
        frames: list[Frame] = []
        records = size_bytes = 0
        following = position
        while True:
            for frame in self._bus.read(following, max_bytes=config.max_bytes):
                frames.append(frame)
                following = frame.first + frame.count
                records += frame.count
                size_bytes += frame.batch.table.nbytes
                if records >= config.max_records or size_bytes >= config.max_bytes:
                    return frames
            remaining_s = until_s - self._clock.monotonic()
            if remaining_s <= 0 or self._stopping.is_set():
                return frames
            if not self._bus.wait_for(following, min(remaining_s, _LULL_S)):
                self._rest()

    def _plan(self, first: int, last: int) -> None:
        """Make a span's bounds durable."""
        with self.state.transaction() as transaction:
            transaction.execute("INSERT OR REPLACE INTO span VALUES (?, ?)", (first, last))

    def _process(self, span: Span, *, checkpoint: bool = False, store: bool = True) -> _Work:
        work = _Work(span, [], store=store)
        with self._stage_lock, SPAN_SECONDS.labels(hop="stages").time():
            for batch in span.batches:
                self._through_stages(batch, work)
            if checkpoint:
                work.checkpoint = self._snapshots()
        return work

    def _through_stages(self, batch: LogBatch, work: _Work) -> None:
        name = ""
        processed = batch
        try:
            for stage in self._stages:
                name = stage.name
                processed = stage.process(processed)
        except Unavailable:
            raise
        except Exception as exc:
            if batch.num_rows > 1:
                for half in _halves(batch):
                    self._through_stages(half, work)
            else:
                _log.warning("stage %s refused a record: %s", name, exc)
                work.refused.append(_Refusal(batch, name, f"{type(exc).__name__}: {exc}"))
            return
        work.processed.append(processed)

    def _snapshots(self) -> dict[str, bytes]:
        return {stage.name: stage.snapshot() for stage in self._stages}

    def _put(self, work: _Work | None) -> None:
        while self._failure is None:
            try:
                self._queue.put(work, timeout=0.1)
            except queue.Full:
                continue
            return

    def _take(self, timeout_s: float | None = None) -> _Work | None:
        """The next span; None at the end (`_ended`), after a failure, or when none came in time."""
        while self._failure is None and not self._ended:
            try:
                work = self._queue.get(timeout=0.1 if timeout_s is None else timeout_s)
            except queue.Empty:
                if timeout_s is None:
                    continue
                return None
            self._ended = work is None
            return work
        return None

    # -- storage --------------------------------------------------------------------------------------------------

    def _run_storage(self) -> None:
        """Make up to `writers` appends side by side; commit them in the order of the bus."""
        on_way: deque[tuple[list[_Work], Future[_Stored] | None]] = deque()
        with ThreadPoolExecutor(self._config.writers, thread_name_prefix="pipeline-append") as writers:
            while True:
                while on_way and (len(on_way) >= self._config.writers or self._queue.empty()):
                    self._finish(*on_way.popleft())
                works = self._together(may_wait=not on_way)
                if not works:
                    break
                on_way.append((works, writers.submit(self._store, works) if works[0].store else None))
            while on_way and self._failure is None:
                self._finish(*on_way.popleft())

    def _planned_appends(self) -> dict[int, int]:
        """First and last position of appends of several spans that are not known to be stored."""
        rows = self.state.rows("SELECT first, last FROM append WHERE first >= ?", (self._committed,))
        return {int(str(first)): int(str(last)) for first, last in rows}

    def _together(self, *, may_wait: bool) -> list[_Work]:
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
            following = self._take(_LULL_S)
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
            with self.state.transaction() as transaction:
                bounds = (works[0].span.first, works[-1].span.last)
                transaction.execute("INSERT OR REPLACE INTO append VALUES (?, ?)", bounds)
        return works

    def _gather_until(self, last: int, works: list[_Work]) -> bool:
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
            and not (self._ended or self._failure or self._stopping.is_set() or self._is_watched())
        )

    def _store(self, works: Sequence[_Work]) -> _Stored:
        """In a writer's thread."""
        result = _Stored([], [refusal for work in works for refusal in work.refused])
        with SPAN_SECONDS.labels(hop="storage").time():
            for batch in _joined(works):
                self._append(batch, result.batches, result.refused)
        return result

    def _finish(self, works: Sequence[_Work], storing: Future[_Stored] | None) -> None:
        if storing is not None:
            stored = storing.result()
            self._wait_for_dead_letter_room(stored.refused)
            self._commit([work.span for work in works], stored.batches, stored.refused)
            for batch in stored.batches:
                self._on_stored(batch)
        for work in works:
            if work.checkpoint is not None:
                self._save_checkpoint(work.span.last + 1, work.checkpoint)

    def _append(self, batch: LogBatch, stored: list[LogBatch], refused: list[_Refusal]) -> None:
        while True:
            try:
                self._engine.append(batch)
            except Unavailable as exc:
                _log.warning("storage is unavailable, trying again: %s", exc)
                if self._stopping.wait(self._config.retry_interval_s):
                    raise
                continue
            except Exception as exc:
                if batch.num_rows > 1:
                    for half in _halves(batch):
                        self._append(half, stored, refused)
                else:
                    _log.warning("storage refused a record: %s", exc)
                    refused.append(_Refusal(batch, "storage", f"{type(exc).__name__}: {exc}"))
                return
            stored.append(batch)
            return

    def _wait_for_dead_letter_room(self, refused: list[_Refusal]) -> None:
        while refused and self.dead_letters.size_bytes() >= self._config.dead_letter_quota_bytes:
            _log.error("dead letters fill their quota of %d bytes; replay them", self._config.dead_letter_quota_bytes)
            if self._stopping.wait(self._config.retry_interval_s):
                raise Unavailable("dead letters are full")

    def _commit(self, spans: Sequence[Span], stored: list[LogBatch], refused: list[_Refusal]) -> None:
        lost = [gap for span in spans for gap in span.lost]
        end = spans[-1].last + 1
        now_ns = self._clock.time_ns()
        with self.state.transaction() as transaction:
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
        self._committed = end
        STORED.inc(sum(batch.num_rows for batch in stored))
        DEAD_LETTERED.inc(sum(r.batch.num_rows for r in refused) + sum(b - a + 1 for a, b in lost))

    def _save_checkpoint(self, position: int, states: dict[str, bytes]) -> None:
        with self.state.transaction() as transaction:
            transaction.executemany("INSERT OR REPLACE INTO checkpoint VALUES (?, ?)", list(states.items()))
            transaction.execute("DELETE FROM span WHERE last < ?", (position,))
            transaction.execute("DELETE FROM append WHERE last < ?", (position,))
            save_progress(transaction, CHECKPOINTED, position)
        self._bus.release(position)

    # -- dead letters ---------------------------------------------------------------------------------------------

    def replay(self, letter_id: int) -> int:
        """Send a dead letter through the stages and into storage again; returns the number of records stored.

        They keep their positions, so their ids; their ledger counts move from dead-lettered to stored.

        Raises:
            NotFound: no such letter.
            InvalidInput: it is refused again (the letter stays), or it holds no records.
            EngineUnavailable: try again later.
        """
        letter, raw = self.dead_letters.get(letter_id)
        if not raw:
            raise InvalidInput(f"dead letter {letter_id} holds no records: {letter.reason}")
        batch = deadletters.decode(letter, raw)
        with self._stage_lock:
            # Replay happens between spans; the next span saves a checkpoint, so that catching up after a crash
            # need not repeat it at the same place.
            self._checkpoint_due = True
            try:
                processed = batch
                for stage in self._stages:
                    processed = stage.process(processed)
                self._engine.append(processed)
            except Unavailable:
                raise
            except HeimdallError as exc:
                raise InvalidInput(f"dead letter {letter_id} was refused again: {exc}") from exc
        with self.state.transaction() as transaction:
            counts = ledger.count_by_minute(processed.table)
            ledger.add(transaction, batch.tenant, counts, stored=1, dead_lettered=-1)
            transaction.execute("DELETE FROM dead_letter WHERE id = ?", (letter_id,))
        self._on_stored(processed)
        return processed.num_rows


def _joined(works: Sequence[_Work]) -> list[LogBatch]:
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


def _halves(batch: LogBatch) -> tuple[LogBatch, LogBatch]:
    middle = batch.num_rows // 2
    return _part(batch, 0, middle), _part(batch, middle, batch.num_rows - middle)


def _part(batch: LogBatch, offset: int, length: int) -> LogBatch:
    table: pa.Table = batch.table.slice(offset, length)
    positions = table.column("position")
    return LogBatch(batch.tenant, table, Origin(positions[0].as_py(), positions[-1].as_py()))

"""The in-process runner: one thread reads spans and runs the stages; what it hands over is stored by `storing.py`.

Exactly once. Before a stage sees a span its bounds are durable (`span` table): what a stage tells, a rule's firing
above all, leaves at once and does not wait for storage, and has to have the same id when the span is replayed. The
engine drops a span it has seen (token = tenant and bounds); after the append the offset commits. A crash anywhere in
between replays the span with the same bounds, so it is the same batch under the same token.

Stage state. Stages are deterministic, so their state is saved only now and then, at a span's border. After a restart
the runner goes back to that checkpoint, runs the spans that are already stored through the stages again (without
storing them) and continues. The bus keeps what lies behind the checkpoint until the next one.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from prometheus_client import Gauge

from heimdall.bus.port import Bus, Frame
from heimdall.clock import Clock
from heimdall.errors import HeimdallError, InvalidInput, Unavailable
from heimdall.model.batch import LogBatch
from heimdall.pipeline import deadletters, ledger
from heimdall.pipeline.config import PipelineConfig
from heimdall.pipeline.deadletters import DeadLetters
from heimdall.pipeline.runners.storing import Storing
from heimdall.pipeline.runners.work import SPAN_SECONDS, Life, Refusal, Work, halves
from heimdall.pipeline.span import Span, make_span
from heimdall.pipeline.stage import PutsOff, Stage
from heimdall.pipeline.state import CHECKPOINTED, PipelineState
from heimdall.storage.engine import Engine

_log = logging.getLogger(__name__)

PENDING = Gauge("heimdall_pipeline_pending_records", "Acknowledged records not stored yet.", unit="records")

_LULL_S = 0.05
"""After so long without a record, stages go on with what they put off, even in the midst of a span: where a few records
come all the time, no longer pause ever does."""


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
        self._life = Life()
        self.state = PipelineState(state_path)
        self.ledger = ledger.Ledger(self.state)
        self.dead_letters = DeadLetters(self.state)
        self._storing = Storing(
            engine=engine,
            state=self.state,
            dead_letters=self.dead_letters,
            clock=clock,
            config=config,
            life=self._life,
            release=bus.release,
            on_stored=on_stored,
            is_watched=is_watched,
        )
        self._stage_lock = threading.Lock()
        self._checkpoint_due = False
        self._gathered_s = float("-inf")
        """When the newest span was closed."""
        loops = {"pipeline-stages": self._run_stages, "pipeline-storage": self._storing.run}
        self._threads = [
            threading.Thread(target=self._life.guarded, args=(loop,), name=name, daemon=True)
            for name, loop in loops.items()
        ]

    # -- life -----------------------------------------------------------------------------------------------------

    def start(self) -> None:
        PENDING.set_function(lambda: self.pending)
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Called once. Blocks until the spans in hand are stored (or storage stays unavailable) and state is saved."""
        self._life.stopping.set()
        for thread in self._threads:
            if thread.is_alive():
                thread.join()
        PENDING.set_function(lambda: 0)
        self.state.close()

    @property
    def committed(self) -> int:
        """First position that is not stored yet."""
        return self._storing.committed

    @property
    def pending(self) -> int:
        """Acknowledged records not stored yet."""
        return max(self._bus.end - self._storing.committed, 0)

    def hurry(self) -> None:
        """Somebody wants to see what is stored: small spans are not held back now, nor in the next seconds."""
        self._storing.hurry()

    @property
    def failure(self) -> BaseException | None:
        """What stopped the pipeline, if anything did: `/readyz` shows it."""
        return self._life.failure

    def wait_until_stored(self, position: int, timeout_s: float) -> bool:
        """True once every record before `position` is stored; False after `timeout_s`."""
        deadline = self._clock.monotonic() + timeout_s
        while self._storing.committed < position:
            self.hurry()
            if self._life.failure is not None or self._clock.monotonic() > deadline:
                return False
            self._clock.sleep(0.01)
        return True

    # -- reading and stages ---------------------------------------------------------------------------------------

    def _run_stages(self) -> None:
        position = self._restore()
        last_checkpoint = self._clock.monotonic()
        while not self._life.stopping.is_set():
            try:
                frames = self._gather(position)
            except Unavailable as exc:
                _log.warning("the bus cannot be read now, trying again: %s", exc)
                self._life.stopping.wait(self._config.retry_interval_s)
                continue
            if not frames:
                self._rest()
                continue
            last = frames[-1].first + frames[-1].count - 1
            due = self._checkpoint_due or (
                self._clock.monotonic() - last_checkpoint >= self._config.checkpoint_interval_s
            )
            self._plan(position, last)
            self._storing.put(self._process(make_span(position, last, frames), checkpoint=due))
            if due:
                last_checkpoint, self._checkpoint_due = self._clock.monotonic(), False
            position = last + 1
        self._storing.put(self._checkpoint(position))
        self._storing.put(None)

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
            if self._life.stopping.is_set():
                break
            span = make_span(first, last, self._read(first, last))
            self._storing.put(self._process(span, store=first >= self._storing.committed))
            position = last + 1
        if planned:
            self._storing.put(self._checkpoint(position))
        return position

    def _checkpoint(self, position: int) -> Work:
        """Saves the stages' state as of `position` once everything before it is committed."""
        with self._stage_lock:
            return Work(Span(position, position - 1, ()), [], checkpoint=self._snapshots(), store=False)

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
            if remaining_s <= 0 or self._life.stopping.is_set():
                return frames
            if not self._bus.wait_for(following, min(remaining_s, _LULL_S)):
                self._rest()

    def _plan(self, first: int, last: int) -> None:
        """Make a span's bounds durable."""
        with self.state.transaction() as transaction:
            transaction.execute("INSERT OR REPLACE INTO span VALUES (?, ?)", (first, last))

    def _process(self, span: Span, *, checkpoint: bool = False, store: bool = True) -> Work:
        work = Work(span, [], store=store)
        with self._stage_lock, SPAN_SECONDS.labels(hop="stages").time():
            for batch in span.batches:
                self._through_stages(batch, work)
            if checkpoint:
                work.checkpoint = self._snapshots()
        return work

    def _through_stages(self, batch: LogBatch, work: Work) -> None:
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
                for half in halves(batch):
                    self._through_stages(half, work)
            else:
                _log.warning("stage %s refused a record: %s", name, exc)
                work.refused.append(Refusal(batch, name, f"{type(exc).__name__}: {exc}"))
            return
        work.processed.append(processed)

    def _snapshots(self) -> dict[str, bytes]:
        return {stage.name: stage.snapshot() for stage in self._stages}

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

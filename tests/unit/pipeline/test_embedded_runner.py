"""The runner under hostile conditions: every accepted record is stored once or lies in the dead letters."""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest

from heimdall.bus.buses.memory import MemoryBus
from heimdall.clock import ManualClock, SystemClock
from heimdall.errors import BatchRefused, EngineUnavailable, InvalidInput, NotFound
from heimdall.model.batch import DEFAULT_TENANT, LOG_SCHEMA, LogBatch, TenantId
from heimdall.pipeline.config import PipelineConfig
from heimdall.pipeline.runners.embedded import EmbeddedRunner
from heimdall.pipeline.state import CHECKPOINTED
from heimdall.storage.engine import ScanRequest
from heimdall.storage.engines.memory import MemoryEngine

NOW_NS = 1_795_342_530_000_000_000
CONFIG = PipelineConfig(max_wait_s=0.01, append_wait_s=0, checkpoint_interval_s=0.05, retry_interval_s=0.01)


def batch(messages: list[str], tenant: TenantId = DEFAULT_TENANT) -> LogBatch:
    n = len(messages)
    columns = {
        "timestamp": pa.array([NOW_NS + i for i in range(n)], LOG_SCHEMA.field("timestamp").type),
        "observed_timestamp": pa.array([NOW_NS] * n, LOG_SCHEMA.field("timestamp").type),
        "severity_number": pa.array([9] * n, pa.uint8()),
        "message": pa.array(messages, pa.large_string()),
    }
    return LogBatch(tenant, pa.table(columns))


class FirstSeenStage:
    """Numbers messages in the order of first appearance: a stage that learns, small enough to check by eye."""

    name = "first_seen"

    def __init__(self) -> None:
        self._ids: dict[str, int] = {}

    def process(self, batch: LogBatch) -> LogBatch:
        messages = batch.table.column("message").to_pylist()
        ids = [self._ids.setdefault(message, len(self._ids) + 1) for message in messages]
        return batch.with_table(batch.table.append_column("template_id", pa.array(ids, pa.uint64())))

    def snapshot(self) -> bytes:
        return json.dumps(self._ids).encode()

    def restore(self, state: bytes) -> None:
        self._ids = json.loads(state)


class Crash(BaseException):
    """What a power cut looks like from inside a thread."""


def nothing(_: LogBatch) -> None:
    pass


class HostileEngine(MemoryEngine):
    """A memory engine with bad days: `before` and `after` each append may raise."""

    def __init__(
        self, before: Callable[[LogBatch], None] = nothing, after: Callable[[LogBatch], None] = nothing
    ) -> None:
        super().__init__(SystemClock())
        self.before = before
        self.after = after

    def append(self, batch: LogBatch) -> None:
        self.before(batch)
        super().append(batch)
        self.after(batch)


@pytest.fixture
def bus() -> Iterator[MemoryBus]:
    bus = MemoryBus()
    yield bus
    bus.close()


def make_runner(bus: MemoryBus, engine: MemoryEngine, folder: Path, config: PipelineConfig = CONFIG) -> EmbeddedRunner:
    runner = EmbeddedRunner(
        bus=bus,
        stages=[FirstSeenStage()],
        engine=engine,
        state_path=folder / "state.db",
        clock=SystemClock(),
        config=config,
    )
    runner.start()
    return runner


def stored(engine: MemoryEngine, tenant: TenantId = DEFAULT_TENANT) -> list[tuple[int, str, int]]:
    """(position, message, template id) of everything stored, in position order."""
    request = ScanRequest(tenant=tenant, start_ns=0, end_ns=2**62, fields=["position", "message", "template_id"])
    rows = [tuple(row.values()) for part in engine.scan(request) for row in part.to_pylist()]
    return sorted(rows)


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline, "it did not happen within ten seconds"
        time.sleep(0.01)


def totals(runner: EmbeddedRunner) -> tuple[int, int, int]:
    entries = runner.ledger.entries()
    assert all(entry.balanced for entry in entries)
    return (
        sum(entry.accepted for entry in entries),
        sum(entry.stored for entry in entries),
        sum(entry.dead_lettered for entry in entries),
    )


def test_every_record_is_stored_with_its_position_and_counted(bus, tmp_path):
    engine = MemoryEngine(SystemClock())
    runner = make_runner(bus, engine, tmp_path)
    bus.append(batch(["a", "b"]))
    bus.append(batch(["a"], TenantId("other")))
    bus.append(batch(["c"]))
    assert runner.wait_until_stored(bus.end, timeout_s=5)
    assert stored(engine) == [(1, "a", 1), (2, "b", 2), (4, "c", 3)]
    assert stored(engine, TenantId("other")) == [(3, "a", 1)]
    assert totals(runner) == (4, 4, 0)
    assert {(entry.tenant, entry.stored) for entry in runner.ledger.entries()} == {("default", 3), ("other", 1)}
    runner.stop()


def test_an_engine_that_fails_at_random_loses_and_doubles_nothing(bus, tmp_path):
    chance = random.Random(1)

    def maybe_fail(_: LogBatch) -> None:
        if chance.random() < 0.5:
            raise EngineUnavailable("not now")

    engine = HostileEngine(before=maybe_fail, after=maybe_fail)
    runner = make_runner(bus, engine, tmp_path)
    for number in range(40):
        bus.append(batch([f"message {number} {i}" for i in range(5)]))
    assert runner.wait_until_stored(bus.end, timeout_s=20)
    assert [position for position, _, _ in stored(engine)] == list(range(1, 201))
    assert totals(runner) == (200, 200, 0)
    runner.stop()


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_crash_around_an_append_replays_the_same_span_with_the_same_templates(bus, tmp_path, moment):
    appends = 0

    def crash_on_the_third(_: LogBatch) -> None:
        nonlocal appends
        appends += 1
        if appends == 3:
            raise Crash

    engine = HostileEngine(**{moment: crash_on_the_third})
    messages = [f"kind {number % 4}" for number in range(60)]
    runner = make_runner(bus, engine, tmp_path)
    for start in range(0, 60, 10):
        bus.append(batch(messages[start : start + 10]))
        if runner.failure is None:
            runner.wait_until_stored(bus.end, timeout_s=2)
    assert isinstance(runner.failure, Crash)
    runner.stop()

    again = make_runner(bus, engine, tmp_path)
    assert again.wait_until_stored(bus.end, timeout_s=5)
    assert stored(engine) == [(i + 1, message, i % 4 + 1) for i, message in enumerate(messages)]
    assert totals(again) == (60, 60, 0)
    again.stop()


def test_a_life_shorter_than_the_checkpoint_interval_still_leaves_less_to_catch_up_with(bus, tmp_path):
    config = replace(CONFIG, checkpoint_interval_s=1e6)

    def crash(_: LogBatch) -> None:
        raise Crash

    dying = make_runner(bus, HostileEngine(after=crash), tmp_path, config)
    bus.append(batch(["a", "b", "c"]))
    wait_until(lambda: dying.failure is not None)
    dying.state.close()
    runner = make_runner(bus, MemoryEngine(SystemClock()), tmp_path, config)
    wait_until(lambda: runner.state.progress(CHECKPOINTED) == 4)  # without a new record, and long before it is stopped
    runner.stop()


def test_a_clean_restart_continues_where_it_stopped(bus, tmp_path):
    engine = MemoryEngine(SystemClock())
    first = make_runner(bus, engine, tmp_path)
    bus.append(batch(["a", "b"]))
    assert first.wait_until_stored(bus.end, timeout_s=5)
    first.stop()
    bus.append(batch(["b", "c"]))
    second = make_runner(bus, engine, tmp_path)
    assert second.wait_until_stored(bus.end, timeout_s=5)
    assert stored(engine) == [(1, "a", 1), (2, "b", 2), (3, "b", 2), (4, "c", 3)]
    assert totals(second) == (4, 4, 0)
    second.stop()


def test_one_bad_record_does_not_spoil_its_batch_and_can_be_replayed(bus, tmp_path):
    poison = {"poison"}

    def refuse_poison(batch: LogBatch) -> None:
        if poison & set(batch.table.column("message").to_pylist()):
            raise BatchRefused("this message can never be stored")

    engine = HostileEngine(before=refuse_poison)
    runner = make_runner(bus, engine, tmp_path)
    bus.append(batch([f"good {i}" for i in range(10)] + ["poison"] + [f"fine {i}" for i in range(10)]))
    assert runner.wait_until_stored(bus.end, timeout_s=5)
    assert len(stored(engine)) == 20
    assert totals(runner) == (21, 20, 1)

    (letter,) = runner.dead_letters.list()
    assert (letter.records, letter.first, letter.excerpt, letter.stage) == (1, 11, "poison", "storage")
    assert "never be stored" in letter.reason
    with pytest.raises(InvalidInput, match="refused again"):
        runner.replay(letter.id)

    poison.clear()
    assert runner.replay(letter.id) == 1
    assert [position for position, _, _ in stored(engine)] == list(range(1, 22))
    assert totals(runner) == (21, 21, 0)
    with pytest.raises(NotFound):
        runner.replay(letter.id)
    runner.stop()


def test_records_without_a_time_of_arrival_become_dead_letters_and_stop_nothing(bus, tmp_path):
    """No door should let them in; one that did stopped the pipeline for good."""
    runner = make_runner(bus, MemoryEngine(SystemClock()), tmp_path)
    whole = batch(["a", "b", "c"])
    times = pa.array([NOW_NS, None, NOW_NS], LOG_SCHEMA.field("timestamp").type)
    place = whole.table.column_names.index("observed_timestamp")
    bus.append(whole.with_table(whole.table.set_column(place, "observed_timestamp", times)))
    bus.append(whole.with_table(whole.table.drop_columns(["observed_timestamp"])))
    bus.append(batch(["d"]))
    assert runner.wait_until_stored(8, timeout_s=5)
    assert totals(runner) == (7, 3, 4)
    runner.stop()


def test_records_the_bus_lost_are_counted_as_dead_letters(bus, tmp_path):
    engine = MemoryEngine(SystemClock())
    for number in range(3):
        bus.append(batch([f"{number}"]))
    del bus._frames[1]  # a damaged frame in the middle
    runner = make_runner(bus, engine, tmp_path)
    assert runner.wait_until_stored(bus.end, timeout_s=5)
    assert [position for position, _, _ in stored(engine)] == [1, 3]
    assert totals(runner) == (3, 2, 1)
    (letter,) = runner.dead_letters.list()
    assert (letter.stage, letter.first, letter.last) == ("bus", 2, 2)
    with pytest.raises(InvalidInput, match="holds no records"):
        runner.replay(letter.id)
    runner.stop()


def test_the_bus_is_released_only_behind_a_checkpoint(bus, tmp_path):
    runner = make_runner(bus, MemoryEngine(SystemClock()), tmp_path)
    bus.append(batch(["a"]))
    assert runner.wait_until_stored(bus.end, timeout_s=5)
    runner.stop()
    assert list(bus.read(1, max_bytes=1)) == []


def test_retention_moves_counts_from_stored_to_expired(bus, tmp_path):
    runner = make_runner(bus, MemoryEngine(SystemClock()), tmp_path)
    bus.append(batch(["a", "b"]))
    assert runner.wait_until_stored(bus.end, timeout_s=5)
    dropped = {(DEFAULT_TENANT, NOW_NS // 60_000_000_000 * 60_000_000_000): 2}
    for _ in range(3):  # storage says it again until it knows that the counts are durable
        runner.ledger.expire("move 1", dropped)
    (entry,) = runner.ledger.entries()
    assert (entry.accepted, entry.stored, entry.expired, entry.balanced) == (2, 0, 2, True)
    runner.stop()


def test_what_stages_put_off_goes_on_while_a_few_records_come_all_the_time(bus, tmp_path):
    class Putting(FirstSeenStage):
        rests = 0

        def rest(self) -> None:
            self.rests += 1

    stage = Putting()
    runner = EmbeddedRunner(
        bus=bus,
        stages=[stage],
        engine=MemoryEngine(SystemClock()),
        state_path=tmp_path / "state.db",
        clock=SystemClock(),
        # One span stays open all the while: there is no pause between spans to rest in.
        config=replace(CONFIG, max_wait_s=60),
    )
    runner.start()
    try:
        bus.append(batch(["at once"]))
        wait_until(lambda: runner.committed == 2)
        for message in ("first", "second"):
            before = stage.rests
            bus.append(batch([message]))
            wait_until(lambda before=before: stage.rests > before)
        assert runner.committed == 2
    finally:
        runner.stop()


def test_a_record_after_a_pause_waits_for_no_others(bus, tmp_path):
    engine = MemoryEngine(SystemClock())
    runner = make_runner(bus, engine, tmp_path, replace(CONFIG, max_wait_s=60))
    try:
        bus.append(batch(["a"]))
        wait_until(lambda: len(stored(engine)) == 1)
    finally:
        runner.stop()


def test_what_came_while_the_stages_were_busy_has_waited_already(bus, tmp_path):
    """So the next span is closed at once, with all of it."""
    busy, go_on = threading.Event(), threading.Event()
    origins: list[tuple[int, int]] = []

    class Slow(FirstSeenStage):
        def process(self, batch: LogBatch) -> LogBatch:
            assert batch.origin is not None
            origins.append((batch.origin.first, batch.origin.last))
            busy.set()
            go_on.wait(10)
            return super().process(batch)

    clock = ManualClock()
    runner = EmbeddedRunner(
        bus=bus,
        stages=[Slow()],
        engine=MemoryEngine(SystemClock()),
        state_path=tmp_path / "state.db",
        clock=clock,
        config=replace(CONFIG, max_wait_s=60, checkpoint_interval_s=1e6),
    )
    runner.start()
    try:
        bus.append(batch(["a"]))
        busy.wait(10)
        bus.append(batch(["b"]))
        bus.append(batch(["c", "d"]))
        clock.advance(60)
        go_on.set()
        wait_until(lambda: runner.committed == 5)
        assert origins == [(1, 1), (2, 4)]
    finally:
        runner.stop()


def test_bounds_are_durable_before_a_stage_sees_a_span(bus, tmp_path):
    """What a stage tells leaves at once: the span must not have other bounds, and it another id, after a crash."""
    told: list[tuple[int, int]] = []

    class Telling(FirstSeenStage):
        def process(self, batch: LogBatch) -> LogBatch:
            assert batch.origin is not None
            told.append((batch.origin.first, batch.origin.last))
            if len(told) == 1:
                raise Crash
            return super().process(batch)

    def runner_of() -> EmbeddedRunner:
        runner = EmbeddedRunner(
            bus=bus,
            stages=[Telling()],
            engine=MemoryEngine(SystemClock()),
            state_path=tmp_path / "state.db",
            clock=SystemClock(),
            config=CONFIG,
        )
        runner.start()
        return runner

    bus.append(batch(["a", "b"]))
    crashed = runner_of()
    wait_until(lambda: isinstance(crashed.failure, Crash))
    crashed.stop()
    bus.append(batch(["c"]))
    runner = runner_of()
    try:
        wait_until(lambda: runner.committed == 4)
        assert told == [(1, 2), (1, 2), (3, 3)]
    finally:
        runner.stop()


def span_by_span(bus: MemoryBus, runner: EmbeddedRunner, *batches: LogBatch) -> None:
    """Each batch in a span of its own."""
    for each in batches:
        bus.append(each)
        planned = bus.end - 1
        wait_until(lambda planned=planned: bool(runner.state.rows("SELECT 1 FROM span WHERE last = ?", (planned,))))


QUIET = replace(CONFIG, append_wait_s=60, checkpoint_interval_s=1e6)


def test_while_nobody_asks_small_spans_are_appended_together(bus, tmp_path):
    appended: list[tuple[TenantId, int, int, int]] = []

    def note(batch: LogBatch) -> None:
        assert batch.origin is not None
        appended.append((batch.tenant, batch.origin.first, batch.origin.last, batch.num_rows))

    engine = HostileEngine(before=note)
    runner = make_runner(bus, engine, tmp_path, QUIET)
    try:
        span_by_span(bus, runner, batch(["a"]))  # after a pause: waits for no others
        wait_until(lambda: runner.committed == 2)
        span_by_span(bus, runner, batch(["b"]), batch(["c"], TenantId("other")), batch(["a", "d"]))
        assert runner.committed == 2
        runner.hurry()
        wait_until(lambda: runner.committed == 6)
        assert appended == [(DEFAULT_TENANT, 1, 1, 1), (DEFAULT_TENANT, 2, 5, 3), (TenantId("other"), 2, 5, 1)]
        assert stored(engine) == [(1, "a", 1), (2, "b", 2), (4, "a", 1), (5, "d", 4)]
        assert totals(runner) == (5, 5, 0)
    finally:
        runner.stop()


def test_spans_are_held_no_longer_than_configured_and_not_behind_a_large_one(bus, tmp_path):
    runner = make_runner(bus, MemoryEngine(SystemClock()), tmp_path, replace(QUIET, append_wait_s=0.3))
    try:
        span_by_span(bus, runner, batch(["a"]), batch(["b"]))
        wait_until(lambda: runner.committed == 3)
    finally:
        runner.stop()
    runner = make_runner(bus, MemoryEngine(SystemClock()), tmp_path, QUIET)
    try:
        span_by_span(bus, runner, batch(["a"]), batch(["b"]), batch(["c"] * 10_000))
        wait_until(lambda: runner.committed == bus.end)
    finally:
        runner.stop()


def test_nothing_is_held_while_somebody_watches(bus, tmp_path):
    runner = EmbeddedRunner(
        bus=bus,
        stages=[FirstSeenStage()],
        engine=MemoryEngine(SystemClock()),
        state_path=tmp_path / "state.db",
        clock=SystemClock(),
        config=QUIET,
        is_watched=lambda: True,
    )
    runner.start()
    try:
        for message in ("a", "b", "c"):
            bus.append(batch([message]))
            wait_until(lambda: runner.committed == bus.end)
    finally:
        runner.stop()


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_crash_around_a_joint_append_replays_it_with_the_same_bounds(bus, tmp_path, moment):
    origins: list[tuple[int, int]] = []

    def crash_on_the_second(batch: LogBatch) -> None:
        assert batch.origin is not None
        origins.append((batch.origin.first, batch.origin.last))
        if len(origins) == 2:
            raise Crash

    engine = HostileEngine(**{moment: crash_on_the_second})
    dying = make_runner(bus, engine, tmp_path, QUIET)
    span_by_span(bus, dying, batch(["a"]))
    wait_until(lambda: dying.committed == 2)
    span_by_span(bus, dying, batch(["b"]), batch(["c", "b"]))
    dying.hurry()
    wait_until(lambda: dying.failure is not None)
    dying.stop()
    bus.append(batch(["d"]))
    again = make_runner(bus, engine, tmp_path, QUIET)
    try:
        assert again.wait_until_stored(bus.end, timeout_s=5)
        assert origins.count((2, 4)) == 2  # in which order writers side by side call storage is open
        assert stored(engine) == [(1, "a", 1), (2, "b", 2), (3, "c", 3), (4, "b", 2), (5, "d", 4)]
        assert totals(again) == (5, 5, 0)
    finally:
        again.stop()


def test_what_is_held_is_stored_when_the_node_stops(bus, tmp_path):
    engine = MemoryEngine(SystemClock())
    runner = make_runner(bus, engine, tmp_path, QUIET)
    span_by_span(bus, runner, batch(["a"]), batch(["b"]), batch(["c"]))
    runner.stop()
    assert [message for _, message, _ in stored(engine)] == ["a", "b", "c"]

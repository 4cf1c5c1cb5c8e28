"""A move that is interrupted at any step, queries beside it, and replays: every record is seen exactly once."""

from __future__ import annotations

import contextlib
import random
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heimdall.errors import EngineUnavailable
from heimdall.model.batch import TenantId
from heimdall.storage import mover as mover_module
from properties.engines import Record
from properties.tiers import BASE, DAY_NS, Crash, Node, configured

CONFIG = configured(hot_days=1, warm_days=2, cold_days=4, policies=("short=1/0/2",))
TENANT = TenantId("a")


class Story:
    """Records that come in day by day, and what was told of them."""

    def __init__(self, node: Node, seed: int) -> None:
        self.node = node
        self.chance = random.Random(seed)
        self.start_ns = BASE
        self.appended: set[int] = set()
        self.spans: list[tuple[list[Record], int]] = []

    def append_a_day(self, day: int) -> None:
        first = self.node.settled + 1
        records = [self._record(day) for _ in range(self.chance.randrange(4, 12))]
        self.node.append(TENANT, records, first)
        self.appended.update(range(first, first + len(records)))
        self.spans.append((records, first))

    def _record(self, day: int) -> Record:
        seen = self.start_ns + day * DAY_NS + self.chance.randrange(DAY_NS)
        return {
            "timestamp": seen - self.chance.choice([0] * 12 + [500 * DAY_NS]),
            "observed_timestamp": seen,
            "message": f"message {self.chance.randrange(5)}",
            "retention_policy": self.chance.choice([None, None, None, None, "other", "short"]),
            "trace_id": self.chance.randbytes(16),
        }

    def replay(self) -> None:
        """A span that was stored comes again, as a dead letter that is replayed after a crash does. Within its days:
        what has expired meanwhile would be stored, and counted, once more (docs/durability.md)."""
        stored = self.node.positions(TENANT).keys()
        records, first = self.chance.choice(self.spans)
        if not stored >= set(range(first, first + len(records))):
            return
        # While a move of its kind is not finished, the letter stays and is tried again later.
        with contextlib.suppress(EngineUnavailable):
            self.node.append(TENANT, records, first)

    def accounted(self) -> int:
        """Records seen, none of them twice, and those whose counts the ledger has or is owed: always all of them."""
        positions = self.node.positions(TENANT)
        assert max(positions.values(), default=1) == 1, "a record is seen twice"
        assert set(positions) <= self.appended
        owed = {one.key: sum(one.counts.values()) for one in self.node.catalogue.outbox()}
        told = {key: sum(counts.values()) for key, counts in self.node.taken.items()}
        return len(positions) + sum((owed | told).values())


def tell(story: Story, days: int, crash_after: Callable[[], int], steps: Counter[str]) -> int:
    """Some days, a round of moves each, interrupted after as many steps as `crash_after` says (0 = never), until a
    round comes through; looks before each step. Returns the number of crashes."""
    node, crashes = story.node, 0
    for day in range(days):
        if day < 4:
            story.append_a_day(day)
        done = False
        while not done:
            left = [crash_after()]

            def step(name: str, left: list[int] = left) -> None:
                steps[name] += 1
                assert story.accounted() == len(story.appended), f"before {name}"
                left[0] -= 1
                if left[0] == 0:
                    raise Crash(name)

            try:
                node.mover(step, move_rows=10).run_once(story.start_ns + day * DAY_NS)
                done = True
            except Crash:
                crashes += 1
                node.restart()
            if story.chance.random() < 0.25 and day < 4:
                story.replay()
            assert story.accounted() == len(story.appended)
    assert node.catalogue.moves() == []
    assert node.catalogue.outbox() == []
    return crashes


@pytest.mark.timeout(300)
def test_every_step_of_every_kind_of_move_may_be_the_last(tmp_path: Path) -> None:
    """Crash at the first step, then later and later until a round comes through; restart, look, replay, go on."""
    node = Node(tmp_path, CONFIG)
    story = Story(node, seed=1)
    steps: Counter[str] = Counter()
    turns = iter(range(1, 10**6))
    crashes = tell(story, 9, lambda: 1 + next(turns) % 7, steps)
    assert crashes > 15
    assert set(steps) == {"begin", "copy", "copied", "commit", "remove", "finish", "resume", "count", "counted"}
    assert node.expired == len(story.appended), "at the end all of them are past their days"
    assert node.where() == {"hot": 0, "warm": 0, "cold": 0}
    assert list((tmp_path / "cold" / "records").rglob("*.parquet")) == []
    assert list((tmp_path / "tiers" / "sketches").iterdir()) == []
    node.close()


def test_queries_beside_moves_see_every_record_once(tmp_path: Path) -> None:
    node = Node(tmp_path, configured(hot_days=1, warm_days=2, cold_days=0))
    story = Story(node, seed=2)
    for day in range(2):
        story.append_a_day(day)
    stop = threading.Event()
    wrong: list[BaseException] = []
    looks = [0]

    def look() -> None:
        try:
            while not stop.is_set():
                assert story.accounted() == len(story.appended)
                looks[0] += 1
        except BaseException as exc:
            wrong.append(exc)

    thread = threading.Thread(target=look)
    thread.start()
    for day in range(2, 6):
        node.mover(move_rows=8).run_once(story.start_ns + day * DAY_NS)
    stop.set()
    thread.join()
    assert wrong == []
    assert looks[0] > 5
    assert node.where() == {"hot": 0, "warm": 0, "cold": len(story.appended)}
    node.close()


def test_what_a_query_has_pinned_is_removed_after_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mover_module, "UNPINNED_WAIT_S", 0.05)
    node = Node(tmp_path, configured(hot_days=1, warm_days=30, cold_days=0))
    story = Story(node, seed=3)
    story.append_a_day(0)
    rows = node.where()["hot"]
    with node.catalogue.pin():
        node.mover().run_once(story.start_ns + 3 * DAY_NS)
        assert node.where() == {"hot": rows, "warm": rows, "cold": 0}
        assert story.accounted() == rows
        records, first = story.spans[0]
        with pytest.raises(EngineUnavailable, match="try again"):
            node.append(TENANT, records, first)
    node.mover().run_once(story.start_ns + 3 * DAY_NS)
    assert node.where() == {"hot": 0, "warm": rows, "cold": 0}
    story.replay()
    assert story.accounted() == rows
    assert node.where()["hot"] == 0
    node.close()


@given(seed=st.integers(0, 2**32), crash_at=st.lists(st.integers(1, 12), max_size=5))
@settings(max_examples=3)
def test_any_history_keeps_every_record_exactly_once(
    tmp_path_factory: pytest.TempPathFactory, seed: int, crash_at: list[int]
) -> None:
    node = Node(tmp_path_factory.mktemp("history"), CONFIG)
    try:
        tell(Story(node, seed), 6, lambda: crash_at.pop() if crash_at else 0, Counter())
    finally:
        node.close()

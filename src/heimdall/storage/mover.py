"""`Mover`: carries records from tier to tier as they age, and drops them at the end, in the background.

Each move goes through the catalogue's four steps (`catalogue.py`); between two moves it rests as long as the last one
took, so that it never has more than half a core. What a crash leaves half done is found in the catalogue and finished
or undone before anything new begins.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import groupby

from prometheus_client import Counter, Gauge

from heimdall.clock import Clock
from heimdall.errors import EngineUnavailable, HeimdallError
from heimdall.model.batch import TenantId
from heimdall.storage.catalogue import Catalogue, Move, Unit
from heimdall.storage.engine import Engine
from heimdall.storage.engines.clickhouse.errors import map_driver_errors
from heimdall.storage.engines.clickhouse.warm import sorted_rows
from heimdall.storage.engines.parquet.writer import FileFacts
from heimdall.storage.schedule import DAY_NS, ORDER, Schedule, Tier
from heimdall.storage.selection import Age, Selection, pack
from heimdall.storage.tiered import TieredEngine

_log = logging.getLogger(__name__)

MOVED = Counter("heimdall_storage_moved_records", "Records moved into a tier.", ["tier"], unit="records")
EXPIRED = Counter("heimdall_storage_expired_records", "Records dropped by retention.", unit="records")
TIER_RECORDS = Gauge("heimdall_storage_tier_records", "Records in a tier behind the hot one.", ["tier"], unit="records")
TIER_BYTES = Gauge("heimdall_storage_tier_bytes", "Bytes of a tier behind the hot one.", ["tier"], unit="bytes")

INTERVAL_S = 3600.0
"""Seconds between looks. Moves go by whole days, so an hour late is early enough."""

FIRST_PAUSE_S = 30.0
"""Seconds before the first look: a start serves senders and readers first."""

MOVE_ROWS = 4_000_000
"""Rows of one move, roughly. More: longer moves, larger units. Fewer: more of them."""

UNPINNED_WAIT_S = 30.0
"""How long a move waits for queries that still read the old place; then it is removed in a later round."""

Dropped = Mapping[tuple[TenantId, int], int]
"""Records by (tenant, observed minute in ns since 1970)."""

Fact = tuple[Unit, Mapping[int, int]]


class Mover:
    """One a node. `run_once` may also be called by hand, from one thread at a time."""

    def __init__(
        self,
        hot: Engine,
        catalogue: Catalogue,
        schedule: Schedule,
        clock: Clock,
        *,
        settled: Callable[[], int],
        on_expired: Callable[[str, Dropped], None],
        on_step: Callable[[str], None] = lambda step: None,
        move_rows: int = MOVE_ROWS,
    ) -> None:
        """`settled`: last bus position that is stored for good; what lies behind it may come again.

        `on_expired` makes counts durable, once for each key however often it is called with it. `on_step` is told each
        step before it is taken.
        """
        self._hot = hot
        self._tiers = hot if isinstance(hot, TieredEngine) else None
        self._catalogue = catalogue
        self.schedule = schedule
        self._clock = clock
        self._settled = settled
        self._on_expired = on_expired
        self._on_step = on_step
        self._move_rows = move_rows
        self._busy = threading.Lock()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="mover", daemon=True)

    # ------------------------------------------------------------------ life

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """The move in hand ends at its next step; a restart goes on from there."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        pause_s = FIRST_PAUSE_S
        while not self._stopping.wait(pause_s):
            try:
                self.run_once()
            except HeimdallError as exc:
                if not self._stopping.is_set():
                    _log.warning("moving records between tiers will be tried again in an hour: %s", exc)
            except Exception:
                _log.exception("moving records between tiers will be tried again in an hour")
            pause_s = INTERVAL_S

    def run_once(self, now_ns: int | None = None) -> int:
        """Move and drop whatever is due at `now_ns`; returns the number of moves."""
        with self._busy:
            now_ns = self._clock.time_ns() if now_ns is None else now_ns
            self._deliver()
            self._resume()
            moves = sum(self._paced(lambda one=one: self._move(*one)) for one in self._due_units(now_ns))  # type: ignore[misc]
            moves += sum(self._paced(lambda one=one: self._leave(*one)) for one in self._due_hot(now_ns))  # type: ignore[misc]
            self._measure()
            return moves

    def _paced(self, work: Callable[[], None]) -> int:
        if self._stopping.is_set():
            raise EngineUnavailable("the node is stopping")
        began_s = self._clock.monotonic()
        work()
        if self._thread is threading.current_thread():
            self._stopping.wait(self._clock.monotonic() - began_s)
        return 1

    # ------------------------------------------------------------------ what is due

    def ages(self, now_ns: int) -> list[Age]:
        """Records of the hot tier that may be due."""
        before_ns = (now_ns // DAY_NS - self.schedule.shortest_hot_days()) * DAY_NS
        return self._hot.ages(before_ns, self._settled(), self.schedule.named)

    def _due_hot(self, now_ns: int) -> Iterable[tuple[Selection, Tier]]:
        last_position = self._settled()
        due: dict[Tier, list[Age]] = {}
        for age in self.ages(now_ns):
            target = self.schedule.due(age.tenant, age.policy, age.day, now_ns)
            if target is not Tier.HOT:
                due.setdefault(target, []).append(age)
        for target in reversed(ORDER):  # what is to go makes room first
            for selection in pack(due.get(target, []), self.schedule.named, last_position, self._move_rows):
                yield selection, target

    def _due_units(self, now_ns: int) -> Iterable[tuple[list[Unit], Tier]]:
        due = []
        for unit in self._catalogue.units():
            target = self.schedule.due(unit.tenant, unit.policy, unit.day, now_ns)
            if ORDER.index(target) > ORDER.index(unit.tier):
                due.append((target, unit))
        due.sort(
            key=lambda one: (-ORDER.index(one[0]), one[1].tenant, one[1].policy, one[1].day, one[1].tier, one[1].id)
        )
        for (target, *_), group in groupby(
            due, key=lambda one: (one[0], one[1].tenant, one[1].policy, one[1].day, one[1].tier)
        ):
            yield [unit for _, unit in group], target

    # ------------------------------------------------------------------ moving

    def _leave(self, selection: Selection, target: Tier) -> None:
        """Records of the hot tier go to `target`."""
        if self._tiers is None:
            self._through(target, selection=selection)
            return
        with self._tiers.moving:
            self._through(target, selection=selection)

    def _move(self, sources: list[Unit], target: Tier) -> None:
        self._through(target, sources=sources)

    def _through(self, target: Tier, *, selection: Selection | None = None, sources: Sequence[Unit] = ()) -> None:
        self._on_step("begin")
        move = self._catalogue.begin(target, selection=selection, sources=sources)
        if self._tiers is not None:
            with self._tiers.gate.alone():
                pass  # appends that did not know of this move are through
        expected = self._hot.count(selection) if selection is not None else self._catalogue.minutes(sources)
        made: list[Fact] = []
        try:
            if target is not Tier.GONE:
                self._on_step("copy")
                with map_driver_errors("manage"):
                    made = self._copy(move)
                copied = sum(unit.rows for unit, _ in made)
                if copied != sum(expected.values()):
                    raise EngineUnavailable(
                        f"{copied} of {sum(expected.values())} records were copied; nothing is moved"
                    )
        except HeimdallError:
            self._discard(move)
            raise
        self._on_step("commit")
        version = self._catalogue.commit(move, made, expected if target is Tier.GONE else None)
        if target is Tier.GONE:
            self._deliver()
        else:
            MOVED.labels(target.value).inc(sum(expected.values()))
        self._remove(move, version)

    def _copy(self, move: Move) -> list[Fact]:
        tiers = self._tiers
        assert tiers is not None
        if move.target is Tier.WARM:
            assert tiers.warm is not None
            assert move.selection is not None
            facts = tiers.warm.copy(move.selection, move.unit_id(0))
            return [(_unit(move, facts, self._clock.time_ns()), facts.minutes)]
        assert tiers.cold is not None
        source = move.selection or [unit.id for unit in move.sources]
        rows = sorted_rows(tiers.hot.driver, source)
        made: list[Fact] = []
        for unit, facts in tiers.cold.write(move, rows):
            made.append((unit, facts.minutes))
            self._on_step("copied")
            if self._stopping.is_set():
                raise EngineUnavailable("the node is stopping")
        return made

    def _remove(self, move: Move, version: int) -> None:
        """Take the old records away, unless a query still reads them."""
        if not self._catalogue.wait_until_unpinned(version, 0 if self._stopping.is_set() else UNPINNED_WAIT_S):
            return
        self._on_step("remove")
        if move.selection is not None:
            self._hot.remove(move.selection)
        with map_driver_errors("manage"):
            for unit in move.sources:
                self._drop(unit)
        self._on_step("finish")
        self._catalogue.finish(move)

    def _drop(self, unit: Unit) -> None:
        tiers = self._tiers
        if tiers is not None and unit.tier is Tier.WARM and tiers.warm is not None:
            tiers.warm.drop(unit.id)
        elif tiers is not None and tiers.cold is not None:
            tiers.cold.delete(unit)

    def _discard(self, move: Move) -> None:
        """Undo a move that was never committed."""
        tiers = self._tiers
        if tiers is not None and tiers.warm is not None and move.target is Tier.WARM:
            with map_driver_errors("manage"):
                tiers.warm.drop(move.unit_id(0))
        if tiers is not None and tiers.cold is not None and move.target is Tier.COLD:
            tiers.cold.discard(move)
        self._catalogue.abandon(move)

    def _resume(self) -> None:
        """Finish what was committed, undo what was not."""
        for move in self._catalogue.moves():
            self._on_step("resume")
            if move.committed:
                self._remove(move, self._catalogue.snapshot.version)
            else:
                self._discard(move)

    def _deliver(self) -> None:
        """Tell the ledger what was dropped, until it has it."""
        for expired in self._catalogue.outbox():
            self._on_step("count")
            self._on_expired(expired.key, expired.counts)
            self._on_step("counted")
            self._catalogue.delivered(expired)
            EXPIRED.inc(sum(expired.counts.values()))

    def _measure(self) -> None:
        if self._tiers is not None:
            for tier, statistics in self._tiers.unit_statistics().items():
                TIER_RECORDS.labels(tier.value).set(statistics.rows)
                TIER_BYTES.labels(tier.value).set(statistics.size_bytes)


def _unit(move: Move, facts: FileFacts, made_ns: int) -> Unit:
    assert move.selection is not None
    return Unit(
        id=move.unit_id(0), tier=move.target, tenant=move.selection.tenant, policy=move.selection.policy,
        day=move.selection.day, rows=facts.rows, size_bytes=facts.size_bytes, oldest_ns=facts.oldest_ns,
        newest_ns=facts.newest_ns, first_position=facts.first_position, last_position=facts.last_position,
        made_ns=made_ns,
    )  # fmt: skip

"""The catalogue: which units of records lie in which tier, and which moves are on their way.

One SQLite database, one writer. What hot tables hold is theirs to know; everything that left them is a *unit* here:
a partition of the warm table or a Parquet file of the cold tier, never changed once it is listed. Every change makes
a new version; queries pin the one they read. A move goes

    begin  (durable)   copy → new units, unseen         a crash here: what was copied is thrown away
    commit (durable)   new units seen, old records not  one transaction; the answer's set of records stays the same
    remove             old records, once no query reads an older version      a crash here: removed again
    finish (durable)

so that at every moment, in every version, each record is seen exactly once. Dropping by age is a move to nowhere; its
counts for the ledger are written with the commit and handed over until the ledger has them (`outbox`).
"""

from __future__ import annotations

import json
import sqlite3
import threading
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from heimdall import sqlite
from heimdall.errors import EngineUnavailable
from heimdall.model.batch import TenantId
from heimdall.storage.schedule import Tier
from heimdall.storage.selection import Selection

_SCHEMA = """
CREATE TABLE IF NOT EXISTS about (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS unit (
  id INTEGER PRIMARY KEY, tier TEXT NOT NULL, tenant TEXT NOT NULL, policy TEXT NOT NULL, day INTEGER NOT NULL,
  rows INTEGER NOT NULL, size_bytes INTEGER NOT NULL, oldest_ns INTEGER NOT NULL, newest_ns INTEGER NOT NULL,
  first_position INTEGER NOT NULL, last_position INTEGER NOT NULL, object TEXT NOT NULL, sha256 TEXT NOT NULL,
  made_ns INTEGER NOT NULL, minutes TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS move (
  id INTEGER PRIMARY KEY AUTOINCREMENT, state TEXT NOT NULL, target TEXT NOT NULL, selection TEXT,
  sources TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS outbox (move INTEGER PRIMARY KEY, tenant TEXT NOT NULL, minutes TEXT NOT NULL);
"""

UNITS_A_MOVE = 1_000
"""Units one move may make; a unit's number is its move's times this, plus its place."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """Records that lie, move and go together: one tenant, one policy, one kept day."""

    id: int
    tier: Tier
    tenant: TenantId
    policy: str
    day: int
    rows: int
    size_bytes: int
    oldest_ns: int
    newest_ns: int
    first_position: int
    last_position: int
    object: str = ""
    """Key of the file below the cold tier's root; '' in the warm tier."""
    sha256: str = ""
    made_ns: int = 0
    """When it was written, which decides when a store may archive it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    id: int
    committed: bool
    target: Tier
    selection: Selection | None
    """Records of the hot tier, or"""
    sources: tuple[Unit, ...] = ()
    """whole units of a colder one."""

    def unit_id(self, place: int) -> int:
        if place >= UNITS_A_MOVE:
            raise EngineUnavailable(f"move {self.id} makes more than {UNITS_A_MOVE} units")
        return self.id * UNITS_A_MOVE + place

    def owns(self, unit_id: int) -> bool:
        return unit_id // UNITS_A_MOVE == self.id


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One version of the catalogue, as a query sees it for as long as it has it pinned."""

    version: int
    units: Mapping[TenantId, tuple[Unit, ...]]
    hidden: tuple[Selection, ...]
    """Records of the hot tier that are seen in a unit already, or no longer."""

    def overlapping(self, tenant: TenantId, start_ns: int | None, end_ns: int | None) -> list[Unit]:
        """Units of a tenant with records in [start_ns, end_ns)."""
        return [
            unit
            for unit in self.units.get(tenant, ())
            if (start_ns is None or unit.newest_ns >= start_ns) and (end_ns is None or unit.oldest_ns < end_ns)
        ]


@dataclass(frozen=True, slots=True)
class Expired:
    """Counts of dropped records the ledger has to take, once, under `key`."""

    key: str
    move: int
    counts: Mapping[tuple[TenantId, int], int]


class Catalogue:
    """Safe from several threads; changes are made by the mover alone."""

    def __init__(self, path: Path | None) -> None:
        """`path` None keeps it in memory: for a node whose records are gone with it too."""
        if path is not None:
            self._lock = threading.RLock()
        self._unpinned = threading.Condition(self._lock)
        self._db = sqlite.connect(path, _SCHEMA)
        self._db.execute("INSERT OR IGNORE INTO about VALUES ('id', ?)", (uuid.uuid4().hex,))
        self.id: str = self._db.execute("SELECT value FROM about WHERE name = 'id'").fetchone()[0]
        row = self._db.execute("SELECT value FROM about WHERE name = 'horizon'").fetchone()
        self.horizon: int = int(row[0]) if row else -1
        """Highest bus position any move may have taken from the hot tier."""
        self._pins: dict[int, int] = {}
        self._snapshot = self._read(version=1)

    # ------------------------------------------------------------------ reading

    @contextmanager
    def pin(self) -> Iterator[Snapshot]:
        """The newest version; what it lists is not removed before the block is left."""
        with self._lock:
            snapshot = self._snapshot
            self._pins[snapshot.version] = self._pins.get(snapshot.version, 0) + 1
        try:
            yield snapshot
        finally:
            with self._unpinned:
                self._pins[snapshot.version] -= 1
                if not self._pins[snapshot.version]:
                    del self._pins[snapshot.version]
                self._unpinned.notify_all()

    def wait_until_unpinned(self, version: int, timeout_s: float) -> bool:
        """True once nobody reads a version before `version`."""
        with self._unpinned:
            return self._unpinned.wait_for(lambda: all(one >= version for one in self._pins), timeout_s)

    @property
    def snapshot(self) -> Snapshot:
        """The newest version, to look at without reading what it lists."""
        with self._lock:
            return self._snapshot

    def units(self, tier: Tier | None = None) -> list[Unit]:
        every = (unit for units in self.snapshot.units.values() for unit in units)
        return [unit for unit in every if tier is None or unit.tier is tier]

    def moves(self) -> list[Move]:
        """Moves that are not finished, oldest first."""
        with self._lock:
            rows = self._db.execute("SELECT id, state, target, selection, sources FROM move ORDER BY id").fetchall()
        return [_move(row) for row in rows]

    def minutes(self, units: Sequence[Unit]) -> dict[int, int]:
        """Records of `units` by observed minute, ns since 1970."""
        counts: dict[int, int] = {}
        with self._lock:
            for unit in units:
                (text,) = self._db.execute("SELECT minutes FROM unit WHERE id = ?", (unit.id,)).fetchone()
                for minute, count in json.loads(text):
                    counts[minute] = counts.get(minute, 0) + count
        return counts

    # ------------------------------------------------------------------ moving

    def begin(self, target: Tier, *, selection: Selection | None = None, sources: Sequence[Unit] = ()) -> Move:
        with self._transaction() as db:
            cursor = db.execute(
                "INSERT INTO move (state, target, selection, sources) VALUES ('copying', ?, ?, ?)",
                (target.value, _selection_text(selection), json.dumps([_unit_row(unit) for unit in sources])),
            )
            number = int(cursor.lastrowid or 0)
            if selection is not None and selection.last_position > self.horizon:
                db.execute("INSERT OR REPLACE INTO about VALUES ('horizon', ?)", (str(selection.last_position),))
                self.horizon = selection.last_position
        return Move(id=number, committed=False, target=target, selection=selection, sources=tuple(sources))

    def abandon(self, move: Move) -> None:
        """Forget a move whose copies are thrown away."""
        with self._transaction() as db:
            db.execute("DELETE FROM move WHERE id = ? AND state = 'copying'", (move.id,))

    def commit(
        self,
        move: Move,
        made: Sequence[tuple[Unit, Mapping[int, int]]] = (),
        expired: Mapping[int, int] | None = None,
    ) -> int:
        """Show the new units (each with its records by observed minute) in place of the old records.

        `expired`, for a move to nowhere: the dropped records by observed minute. Returns the version from which on
        nobody sees the old records.
        """
        with self._transaction() as db:
            db.executemany(
                f"INSERT INTO unit VALUES ({', '.join('?' * 15)})",
                [(*_unit_row(unit), json.dumps(sorted(minutes.items()))) for unit, minutes in made],
            )
            db.executemany("DELETE FROM unit WHERE id = ?", [(unit.id,) for unit in move.sources])
            if expired:
                tenant = move.selection.tenant if move.selection else move.sources[0].tenant
                db.execute(
                    "INSERT INTO outbox VALUES (?, ?, ?)", (move.id, tenant, json.dumps(sorted(expired.items())))
                )
            db.execute("UPDATE move SET state = 'removing' WHERE id = ?", (move.id,))
        return self._renew()

    def finish(self, move: Move) -> None:
        """The old records are gone."""
        with self._transaction() as db:
            db.execute("DELETE FROM move WHERE id = ?", (move.id,))
        self._renew()

    # ------------------------------------------------------------------ what the ledger is owed

    def outbox(self) -> list[Expired]:
        with self._lock:
            rows = self._db.execute("SELECT move, tenant, minutes FROM outbox ORDER BY move").fetchall()
        return [
            Expired(
                f"{self.id}:{move}", move, {(TenantId(tenant), minute): n for minute, n in json.loads(minutes)}
            )
            for move, tenant, minutes in rows
        ]  # fmt: skip

    def delivered(self, expired: Expired) -> None:
        with self._transaction() as db:
            db.execute("DELETE FROM outbox WHERE move = ?", (expired.move,))

    def close(self) -> None:
        with self._lock:
            self._db.close()

    # ------------------------------------------------------------------ parts

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                with sqlite.transaction(self._db):
                    yield self._db
            except sqlite3.Error as exc:
                raise EngineUnavailable(f"the catalogue of tiers cannot be written: {exc}") from exc

    def _renew(self) -> int:
        with self._lock:
            self._snapshot = self._read(self._snapshot.version + 1)
            return self._snapshot.version

    def _read(self, version: int) -> Snapshot:
        by_tenant: dict[TenantId, list[Unit]] = {}
        for row in self._db.execute(f"SELECT {', '.join(_UNIT_COLUMNS)} FROM unit ORDER BY newest_ns DESC, id"):
            unit = _unit(row)
            by_tenant.setdefault(unit.tenant, []).append(unit)
        hidden = [move.selection for move in self.moves() if move.committed and move.selection is not None]
        return Snapshot(version, {tenant: tuple(units) for tenant, units in by_tenant.items()}, tuple(hidden))


_UNIT_COLUMNS = (
    "id", "tier", "tenant", "policy", "day", "rows", "size_bytes", "oldest_ns", "newest_ns", "first_position",
    "last_position", "object", "sha256", "made_ns",
)  # fmt: skip


def _unit_row(unit: Unit) -> tuple[object, ...]:
    return tuple(str(value) if name == "tier" else value for name, value in _unit_values(unit))


def _unit_values(unit: Unit) -> Iterator[tuple[str, object]]:
    return ((name, getattr(unit, name)) for name in _UNIT_COLUMNS)


def _unit(row: Sequence[object]) -> Unit:
    values = dict(zip(_UNIT_COLUMNS, row, strict=True))
    return Unit(**{**values, "tier": Tier(str(values["tier"])), "tenant": TenantId(str(values["tenant"]))})  # type: ignore[arg-type]


def _selection_text(selection: Selection | None) -> str | None:
    return None if selection is None else json.dumps(selection.as_dict())


def _move(row: Sequence[str]) -> Move:
    number, state, target, selection, sources = row
    return Move(
        id=int(number),
        committed=state == "removing",
        target=Tier(target),
        selection=None if selection is None else Selection.from_dict(json.loads(selection)),
        sources=tuple(_unit(one) for one in json.loads(sources)),
    )

"""What the pipeline remembers across restarts: offsets, planned spans, stage checkpoints, ledger, dead letters.

One SQLite database (WAL, `synchronous=FULL`), so that a span's commit, its ledger counts and its dead letters become
durable in one transaction. That transaction, once per span, is the only fsync the pipeline costs beyond the engine's.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from heimdall import sqlite

_SCHEMA = """
CREATE TABLE IF NOT EXISTS progress (name TEXT PRIMARY KEY, position INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS span (first INTEGER PRIMARY KEY, last INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS append (first INTEGER PRIMARY KEY, last INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS checkpoint (stage TEXT PRIMARY KEY, state BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS ledger (
  minute_ns INTEGER NOT NULL, tenant TEXT NOT NULL,
  accepted INTEGER NOT NULL DEFAULT 0, stored INTEGER NOT NULL DEFAULT 0,
  dead_lettered INTEGER NOT NULL DEFAULT 0, expired INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (minute_ns, tenant)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS expiry (key TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS dead_letter (
  id INTEGER PRIMARY KEY AUTOINCREMENT, time_ns INTEGER NOT NULL, tenant TEXT NOT NULL, stage TEXT NOT NULL,
  reason TEXT NOT NULL, records INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,
  excerpt TEXT NOT NULL, raw BLOB NOT NULL);
"""

COMMITTED = "committed"
"""Progress name: the first position that is not stored yet."""

CHECKPOINTED = "checkpointed"
"""Progress name: the first position the saved stage states have not seen. Never above COMMITTED."""


class PipelineState:
    """The database. Every method may be called from any thread; transactions are serialised."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.RLock()
        self._db = sqlite.connect(path, _SCHEMA)

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All or nothing, durable on leaving. Held only for the statements inside."""
        with self._lock, sqlite.transaction(self._db):
            yield self._db

    def rows(self, statement: str, parameters: tuple[object, ...] = ()) -> list[tuple[object, ...]]:
        with self._lock:
            return self._db.execute(statement, parameters).fetchall()

    def progress(self, name: str) -> int:
        """A saved position; 1, the first position of all, when nothing is saved yet."""
        with self._lock:
            row = self._db.execute("SELECT position FROM progress WHERE name = ?", (name,)).fetchone()
        return int(row[0]) if row else 1

    def close(self) -> None:
        with self._lock:
            self._db.close()


def save_progress(transaction: sqlite3.Connection, name: str, position: int) -> None:
    transaction.execute("INSERT OR REPLACE INTO progress VALUES (?, ?)", (name, position))


def first_free_position(path: Path) -> int:
    """The first position no span has used: where a bus that is new to this pipeline has to begin."""
    if not path.exists():
        return 1
    state = PipelineState(path)
    try:
        planned = state.rows("SELECT coalesce(max(last), 0) + 1 FROM span")
        return max(state.progress(COMMITTED), int(str(planned[0][0])))
    finally:
        state.close()

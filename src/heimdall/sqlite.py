"""SQLite as every store here keeps its rows: a file of its own, opened by one node."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def connect(path: Path | None, schema: str, *, durable: bool = True) -> sqlite3.Connection:
    """Open the file, made with its folder where there is none, and bring it to `schema`; `path` None: in memory.

    For any thread, one at a time: the caller locks. Every statement commits by itself outside a `transaction`.
    `durable`: what was committed outlives a power cut; without, only a killed process.
    """
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
    db = sqlite3.connect(path or ":memory:", check_same_thread=False, isolation_level=None, timeout=30)
    db.execute("PRAGMA journal_mode=WAL")
    db.execute(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")
    db.executescript(schema)
    return db


@contextmanager
def transaction(db: sqlite3.Connection) -> Iterator[None]:
    """All or nothing; committed on leaving. A commit that fails leaves nothing begun behind."""
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise

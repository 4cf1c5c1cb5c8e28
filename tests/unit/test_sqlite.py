from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from heimdall import sqlite

SCHEMA = """
CREATE TABLE IF NOT EXISTS parent (id INTEGER PRIMARY KEY);
CREATE TABLE IF NOT EXISTS child (parent INTEGER REFERENCES parent DEFERRABLE INITIALLY DEFERRED);
"""


def test_the_file_is_made_with_its_folder_and_opened_again(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "er.db"
    first = sqlite.connect(path, SCHEMA)
    with sqlite.transaction(first):
        first.execute("INSERT INTO parent VALUES (1)")
    first.close()
    assert sqlite.connect(path, SCHEMA).execute("SELECT id FROM parent").fetchall() == [(1,)]


@pytest.mark.parametrize(("durable", "level"), [(True, 2), (False, 1)])
def test_what_is_durable_is_synchronised_fully(tmp_path: Path, durable: bool, level: int) -> None:
    db = sqlite.connect(tmp_path / "x.db", SCHEMA, durable=durable)
    assert db.execute("PRAGMA synchronous").fetchone() == (level,)
    assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_a_failure_inside_leaves_nothing() -> None:
    db = sqlite.connect(None, SCHEMA)
    with pytest.raises(sqlite3.IntegrityError), sqlite.transaction(db):
        db.executemany("INSERT INTO parent VALUES (?)", [(1,), (2,), (1,)])
    assert not db.in_transaction
    assert db.execute("SELECT count(*) FROM parent").fetchone() == (0,)


def test_a_commit_that_fails_leaves_nothing_begun() -> None:
    db = sqlite.connect(None, SCHEMA)
    db.execute("PRAGMA foreign_keys=ON")
    with pytest.raises(sqlite3.IntegrityError), sqlite.transaction(db):
        db.execute("INSERT INTO child VALUES (7)")
    assert not db.in_transaction
    with sqlite.transaction(db):
        db.execute("INSERT INTO parent VALUES (1)")

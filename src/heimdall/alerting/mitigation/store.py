"""Runs of actions and every step of them, on disk: one SQLite file, one transaction a change.

A step is written before what it announces is done (`applying`, `undoing`) and after it is known what came of it, so
that a node killed at any moment knows which targets it may have touched.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
from prometheus_client import Counter

from heimdall import sqlite
from heimdall.alerting.mitigation.run import OPEN, TOUCHING, Run, State

MAX_RUNS = 10_000
"""Kept at most; of those that are over the oldest go first, with their steps. About 3 kB each."""
MAX_STEPS = 500
"""Of one run; what comes beyond is not kept but for its end."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS run (
  id TEXT PRIMARY KEY, tenant TEXT NOT NULL, action TEXT NOT NULL, target TEXT NOT NULL, incident TEXT NOT NULL,
  state TEXT NOT NULL, made_ns INTEGER NOT NULL, due_ns INTEGER NOT NULL, intent_ns INTEGER, version INTEGER NOT NULL,
  body BLOB NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS run_time ON run (made_ns);
CREATE INDEX IF NOT EXISTS run_state ON run (state);
CREATE INDEX IF NOT EXISTS run_intent ON run (intent_ns);
CREATE INDEX IF NOT EXISTS run_incident ON run (incident);
CREATE TABLE IF NOT EXISTS step (
  number INTEGER PRIMARY KEY AUTOINCREMENT, run TEXT NOT NULL, incident TEXT NOT NULL, time_ns INTEGER NOT NULL,
  kind TEXT NOT NULL, text TEXT NOT NULL, author TEXT NOT NULL, told INTEGER NOT NULL DEFAULT 0);
CREATE INDEX IF NOT EXISTS step_run ON step (run);
CREATE INDEX IF NOT EXISTS step_told ON step (told) WHERE told = 0;
CREATE TABLE IF NOT EXISTS stop (one INTEGER PRIMARY KEY CHECK (one = 1), author TEXT NOT NULL,
  time_ns INTEGER NOT NULL, reason TEXT NOT NULL);
"""


@dataclass(frozen=True, slots=True)
class Step:
    time_ns: int
    kind: str
    text: str
    author: str = ""


@dataclass(frozen=True, slots=True)
class Untold:
    """A step that the incident's timeline does not have yet."""

    number: int
    incident: str
    step: Step


STEPS = Counter("heimdall_actions_steps", "Steps of actions, by action and kind.", ["action", "kind"])


@dataclass(frozen=True, slots=True)
class Stop:
    """Who threw the kill switch, and why."""

    author: str
    time_ns: int
    reason: str


class RunStore:
    """Every method may be called from any thread."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.RLock()
        self._db = sqlite.connect(path, _SCHEMA)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._lock, sqlite.transaction(self._db):
            yield

    def begin(self, run: Run, step: Step, opened_ns: int) -> bool:
        """Keep a new run; False, and nothing changes, where there is one of its id. One that was needless begins anew
        for an alert that opened after it had ended."""
        with self._transaction():
            self._db.execute(
                "DELETE FROM run WHERE id = ? AND state = ? AND json_extract(body, '$.ended_ns') < ?",
                (run.id, State.NEEDLESS.value, opened_ns),
            )
            row = (run.id, run.tenant, run.action, run.target, run.incident, *_columns(run), run.version)
            made = self._db.execute(
                "INSERT OR IGNORE INTO run (id, tenant, action, target, incident, state, made_ns, due_ns, intent_ns,"
                " body, version) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                row,
            )
            if made.rowcount != 1:
                return False
            self._add(run, step)
            self._prune()
        STEPS.labels(action=run.action, kind=step.kind).inc()
        return True

    def change(self, run: Run, step: Step) -> bool:
        """Write what was changed of a run that was read; durable on return. False, and nothing is written, where
        somebody else has written meanwhile."""
        with self._transaction():
            changed = self._db.execute(
                "UPDATE run SET state = ?, made_ns = ?, due_ns = ?, intent_ns = ?, body = ?, version = version + 1"
                " WHERE id = ? AND version = ?",
                (*_columns(run), run.id, run.version),
            )
            if changed.rowcount != 1:
                return False
            run.version += 1
            self._add(run, step)
        STEPS.labels(action=run.action, kind=step.kind).inc()
        return True

    def _add(self, run: Run, step: Step) -> None:
        (count,) = self._db.execute("SELECT count(*) FROM step WHERE run = ?", (run.id,)).fetchone()
        if count < MAX_STEPS or run.state not in OPEN:
            self._db.execute(
                "INSERT INTO step (run, incident, time_ns, kind, text, author) VALUES (?, ?, ?, ?, ?, ?)",
                (run.id, run.incident, step.time_ns, step.kind, step.text[:1_000], step.author[:200]),
            )

    def _prune(self) -> None:
        (count,) = self._db.execute("SELECT count(*) FROM run").fetchone()
        if count > MAX_RUNS:
            open_states = ", ".join("?" * len(OPEN))
            self._db.execute(
                f"DELETE FROM run WHERE id IN (SELECT id FROM run WHERE state NOT IN ({open_states})"
                " ORDER BY made_ns LIMIT ?)",
                (*OPEN, count - MAX_RUNS),
            )
            self._db.execute("DELETE FROM step WHERE run NOT IN (SELECT id FROM run)")

    # -- reading ----------------------------------------------------------------------------------------------------

    def runs(self, where: str = "1", values: Sequence[object] = (), limit: int = -1) -> list[Run]:
        """Newest first. `where` is our own text; what comes from outside goes into `values`."""
        rows = self._rows(
            f"SELECT body, version FROM run WHERE {where} ORDER BY made_ns DESC, id LIMIT ?", (*values, limit)
        )
        return [_run(body, version) for body, version in rows]

    def get(self, run_id: str) -> Run | None:
        return next(iter(self.runs("id = ?", [run_id], 1)), None)

    def due(self, now_ns: int) -> list[Run]:
        """Open runs whose time has come, the oldest first."""
        states = ", ".join("?" * len(OPEN))
        rows = self._rows(
            f"SELECT body, version FROM run WHERE state IN ({states}) AND due_ns <= ? ORDER BY made_ns, id",
            (*OPEN, now_ns),
        )
        return [_run(body, version) for body, version in rows]

    def intents_since(self, since_ns: int, *, action: str | None = None, target: str | None = None) -> int:
        """Runs that were meant to be applied since then."""
        terms, values = ["intent_ns >= ?"], [since_ns, action, target]
        terms += [f"{name} = ?" for name, value in (("action", action), ("target", target)) if value is not None]
        found = self._rows(
            f"SELECT count(*) FROM run WHERE {' AND '.join(terms)}", [each for each in values if each is not None]
        )
        return int(found[0][0])

    def last_intent_ns(self, target: str) -> int | None:
        found = self._rows("SELECT max(intent_ns) FROM run WHERE target = ?", (target,))[0][0]
        return None if found is None else int(found)

    def touching(self) -> list[tuple[str, str]]:
        """Id and target of runs whose targets are ours at the moment."""
        states = ", ".join("?" * len(TOUCHING))
        return [
            (run, target)
            for run, target in self._rows(f"SELECT id, target FROM run WHERE state IN ({states})", TOUCHING)
        ]

    def count_open(self) -> int:
        states = ", ".join("?" * len(OPEN))
        return int(self._rows(f"SELECT count(*) FROM run WHERE state IN ({states})", OPEN)[0][0])

    def steps(self, run_id: str) -> list[Step]:
        rows = self._rows("SELECT time_ns, kind, text, author FROM step WHERE run = ? ORDER BY number", (run_id,))
        return [Step(*row) for row in rows]

    def untold(self, limit: int = 200) -> list[Untold]:
        rows = self._rows(
            "SELECT number, incident, time_ns, kind, text, author FROM step WHERE told = 0 ORDER BY number LIMIT ?",
            (limit,),
        )
        return [Untold(number, incident, Step(*step)) for number, incident, *step in rows]

    def told(self, number: int) -> None:
        with self._transaction():
            self._db.execute("UPDATE step SET told = 1 WHERE number = ?", (number,))

    # -- kill switch ------------------------------------------------------------------------------------------------

    def put_stop(self, stop: Stop | None) -> None:
        with self._transaction():
            self._db.execute("DELETE FROM stop")
            if stop is not None:
                self._db.execute("INSERT INTO stop VALUES (1, ?, ?, ?)", (stop.author, stop.time_ns, stop.reason))

    def stop(self) -> Stop | None:
        rows = self._rows("SELECT author, time_ns, reason FROM stop", ())
        return Stop(*rows[0]) if rows else None

    def _rows(self, statement: str, values: Sequence[object]) -> list[tuple[Any, ...]]:
        with self._lock, closing(self._db.execute(statement, tuple(values))) as cursor:
            return cursor.fetchall()

    def close(self) -> None:
        with self._lock:
            self._db.close()


def _columns(run: Run) -> tuple[object, ...]:
    return run.state.value, run.made_ns, run.due_ns, run.intent_ns, orjson.dumps(run)


def _run(body: bytes, version: int) -> Run:
    kept = orjson.loads(body)
    return Run(**kept | {"state": State(kept["state"]), "version": version})

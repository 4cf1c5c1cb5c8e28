"""Alerts, incidents, silences and what has to go out, on disk: one SQLite file, one transaction a change."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from heimdall import sqlite
from heimdall.alerting.alert import Alert, Incident, Matchers, Silence, State
from heimdall.alerting.escalation import Escalation
from heimdall.alerting.oncall import Override
from heimdall.alerting.push.subscription import MAX_SUBSCRIPTIONS, Subscription
from heimdall.errors import InvalidInput

MAX_ALERTS = 50_000
"""Kept at most; of those that are over the oldest go first. About 2 kB each."""
MAX_INCIDENTS = 10_000
MAX_SIGNALS = 100_000
"""Ids of reports remembered, so that a replay after a crash counts nothing twice; far beyond what is replayed."""
MAX_ENTRIES = 500
"""Lines of one incident's timeline; more are counted, not kept."""
MAX_SILENCES = 1_000
MAX_OVERRIDES = 1_000
OWNED = "EXISTS (SELECT 1 FROM json_each(CAST(body AS TEXT), '$.owners') WHERE value = ?)"
"""Condition of `incidents`: some of its alerts are of this owner."""
MAX_SENT = 10_000
"""Notifications remembered once they are out."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS alert (
  key TEXT PRIMARY KEY, tenant TEXT NOT NULL, incident TEXT NOT NULL, state TEXT NOT NULL, seen_ns INTEGER NOT NULL,
  body BLOB NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS alert_time ON alert (seen_ns);
CREATE INDEX IF NOT EXISTS alert_incident ON alert (incident);
CREATE TABLE IF NOT EXISTS incident (
  id TEXT PRIMARY KEY, tenant TEXT NOT NULL, state TEXT NOT NULL, updated_ns INTEGER NOT NULL, body BLOB NOT NULL
  ) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS incident_time ON incident (updated_ns);
CREATE TABLE IF NOT EXISTS entry (
  number INTEGER PRIMARY KEY AUTOINCREMENT, incident TEXT NOT NULL, time_ns INTEGER NOT NULL, kind TEXT NOT NULL,
  alert TEXT NOT NULL, text TEXT NOT NULL, author TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS entry_incident ON entry (incident);
CREATE TABLE IF NOT EXISTS signal (number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT UNIQUE NOT NULL);
CREATE TABLE IF NOT EXISTS silence (id TEXT PRIMARY KEY, end_ns INTEGER NOT NULL, body BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS override (
  number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT UNIQUE NOT NULL, end_ns INTEGER NOT NULL, body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS thread (
  channel TEXT NOT NULL, incident TEXT NOT NULL, value BLOB NOT NULL, PRIMARY KEY (channel, incident)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS subscription (id TEXT PRIMARY KEY, channel TEXT NOT NULL, body BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS outbox (
  number INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT UNIQUE NOT NULL, channel TEXT NOT NULL, incident TEXT NOT NULL,
  made_ns INTEGER NOT NULL, next_ns INTEGER NOT NULL, attempts INTEGER NOT NULL DEFAULT 0,
  state TEXT NOT NULL DEFAULT 'waiting', reason TEXT NOT NULL DEFAULT '', body BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS outbox_due ON outbox (state, channel, number);
"""


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of an incident's timeline."""

    incident: str
    time_ns: int
    kind: str
    text: str
    alert: str = ""
    author: str = ""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A notification on its way."""

    key: str
    """Stable deduplication key: the same however often it is sent."""
    channel: str
    incident: str
    made_ns: int
    body: bytes
    attempts: int = 0
    state: str = "waiting"
    reason: str = ""


class AlertStore:
    """Every method may be called from any thread."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.RLock()
        self._db = sqlite.connect(path, _SCHEMA)  # the pipeline's checkpoint must not be ahead of what it reported

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing, durable on leaving."""
        with self._lock, sqlite.transaction(self._db):
            yield

    # -- inside a transaction -----------------------------------------------------------------------------------------

    def is_new(self, signal_id: str) -> bool:
        """Note a report; False when it was noted before."""
        return self._db.execute("INSERT OR IGNORE INTO signal (id) VALUES (?)", (signal_id,)).rowcount == 1

    def put_alerts(self, alerts: Iterable[Alert]) -> None:
        self._db.executemany(
            "INSERT OR REPLACE INTO alert VALUES (?, ?, ?, ?, ?, ?)",
            [(a.key, a.tenant, a.incident, a.state.value, a.seen_ns, orjson.dumps(a)) for a in alerts],
        )

    def put_incidents(self, incidents: Iterable[Incident]) -> None:
        self._db.executemany(
            "INSERT OR REPLACE INTO incident VALUES (?, ?, ?, ?, ?)",
            [(i.id, i.tenant, i.state.value, i.updated_ns, orjson.dumps(i)) for i in incidents],
        )

    def put_entries(self, entries: Iterable[Entry]) -> None:
        self._db.executemany(
            "INSERT INTO entry (incident, time_ns, kind, alert, text, author) VALUES (?, ?, ?, ?, ?, ?)",
            [(e.incident, e.time_ns, e.kind, e.alert, e.text, e.author) for e in entries],
        )

    def put_outgoing(self, outgoing: Iterable[Outgoing]) -> None:
        self._db.executemany(
            "INSERT OR IGNORE INTO outbox (key, channel, incident, made_ns, next_ns, body) VALUES (?, ?, ?, ?, ?, ?)",
            [(o.key, o.channel, o.incident, o.made_ns, o.made_ns, o.body) for o in outgoing],
        )

    def prune(self) -> None:
        over = State.RESOLVED.value
        for table, column, most in (("alert", "seen_ns", MAX_ALERTS), ("incident", "updated_ns", MAX_INCIDENTS)):
            (count,) = self._db.execute(f"SELECT count(*) FROM {table}").fetchone()
            if count > most:
                name = "key" if table == "alert" else "id"
                self._db.execute(
                    f"DELETE FROM {table} WHERE {name} IN"
                    f" (SELECT {name} FROM {table} WHERE state = ? ORDER BY {column} LIMIT ?)",
                    (over, count - most),
                )
        for table in ("entry", "thread"):
            self._db.execute(f"DELETE FROM {table} WHERE incident NOT IN (SELECT id FROM incident)")
        self._db.execute(
            "DELETE FROM signal WHERE number <= (SELECT coalesce(max(number), 0) FROM signal) - ?", (MAX_SIGNALS,)
        )
        self._db.execute(
            "DELETE FROM outbox WHERE state != 'waiting' AND number <="
            " (SELECT coalesce(max(number), 0) FROM outbox) - ?",
            (MAX_SENT,),
        )

    # -- silences ---------------------------------------------------------------------------------------------------

    def put_silence(self, silence: Silence) -> None:
        with self.transaction():
            self._db.execute(
                "INSERT OR REPLACE INTO silence VALUES (?, ?, ?)",
                (silence.id, silence.end_ns, orjson.dumps(silence.as_row())),
            )
            self._db.execute(
                "DELETE FROM silence WHERE id IN (SELECT id FROM silence ORDER BY end_ns DESC LIMIT -1 OFFSET ?)",
                (MAX_SILENCES,),
            )

    def silences(self) -> list[Silence]:
        rows = self._rows("SELECT body FROM silence ORDER BY end_ns DESC", ())
        found = []
        for (body,) in rows:
            kept = orjson.loads(body)
            found.append(Silence(**kept | {"matchers": Matchers(terms=tuple(kept["matchers"].items()))}))
        return found

    # -- overrides --------------------------------------------------------------------------------------------------

    def put_override(self, override: Override) -> None:
        with self.transaction():
            self._db.execute(
                "INSERT OR REPLACE INTO override (id, end_ns, body) VALUES (?, ?, ?)",
                (override.id, override.end_ns, orjson.dumps(override)),
            )
            self._db.execute(
                "DELETE FROM override WHERE id IN (SELECT id FROM override ORDER BY end_ns DESC LIMIT -1 OFFSET ?)",
                (MAX_OVERRIDES,),
            )

    def delete_override(self, override_id: str) -> bool:
        """Whether it was there."""
        with self.transaction():
            return self._db.execute("DELETE FROM override WHERE id = ?", (override_id,)).rowcount == 1

    def overrides(self) -> list[Override]:
        """The newest first."""
        rows = self._rows("SELECT body FROM override ORDER BY number DESC", ())
        return [Override(**orjson.loads(body)) for (body,) in rows]

    # -- what channels remember -------------------------------------------------------------------------------------

    def thread(self, channel: str, incident: str) -> bytes:
        """What the channel kept for the incident; empty = nothing yet."""
        rows = self._rows("SELECT value FROM thread WHERE channel = ? AND incident = ?", (channel, incident))
        return bytes(rows[0][0]) if rows else b""

    def keep_thread(self, channel: str, incident: str, value: bytes) -> None:
        with self.transaction():
            self._db.execute("INSERT OR REPLACE INTO thread VALUES (?, ?, ?)", (channel, incident, value))

    # -- browsers that subscribed -----------------------------------------------------------------------------------

    def subscribe(self, subscription: Subscription) -> None:
        """Raises InvalidInput: there are too many."""
        with self.transaction():
            self._db.execute(
                "INSERT OR REPLACE INTO subscription VALUES (?, ?, ?)",
                (subscription.id, subscription.channel, orjson.dumps(subscription)),
            )
            (count,) = self._db.execute("SELECT count(*) FROM subscription").fetchone()
            if count > MAX_SUBSCRIPTIONS:
                raise InvalidInput(f"{MAX_SUBSCRIPTIONS} browsers have subscribed; unsubscribe one that is not used")

    def unsubscribe(self, subscription_id: str) -> bool:
        """Whether it was there."""
        with self.transaction():
            return self._db.execute("DELETE FROM subscription WHERE id = ?", (subscription_id,)).rowcount == 1

    def subscriptions(self, channel: str) -> list[Subscription]:
        rows = self._rows("SELECT body FROM subscription WHERE channel = ? ORDER BY id", (channel,))
        return [Subscription(**orjson.loads(body)) for (body,) in rows]

    # -- reading ----------------------------------------------------------------------------------------------------

    def alerts(self, where: str = "1", values: Sequence[object] = (), limit: int = -1) -> list[Alert]:
        """Newest first. `where` is our own text; what comes from outside goes into `values`."""
        rows = self._rows(f"SELECT body FROM alert WHERE {where} ORDER BY seen_ns DESC LIMIT ?", (*values, limit))
        return [_alert(body) for (body,) in rows]

    def incidents(self, where: str = "1", values: Sequence[object] = (), limit: int = -1) -> list[Incident]:
        rows = self._rows(f"SELECT body FROM incident WHERE {where} ORDER BY updated_ns DESC LIMIT ?", (*values, limit))
        return [_incident(body) for (body,) in rows]

    def timeline(self, incident: str) -> list[dict[str, Any]]:
        names = ("time_ns", "kind", "alert", "text", "author")
        rows = self._rows(
            f"SELECT {', '.join(names)} FROM entry WHERE incident = ? ORDER BY number LIMIT ?", (incident, MAX_ENTRIES)
        )
        return [dict(zip(names, row, strict=True)) for row in rows]

    # -- outbox -----------------------------------------------------------------------------------------------------

    def due(self, channel: str, now_ns: int, limit: int = 50) -> list[Outgoing]:
        """The first waiting notification of each incident whose time has come, oldest first."""
        rows = self._rows(
            "SELECT key, channel, incident, made_ns, body, attempts FROM outbox o WHERE state = 'waiting'"
            " AND channel = ? AND next_ns <= ? AND NOT EXISTS (SELECT 1 FROM outbox e WHERE e.state = 'waiting'"
            " AND e.channel = o.channel AND e.incident = o.incident AND e.number < o.number) ORDER BY number LIMIT ?",
            (channel, now_ns, limit),
        )
        return [Outgoing(*row) for row in rows]

    def sent(self, key: str) -> None:
        with self.transaction():
            self._db.execute("UPDATE outbox SET state = 'sent', attempts = attempts + 1 WHERE key = ?", (key,))

    def retry(self, key: str, next_ns: int, reason: str) -> None:
        with self.transaction():
            self._db.execute(
                "UPDATE outbox SET attempts = attempts + 1, next_ns = ?, reason = ? WHERE key = ?",
                (next_ns, reason, key),
            )

    def failed(self, key: str, reason: str, entry: Entry) -> None:
        with self.transaction():
            self._db.execute(
                "UPDATE outbox SET state = 'failed', attempts = attempts + 1, reason = ? WHERE key = ?", (reason, key)
            )
            self.put_entries([entry])

    def notifications(self, incident: str) -> list[dict[str, Any]]:
        names = ("key", "channel", "made_ns", "attempts", "state", "reason")
        rows = self._rows(f"SELECT {', '.join(names)} FROM outbox WHERE incident = ? ORDER BY number", (incident,))
        return [dict(zip(names, row, strict=True)) for row in rows]

    def waiting(self) -> int:
        return int(self._rows("SELECT count(*) FROM outbox WHERE state = 'waiting'", ())[0][0])

    def _rows(self, statement: str, values: Sequence[object]) -> list[tuple[Any, ...]]:
        with self._lock, closing(self._db.execute(statement, tuple(values))) as cursor:
            return cursor.fetchall()

    def close(self) -> None:
        with self._lock:
            self._db.close()


def _alert(body: bytes) -> Alert:
    kept = orjson.loads(body)
    return Alert(**kept | {"state": State(kept["state"])})


def _incident(body: bytes) -> Incident:
    kept = orjson.loads(body)
    escalations = [Escalation(**each) for each in kept.get("escalations", [])]
    return Incident(**kept | {"state": State(kept["state"]), "escalations": escalations})

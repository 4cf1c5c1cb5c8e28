"""`SchemaRegistry`: schemas kept in one SQLite database of the data folder (WAL, `synchronous=FULL`).

An id names a schema for ever, whatever subjects it is in: messages carry it. Deleting a version hides it; its number is
not used again, and what was written with it can still be read.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from heimdall import sqlite
from heimdall.bus.registry.compatibility import Checked, check_schema, normal_text, problems
from heimdall.bus.registry.schema import IncompatibleSchema, Level, Reference, RegistryError, Schema, Version

DEFAULT_LEVEL = Level.BACKWARD
MAX_TEXT_BYTES = 1 << 20
"""Of one schema."""
_MAX_REFERENCES = 200
_GLOBAL = ""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS schema (
  id INTEGER PRIMARY KEY AUTOINCREMENT, type TEXT NOT NULL, text TEXT NOT NULL, refs TEXT NOT NULL,
  normal TEXT NOT NULL,
  UNIQUE (type, normal, refs));
CREATE TABLE IF NOT EXISTS version (
  subject TEXT NOT NULL, version INTEGER NOT NULL, schema_id INTEGER NOT NULL REFERENCES schema (id),
  deleted INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (subject, version)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS gone (subject TEXT PRIMARY KEY, last INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS level (subject TEXT PRIMARY KEY, level TEXT NOT NULL) WITHOUT ROWID;
"""
_VERSION = (
    "SELECT v.subject, v.version, s.id, s.text, s.type, s.refs FROM version v JOIN schema s ON s.id = v.schema_id"
)


class SchemaRegistry:
    """Safe from several threads; every method may block on the disk."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.RLock()
        self._db = sqlite.connect(path, _SCHEMA)

    def close(self) -> None:
        with self._lock:
            self._db.close()

    # -- schemas ----------------------------------------------------------------------------------------------------

    def register(self, subject: str, schema: Schema) -> Version:
        """The version `subject` has the schema as, a new one where it has none.

        Raises:
            RegistryError: it is not valid.
            IncompatibleSchema: the subject's level does not allow it.
        """
        with self._transaction():
            known = self._find(subject, schema)
            if known is not None:
                return known
            self._check(subject, schema, self._earlier(subject), self.level(subject))
            schema_id = self._schema_id(schema)
            self._db.execute(
                "DELETE FROM version WHERE subject = ? AND schema_id = ? AND deleted", (subject, schema_id)
            )
            last = self._rows(
                "SELECT max(n) FROM (SELECT max(version) AS n FROM version WHERE subject = ?"
                " UNION SELECT last FROM gone WHERE subject = ?)", subject, subject,
            )[0][0]  # fmt: skip
            version = int(str(last or 0)) + 1
            self._db.execute("INSERT INTO version VALUES (?, ?, ?, 0)", (subject, version, schema_id))
            self._db.execute("INSERT OR REPLACE INTO gone VALUES (?, ?)", (subject, version))
            return Version(subject, version, schema_id, schema)

    def lookup(self, subject: str, schema: Schema) -> Version:
        """
        Raises:
            RegistryError: the subject does not have it.
        """
        self._require(subject)
        found = self._find(subject, schema)
        if found is None:
            raise RegistryError(40403, f"schema not found in subject {subject}")
        return found

    def schema(self, schema_id: int) -> Schema:
        """
        Raises:
            RegistryError: no schema has that id.
        """
        rows = self._rows("SELECT text, type, refs FROM schema WHERE id = ?", schema_id)
        if not rows:
            raise RegistryError(40403, f"schema {schema_id} not found")
        return _schema(*rows[0])

    def places(self, schema_id: int) -> list[tuple[str, int]]:
        """Subjects and versions that have the schema."""
        self.schema(schema_id)
        rows = self._rows("SELECT subject, version FROM version WHERE schema_id = ? AND NOT deleted", schema_id)
        return [(str(subject), int(str(version))) for subject, version in rows]

    # -- subjects ---------------------------------------------------------------------------------------------------

    def subjects(self, *, prefix: str = "", deleted: bool = False) -> list[str]:
        rows = self._rows("SELECT DISTINCT subject FROM version WHERE deleted <= ? ORDER BY subject", int(deleted))
        return [str(row[0]) for row in rows if str(row[0]).startswith(prefix)]

    def versions(self, subject: str, *, deleted: bool = False) -> list[int]:
        self._require(subject, deleted=deleted)
        statement = "SELECT version FROM version WHERE subject = ? AND deleted <= ? ORDER BY version"
        return [int(str(row[0])) for row in self._rows(statement, subject, int(deleted))]

    def version(self, subject: str, number: int | None, *, deleted: bool = False) -> Version:
        """`number` None: the latest.

        Raises:
            RegistryError: there is no such subject or version.
        """
        self._require(subject, deleted=deleted)
        statement = f"{_VERSION} WHERE v.subject = ? AND v.deleted <= ? AND (v.version = ? OR ? IS NULL)"
        rows = self._rows(f"{statement} ORDER BY v.version DESC LIMIT 1", subject, int(deleted), number, number)
        if not rows:
            raise RegistryError(40402, f"version {number} of subject {subject} not found")
        return _version(rows[0])

    def delete(self, subject: str, number: int | None, *, permanent: bool = False) -> list[int]:
        """Hide a version, or all of them (`number` None); `permanent` drops what is hidden already. Their numbers.

        Raises:
            RegistryError: there is none, it has to be hidden first, or another schema builds on it.
        """
        with self._transaction():
            self._require(subject, deleted=permanent)
            numbers = self.versions(subject, deleted=permanent) if number is None else [number]
            for each in numbers:
                self.version(subject, each, deleted=permanent)
                if self._built_on(subject, each):
                    raise RegistryError(42206, f"other schemas build on version {each} of subject {subject}")
                if permanent and each in self._alive(subject):
                    raise RegistryError(40407, f"version {each} of subject {subject} has to be deleted softly first")
            statement = "DELETE FROM version" if permanent else "UPDATE version SET deleted = 1"
            for each in numbers:
                self._db.execute(f"{statement} WHERE subject = ? AND version = ?", (subject, each))
            return numbers

    # -- levels -----------------------------------------------------------------------------------------------------

    def level(self, subject: str = _GLOBAL, *, own: bool = False) -> Level:
        """What is in force for a subject, or for all. `own`: only what was set for it.

        Raises:
            RegistryError: `own`, and nothing was set.
        """
        rows = self._rows("SELECT level FROM level WHERE subject = ?", subject)
        if rows:
            return Level(str(rows[0][0]))
        if own and subject:
            raise RegistryError(40408, f"subject {subject} has no compatibility level of its own")
        return self.level() if subject else DEFAULT_LEVEL

    def set_level(self, level: Level | None, subject: str = _GLOBAL) -> None:
        """None: what is in force for all."""
        with self._transaction():
            if level is None:
                self._db.execute("DELETE FROM level WHERE subject = ?", (subject,))
            else:
                self._db.execute("INSERT OR REPLACE INTO level VALUES (?, ?)", (subject, str(level)))

    def compatibility(
        self, subject: str, schema: Schema, number: int | None, *, every: bool = False
    ) -> tuple[str, ...]:
        """Why `schema` would not be allowed after a version (None: the latest; `every`: as when it is registered).

        Raises:
            RegistryError: there is no such version, or the schema is not valid.
        """
        level = self.level(subject)
        earlier = self._earlier(subject) if every else [self._checked(self.version(subject, number).schema)]
        try:
            self._check(subject, schema, earlier, level)
        except IncompatibleSchema as exc:
            return exc.reasons
        return ()

    # -- inside -----------------------------------------------------------------------------------------------------

    def _check(self, subject: str, schema: Schema, earlier: list[Checked], level: Level) -> None:
        if len(schema.text.encode()) > MAX_TEXT_BYTES:
            raise RegistryError(42201, f"invalid schema: longer than {MAX_TEXT_BYTES} bytes")
        checked = self._checked(schema)
        check_schema(*checked)
        reasons = problems(checked, earlier, level)
        if reasons:
            raise IncompatibleSchema(subject, level, reasons)

    def _earlier(self, subject: str) -> list[Checked]:
        return [self._checked(self.version(subject, number).schema) for number in self._alive(subject)]

    def _alive(self, subject: str) -> list[int]:
        statement = "SELECT version FROM version WHERE subject = ? AND NOT deleted ORDER BY version"
        return [int(str(row[0])) for row in self._rows(statement, subject)]

    def _checked(self, schema: Schema) -> Checked:
        texts: dict[tuple[str, int], str] = {}
        self._gather(schema, texts, [])
        return schema, list(texts.values())

    def _gather(self, schema: Schema, texts: dict[tuple[str, int], str], within: list[tuple[str, int]]) -> None:
        for reference in schema.references:
            key = (reference.subject, reference.version)
            if key in within or len(texts) > _MAX_REFERENCES:
                raise RegistryError(42201, "invalid schema: its references go in a circle, or are too many")
            if key in texts:
                continue
            found = self.version(reference.subject, reference.version, deleted=True).schema
            self._gather(found, texts, [*within, key])
            texts[key] = found.text

    def _built_on(self, subject: str, number: int) -> bool:
        wanted = Reference("", subject, number)
        rows = self._rows(
            "SELECT DISTINCT s.refs FROM schema s JOIN version v ON v.schema_id = s.id WHERE NOT v.deleted"
        )
        found = (reference for row in rows for reference in _references(str(row[0])))
        return any((each.subject, each.version) == (wanted.subject, wanted.version) for each in found)

    def _find(self, subject: str, schema: Schema) -> Version | None:
        statement = f"{_VERSION} WHERE v.subject = ? AND NOT v.deleted AND s.type = ? AND s.normal = ? AND s.refs = ?"
        rows = self._rows(statement, subject, schema.type, normal_text(schema), _refs(schema))
        return _version(rows[0]) if rows else None

    def _schema_id(self, schema: Schema) -> int:
        identity = (schema.type, normal_text(schema), _refs(schema))
        rows = self._rows("SELECT id FROM schema WHERE type = ? AND normal = ? AND refs = ?", *identity)
        if rows:
            return int(str(rows[0][0]))
        kind, normal, refs = identity
        inserted = self._db.execute(
            "INSERT INTO schema (type, text, refs, normal) VALUES (?, ?, ?, ?)", (kind, schema.text, refs, normal)
        )
        return int(inserted.lastrowid or 0)

    def _require(self, subject: str, *, deleted: bool = False) -> None:
        if not self._rows("SELECT 1 FROM version WHERE subject = ? AND deleted <= ? LIMIT 1", subject, int(deleted)):
            raise RegistryError(40401, f"subject {subject} not found")

    def _rows(self, statement: str, *parameters: object) -> list[tuple[object, ...]]:
        with self._lock:
            return self._db.execute(statement, parameters).fetchall()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._lock, sqlite.transaction(self._db):
            yield


def _refs(schema: Schema) -> str:
    return json.dumps([[each.name, each.subject, each.version] for each in schema.references])


def _references(refs: str) -> tuple[Reference, ...]:
    return tuple(Reference(name, subject, version) for name, subject, version in json.loads(refs))


def _schema(text: object, kind: object, refs: object) -> Schema:
    assert kind in ("AVRO", "JSON", "PROTOBUF")
    return Schema(str(text), kind, _references(str(refs)))


def _version(row: tuple[object, ...]) -> Version:
    subject, number, schema_id, text, kind, refs = row
    return Version(str(subject), int(str(number)), int(str(schema_id)), _schema(text, kind, refs))

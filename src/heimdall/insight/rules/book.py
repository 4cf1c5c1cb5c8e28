"""The rules of a node: from files and from the API, compiled together, kept on disk."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterable, Sequence
from contextlib import closing
from pathlib import Path

import orjson

from heimdall import sqlite
from heimdall.errors import HeimdallError, InvalidInput, Misconfigured, NotFound
from heimdall.insight.rules.engine import CompiledRules
from heimdall.insight.rules.rule import Rule, read_rules, rule_json, rule_of

MAX_RULES = 10_000
"""Rules a node keeps; about 10 kB of compiled conditions each."""

_SCHEMA = (
    "CREATE TABLE IF NOT EXISTS rule (id TEXT PRIMARY KEY, source TEXT NOT NULL, body BLOB NOT NULL) WITHOUT ROWID"
)


class RuleBook:
    """One SQLite file, and a folder of TOML files that is read at the start. Safe from several threads."""

    def __init__(self, path: Path, folder: Path | None = None) -> None:
        """Raises InvalidInput, QuerySyntaxError: a rule of `folder` is wrong."""
        self._lock = threading.Lock()
        self._db = sqlite.connect(path, _SCHEMA)
        self._files = {rule.id: rule for rule in read_rules(folder)} if folder is not None else {}
        self._kept = {rule.id: rule for rule in self._read()}
        self.compiled = CompiledRules(self.rules())
        """Replaced as a whole when rules change; whoever evaluates compares by identity."""

    def _read(self) -> list[Rule]:
        with closing(self._db.execute("SELECT source, body FROM rule ORDER BY id")) as cursor:
            rows = cursor.fetchall()
        kept = []
        for source, body in rows:
            given = orjson.loads(body)
            given.pop("source", None)
            kept.append(rule_of(given, source=source))
        return kept

    def rules(self) -> list[Rule]:
        """All of them by id; one kept by the API stands before a file's of the same id."""
        return [rule for _, rule in sorted((self._files | self._kept).items())]

    def get(self, rule_id: str) -> Rule:
        """Raises NotFound."""
        found = self._kept.get(rule_id) or self._files.get(rule_id)
        if found is None:
            raise NotFound(f"there is no rule {rule_id[:128]}")
        return found

    def put(self, rules: Iterable[Rule]) -> None:
        """Keep rules, new ones or in place of those with the same id.

        Raises:
            InvalidInput: more rules than a node keeps.
        """
        given = {rule.id: rule for rule in rules}
        with self._lock:
            after = self._kept | given
            if len(self._files | after) > MAX_RULES:
                raise InvalidInput(f"a node keeps at most {MAX_RULES:,} rules")
            compiled = CompiledRules([rule for _, rule in sorted((self._files | after).items())])
            self._write([(rule.id, rule.source, rule_json(rule)) for rule in given.values()], ())
            self._kept, self.compiled = after, compiled

    def delete(self, rule_id: str) -> None:
        """Raises NotFound; InvalidInput for a rule that a file says."""
        with self._lock:
            if rule_id not in self._kept:
                if rule_id in self._files:
                    raise InvalidInput(f"rule {rule_id} stands in {self._files[rule_id].source}; remove it there")
                raise NotFound(f"there is no rule {rule_id[:128]}")
            self._write((), [rule_id])
            self._kept = {name: rule for name, rule in self._kept.items() if name != rule_id}
            self.compiled = CompiledRules(self.rules())

    def _write(self, kept: Sequence[tuple[str, str, bytes]], dropped: Sequence[str]) -> None:
        try:
            with sqlite.transaction(self._db):
                self._db.executemany("INSERT OR REPLACE INTO rule VALUES (?, ?, ?)", kept)
                self._db.executemany("DELETE FROM rule WHERE id = ?", [(name,) for name in dropped])
        except sqlite3.Error as exc:
            raise HeimdallError(f"rules could not be kept: {exc}") from exc

    def close(self) -> None:
        with self._lock:
            self._db.close()


def open_book(path: Path, folder: Path | None) -> RuleBook:
    """The rules a node starts with.

    Raises:
        Misconfigured: a rule of `folder` is wrong, or there is no such folder.
    """
    try:
        if folder is not None and not folder.exists():
            raise InvalidInput(f"there is no {folder}")
        return RuleBook(path, folder)
    except InvalidInput as exc:
        raise Misconfigured(f"setting alerting.rules: {exc}") from exc

"""What people say of templates: a name each, and the team or person who owns it. Every change is kept.

A label belongs to the id it was given to and follows merges: a template shows its own, or else the newest of those that
were merged into it, so nothing is lost when templates turn out to be one.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from heimdall import sqlite
from heimdall.errors import InvalidInput
from heimdall.model.batch import TenantId
from heimdall.query.templates import Catalogue

MAX_LABELS = 20_000
"""Templates of a tenant that can have one; twice as many as a tenant has templates."""

MAX_CHANGES = 100
"""Changes that are kept of a template, the newest."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS label (
  number INTEGER PRIMARY KEY AUTOINCREMENT, tenant TEXT NOT NULL, template_id INTEGER NOT NULL, name TEXT NOT NULL,
  owner TEXT NOT NULL, author TEXT NOT NULL, time_ns INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS label_template ON label (tenant, template_id, number);
"""
_COLUMNS = "template_id, name, owner, author, time_ns"


@dataclass(frozen=True, slots=True)
class Label:
    template_id: int
    """The id it was given to."""
    name: str
    owner: str
    author: str
    """Who said so; empty where nobody did."""
    time_ns: int


class TemplateLabels:
    """One SQLite file, or memory for `path` None. Every method may be called from any thread."""

    def __init__(self, path: Path | None) -> None:
        self._lock = threading.Lock()
        self._db = sqlite.connect(path, _SCHEMA)
        self._newest: dict[TenantId, dict[int, Label]] = {}
        newest = f"SELECT tenant, {_COLUMNS}, max(number) FROM label GROUP BY tenant, template_id"
        with closing(self._db.execute(newest)) as cursor:
            for tenant, *row, _ in cursor:
                self._newest.setdefault(TenantId(tenant), {})[int(row[0])] = Label(*row)

    def put(self, tenant: TenantId, label: Label) -> None:
        """Durable on return. An empty name and owner take the label away; that is a change like any other.

        Raises:
            InvalidInput: the tenant has too many.
        """
        with self._lock:
            own = self._newest.setdefault(tenant, {})
            if label.template_id not in own and len(own) >= MAX_LABELS:
                raise InvalidInput(f"{MAX_LABELS:,} templates have a name or an owner already; no more can")
            with sqlite.transaction(self._db):
                self._db.execute(
                    f"INSERT INTO label (tenant, {_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?)",
                    (tenant, label.template_id, label.name, label.owner, label.author, label.time_ns),
                )
                self._db.execute(
                    "DELETE FROM label WHERE number IN (SELECT number FROM label WHERE tenant = ? AND template_id = ?"
                    " ORDER BY number DESC LIMIT -1 OFFSET ?)",
                    (tenant, label.template_id, MAX_CHANGES),
                )
            own[label.template_id] = label

    def all(self, tenant: TenantId, final: Mapping[int, int]) -> dict[int, Label]:
        """The label that each template shows, by the id that stands for it today. `final`: id → the template that took
        its place."""
        with self._lock:
            own = list(self._newest.get(tenant, {}).values())
        found: dict[int, Label] = {}
        # Labels of merged templates in order of time, then those of the templates themselves, which win.
        for label in sorted(own, key=lambda one: (one.template_id not in final, one.time_ns)):
            if label.name or label.owner or label.template_id not in final:
                found[final.get(label.template_id, label.template_id)] = label
        return {number: label for number, label in found.items() if label.name or label.owner}

    def shown(self, tenant: TenantId, catalogue: Catalogue) -> dict[int, Label]:
        """The same as of now; costs what was given a label, not what templates there are."""
        with self._lock:
            own = list(self._newest.get(tenant, {}))
        return self.all(tenant, catalogue.names(tenant, own).final) if own else {}

    def owner(self, tenant: TenantId, template_id: int, catalogue: Catalogue) -> str:
        """Whose a template is, or one that it was merged into; empty when it is nobody's."""
        shown = self.shown(tenant, catalogue)
        if not shown:
            return ""
        final = catalogue.names(tenant, [template_id]).final
        label = shown.get(final.get(template_id, template_id))
        return label.owner if label else ""

    def history(self, tenant: TenantId, members: Sequence[int]) -> list[Label]:
        """Every change of the label of these ids, newest first, `MAX_CHANGES` at most."""
        marks = ", ".join("?" * len(members))
        statement = (
            f"SELECT {_COLUMNS} FROM label WHERE tenant = ? AND template_id IN ({marks}) ORDER BY number DESC LIMIT ?"
        )
        with self._lock, closing(self._db.execute(statement, (tenant, *members, MAX_CHANGES))) as cursor:
            return [Label(*row) for row in cursor]

    def close(self) -> None:
        with self._lock:
            self._db.close()

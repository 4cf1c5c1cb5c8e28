"""Findings and verdicts on disk: bounded, and the same after a crash."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from heimdall import sqlite
from heimdall.errors import NotFound
from heimdall.insight.feedback import Opinion
from heimdall.insight.finding import Feature, Finding, FindingKind, Verdict
from heimdall.model.batch import TenantId

MAX_FINDINGS = 20_000
"""Kept at most; the oldest go first. At a budget of one a service and day, 20 services fill it in three years."""
_PRUNE_EVERY = 500
MAX_VERDICTS = 50_000

_SCHEMA = """
CREATE TABLE IF NOT EXISTS finding (
  id TEXT PRIMARY KEY, tenant TEXT NOT NULL, service TEXT NOT NULL, kind TEXT NOT NULL, detected_ns INTEGER NOT NULL,
  body BLOB NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS finding_time ON finding (tenant, detected_ns);
CREATE TABLE IF NOT EXISTS verdict (
  number INTEGER PRIMARY KEY AUTOINCREMENT, finding TEXT NOT NULL, tenant TEXT NOT NULL, service TEXT NOT NULL,
  kind TEXT NOT NULL, template_id INTEGER NOT NULL, verdict TEXT NOT NULL, time_ns INTEGER NOT NULL);
"""

_SAID = "(SELECT verdict FROM verdict v WHERE v.finding = finding.id ORDER BY number DESC LIMIT 1)"

Judged = tuple[Finding, Verdict | None]
"""A finding, and the newest verdict on it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingsRequest:
    """Findings of one tenant detected in [start_ns, end_ns), newest first."""

    tenant: TenantId
    start_ns: int | None = None
    end_ns: int | None = None
    service: str | None = None
    kind: FindingKind | None = None
    limit: int = 100


class FindingStore:
    """Satisfies `FindingSink`. One SQLite file; every method may be called from any thread."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        self._db = sqlite.connect(
            path, _SCHEMA, durable=False
        )  # what a power cut loses the stage's replay reports again
        self._reported = 0

    def report(self, finding: Finding) -> None:
        body = orjson.dumps(finding)
        row = (finding.id, finding.tenant, finding.service, finding.kind.value, finding.detected_ns, body)
        with self._lock:
            self._db.execute("INSERT OR IGNORE INTO finding VALUES (?, ?, ?, ?, ?, ?)", row)
            self._reported += 1
            if self._reported % _PRUNE_EVERY == 1:
                self._prune()

    def _prune(self) -> None:
        self._db.execute(
            "DELETE FROM finding WHERE id IN (SELECT id FROM finding ORDER BY detected_ns DESC LIMIT -1 OFFSET ?)",
            (MAX_FINDINGS,),
        )
        self._db.execute(
            "DELETE FROM verdict WHERE number <= (SELECT coalesce(max(number), 0) FROM verdict) - ?", (MAX_VERDICTS,)
        )

    def find(self, request: FindingsRequest) -> list[Judged]:
        """Findings with the newest verdict on each."""
        where, values = _where(request)
        statement = f"SELECT body, {_SAID} FROM finding WHERE {where} ORDER BY detected_ns DESC, id LIMIT ?"
        return [_judged(row) for row in self._rows(statement, (*values, request.limit))]

    def count(self, request: FindingsRequest, step_ns: int) -> list[tuple[int, int, int]]:
        """(start of a step, findings in it, critical ones of them), oldest first; steps without any are left out, and
        `request.limit` means nothing here."""
        where, values = _where(request)
        critical = "sum(json_extract(CAST(body AS TEXT), '$.state') = 'critical')"
        statement = (
            f"SELECT detected_ns / ?1 * ?1 AS step, count(*), {critical} FROM finding"
            f" WHERE {where} GROUP BY step ORDER BY step"
        )
        return [(int(step), int(count), int(some)) for step, count, some in self._rows(statement, (step_ns, *values))]

    def get(self, tenant: TenantId, finding_id: str) -> Judged:
        """One finding with the newest verdict on it. Raises NotFound."""
        rows = self._rows(f"SELECT body, {_SAID} FROM finding WHERE id = ? AND tenant = ?", (finding_id, tenant))
        if not rows:
            raise NotFound(f"there is no finding {finding_id}; the oldest are dropped beyond {MAX_FINDINGS:,}")
        return _judged(rows[0])

    def judge(self, finding: Finding, verdict: Verdict, time_ns: int) -> Opinion:
        """Keep a verdict, and give it in the form in which detectors take it."""
        row = (
            finding.id, finding.tenant, finding.service, finding.kind.value, finding.template_id, verdict.value, time_ns
        )  # fmt: skip
        with self._lock:
            self._db.execute(
                "INSERT INTO verdict (finding, tenant, service, kind, template_id, verdict, time_ns)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                row,
            )
        return Opinion(finding.tenant, finding.service, finding.kind, finding.template_id, verdict)

    def opinions(self) -> list[Opinion]:
        """All verdicts in the order in which they were given."""
        rows = self._rows("SELECT tenant, service, kind, template_id, verdict FROM verdict ORDER BY number", ())
        return [
            Opinion(str(tenant), str(service), FindingKind(kind), int(template_id), Verdict(verdict))
            for tenant, service, kind, template_id, verdict in rows
        ]

    def _rows(self, statement: str, values: Sequence[object]) -> list[tuple[Any, ...]]:
        with self._lock, closing(self._db.execute(statement, tuple(values))) as cursor:
            return cursor.fetchall()

    def close(self) -> None:
        with self._lock:
            self._db.close()


def _where(request: FindingsRequest) -> tuple[str, list[str | int]]:
    """Condition, and the values of its question marks."""
    terms: list[str] = ["tenant = ?"]
    values: list[str | int] = [request.tenant]
    for term, value in (
        ("detected_ns >= ?", request.start_ns),
        ("detected_ns < ?", request.end_ns),
        ("service = ?", request.service),
        ("kind = ?", request.kind.value if request.kind else None),
    ):
        if value is not None:
            terms.append(term)
            values.append(value)
    return " AND ".join(terms), values


def _judged(row: tuple[Any, ...]) -> Judged:
    body, verdict = row
    return _finding(body), Verdict(verdict) if verdict else None


def _finding(body: bytes) -> Finding:
    kept: dict[str, Any] = orjson.loads(body)
    features = tuple(Feature(**feature) for feature in kept.pop("features"))
    kind, examples = FindingKind(kept.pop("kind")), tuple(kept.pop("examples"))
    return Finding(**kept, kind=kind, features=features, examples=examples)

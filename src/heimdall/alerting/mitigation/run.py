"""The noun: a run, one action about one incident on one target, with everything that is known of it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from heimdall.alerting.mitigation.action import Call, Plan
from heimdall.model.batch import TenantId


class State(StrEnum):
    PENDING = "pending"
    """Not planned yet: the alert has to last, or the target did not answer."""
    WAITING = "waiting"
    """For somebody's approval."""
    APPROVED = "approved"
    APPLYING = "applying"
    """Its intent is on disk. Whether it happened is not, until it has been read from the target."""
    WATCHING = "watching"
    """Applied; the signal is measured."""
    UNDOING = "undoing"
    """As `applying`, back."""
    DRY_RUN = "dry_run"
    """Over: it was said what would have been done."""
    NEEDLESS = "needless"
    """Over: the target is already so, or the alert ended first."""
    BLOCKED = "blocked"
    """Over: a guard did not let it through."""
    REJECTED = "rejected"
    EXPIRED = "expired"
    """Over: nobody approved it in time."""
    KEPT = "kept"
    """Over: applied, and left so."""
    UNDONE = "undone"
    FAILED = "failed"
    """Over: it did not happen."""
    UNKNOWN = "unknown"
    """Over: nobody can say whether it happened; a person has to look."""
    UNDO_FAILED = "undo_failed"
    """Applied, and could not be taken back."""


OPEN = (State.PENDING, State.WAITING, State.APPROVED, State.APPLYING, State.WATCHING, State.UNDOING)
TOUCHING = (State.APPLYING, State.WATCHING, State.UNDOING)
"""The target is ours meanwhile: no other run may touch it."""
UNDOABLE = (State.WATCHING, State.KEPT, State.UNDO_FAILED)


@dataclass(slots=True, kw_only=True)
class Run:
    """Times are ns by the node's clock. `version` counts writes: nobody overwrites what they have not read."""

    id: str
    tenant: TenantId
    action: str
    kind: str
    mode: str
    state: State
    incident: str
    alert: str
    labels: dict[str, str]
    statement: str
    target: str
    made_ns: int
    due_ns: int
    does: str = ""
    undoes: str = ""
    before: dict[str, Any] = field(default_factory=dict)
    after: dict[str, Any] = field(default_factory=dict)
    reason: str = ""
    """Why it is in its state, where there is more to say."""
    approve_until_ns: int | None = None
    approved_by: str = ""
    attempts: int = 0
    intent_ns: int | None = None
    """First intent to apply; what rates are counted by."""
    applied_ns: int | None = None
    baseline: float | None = None
    """The signal before; None = nothing is watched, or it could not be measured."""
    baseline_severity: str = ""
    measured: float | None = None
    measurements: int = 0
    worse_in_a_row: int = 0
    watch_until_ns: int | None = None
    undo_attempts: int = 0
    undo_ns: int | None = None
    """First intent to take it back."""
    undo_by: str = ""
    ended_ns: int | None = None
    version: int = 0

    @property
    def call(self) -> Call:
        return Call(
            id=self.id, incident=self.incident, alert=self.alert, labels=self.labels, statement=self.statement
        )  # fmt: skip

    @property
    def plan(self) -> Plan:
        return Plan(does=self.does, undoes=self.undoes, before=self.before, after=self.after)

    @property
    def since_ns(self) -> int:
        """Since when what it does now is being tried."""
        return self.undo_ns or self.intent_ns or self.made_ns

    def adopt(self, plan: Plan) -> None:
        self.does, self.undoes = plan.does, plan.undoes
        self.before, self.after = dict(plan.before), dict(plan.after)

    def as_row(self) -> dict[str, Any]:
        return asdict(self) | {"state": self.state.value}

"""The port: something that can be done to a target, and how it is taken back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol


class Outcome(StrEnum):
    """What reading the target says about a change that may or may not have happened."""

    DONE = "done"
    NOT_DONE = "not_done"
    """It is as it was before, and no request that is still on its way can change that unseen."""
    CHANGED = "changed"
    """Neither: somebody else changed it since. It is theirs now."""
    UNKNOWABLE = "unknowable"
    """The target cannot be asked. Nothing is repeated; a person has to look."""


@dataclass(frozen=True, slots=True)
class Target:
    """What an action changes. Of a Kubernetes object `namespace` is set, and the scope has to allow it."""

    kind: str
    name: str
    namespace: str = ""

    def __str__(self) -> str:
        return "/".join(part for part in (self.kind, self.namespace, self.name) if part)


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """Why and under which id something is done; the same for every try of it."""

    id: str
    incident: str
    alert: str
    labels: Mapping[str, str]
    """As routes see them: the alert's own, and `rule`, `severity`, `service`, `tenant`."""
    statement: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What would be done to the target as it stands. Facts are JSON: they outlive the process."""

    does: str
    """In words; a person approves this text."""
    undoes: str
    """In words; empty = it cannot be taken back."""
    changes: bool = True
    """False: there is nothing to do, and `does` says why."""
    before: Mapping[str, Any] = field(default_factory=dict)
    after: Mapping[str, Any] = field(default_factory=dict)


class Action(Protocol):
    """One kind of change, configured. Called by one thread at a time.

    All but `target` may raise:
        Unavailable: no answer. After `apply` and `undo` that means: unknown whether it happened; `check` before again.
        Refused, Denied, NotFound: it did not happen and will not, as things stand.
    """

    def target(self, labels: Mapping[str, str]) -> Target:
        """Without asking anybody. Raises Refused: the labels name no target."""

    def plan(self, call: Call) -> Plan:
        """Read the target; change nothing."""

    def apply(self, call: Call, plan: Plan) -> None:
        """Make it so, if the target is still as the plan saw it. Returns once the target has taken it."""

    def check(self, call: Call, plan: Plan) -> Outcome:
        """Whether `apply` happened."""

    def undo(self, call: Call, plan: Plan) -> None:
        """Take it back, if the target is still as `apply` left it."""

    def check_undo(self, call: Call, plan: Plan) -> Outcome:
        """Whether `undo` happened."""

    def close(self) -> None: ...

"""What a rule says when it finds what it looks for, and the port that takes it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from heimdall.model.batch import TenantId


@dataclass(frozen=True, slots=True, kw_only=True)
class Firing:
    """A rule's condition holds for one key, as of one batch. While it goes on, every batch says so again."""

    id: str
    """The same when its batch is processed again after a crash."""
    tenant: TenantId
    rule: str
    name: str
    severity: str
    labels: tuple[tuple[str, str], ...]
    """The key: field and value, in the rule's order."""
    service: str
    """Of the first record it rests on; empty when there is none."""
    template_id: int
    statement: str
    value: float
    started_ns: int
    """By the records' own clock: the first record it rests on."""
    detected_ns: int
    records: int
    """Of this batch."""
    examples: tuple[str, ...]
    query: str
    """HQL that shows the records it rests on."""
    quiet_after_ns: int
    """Without another firing for so long it is over."""
    resolved: bool = False
    """True: what was missing has come; the alert of this rule and key is over."""
    lasting: bool = False
    """True: it lasts until a firing with `resolved` says otherwise."""

    @property
    def key(self) -> str:
        """The same for every firing of the same rule and key, over restarts."""
        return firing_id(self.tenant, self.rule, *(f"{name}={value}" for name, value in self.labels))


def firing_id(*parts: object) -> str:
    return hashlib.sha256("\0".join(map(str, parts)).encode(errors="replace")).hexdigest()[:20]


class FiringSink(Protocol):
    """Takes what rules found in a batch."""

    def fired(self, firings: Sequence[Firing]) -> None:
        """Called by the pipeline's stage thread; must not block for long. One that comes again (same id) after a
        crash changes nothing."""

"""What is told about something noticed, and the port that takes it."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Protocol

from heimdall.model.batch import TenantId


class FindingKind(StrEnum):
    """What changed. The value is the category that records of the service carry while it lasts."""

    VOLUME_UP = "volume_up"
    VOLUME_DOWN = "volume_down"
    ERRORS = "errors"
    WARNINGS = "warnings"
    TEMPLATE_BURST = "template_burst"
    NEW_TEMPLATE = "new_template"
    NEW_ERROR = "new_error"
    RECURRENCE = "recurrence"
    LATENCY = "latency"
    ORDER = "order"
    MIX = "mix"
    RARE_VALUE = "rare_value"
    SILENCE = "silence"
    MISSED_RUN = "missed_run"


class Verdict(StrEnum):
    """What people say of a finding."""

    USEFUL = "useful"
    NOISE = "noise"
    EXPECTED = "expected"


@dataclass(frozen=True, slots=True)
class Feature:
    """One number of the evidence, with the band it was expected in."""

    name: str
    observed: float
    low: float
    high: float
    evidence: float
    """-log10 of how rarely it is as far off."""
    window_s: int = 15
    """Seconds in which it was observed."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something about one service that its past does not explain. Times are ns since 1970 UTC."""

    id: str
    tenant: TenantId
    service: str
    kind: FindingKind
    state: str
    """`degraded` or `critical`, by the service's evidence so far."""
    statement: str
    started_ns: int
    detected_ns: int
    """By the records' own clock: the end of the step that made it certain."""
    evidence: float
    features: tuple[Feature, ...]
    examples: tuple[str, ...]
    template_id: int
    """The template it is about; 0 when it is about none."""
    query: str
    """HQL that shows the records it rests on, between `from_ns` and `to_ns`."""
    from_ns: int
    to_ns: int
    watched_s: float
    """How long the service had been watched: the shorter, the less is known of what it usually does."""
    field: str = ""
    """The field whose value it is about; empty where it is about none."""
    value: str = ""
    known_since_ns: int = 0
    """Since when the field is known."""
    expected_ns: int = 0
    """When the run was expected that is missing; 0 where it is not about one."""
    last_seen_ns: int = 0
    """When there were records of it last."""

    @property
    def confidence(self) -> float:
        """0 to 1: how far the estimate of "usual" can be trusted, by the time it rests on; 0.5 after five minutes."""
        return self.watched_s / (self.watched_s + 300.0)

    def as_row(self) -> dict[str, Any]:
        """For JSON: plain types, enumerations as their values."""
        return {**asdict(self), "kind": self.kind.value, "confidence": round(self.confidence, 3)}


def finding_id(tenant: str, service: str, kind: str, step: int) -> str:
    """The same finding has the same id when its span is processed again after a crash."""
    return hashlib.sha256(f"{tenant}\0{service}\0{kind}\0{step}".encode()).hexdigest()[:20]


class FindingSink(Protocol):
    """Takes findings as they are made."""

    def report(self, finding: Finding) -> None:
        """Called by the pipeline's stage thread; must not block for long. One that is reported again (same id) after
        a crash changes nothing."""


@dataclass(frozen=True, slots=True)
class FindingSinks:
    """Several sinks as one. Satisfies `FindingSink`."""

    sinks: tuple[FindingSink, ...]

    def report(self, finding: Finding) -> None:
        for sink in self.sinks:
            sink.report(finding)

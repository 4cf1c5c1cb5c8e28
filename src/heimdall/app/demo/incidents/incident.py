"""An incident: what it changes in the shop, and the truth about it that detectors are judged by."""

from __future__ import annotations

from dataclasses import dataclass

from heimdall.app.demo.deploys import Deploy
from heimdall.app.demo.effects import Effect
from heimdall.app.demo.sayings import Episode, Saying
from heimdall.app.demo.traffic import Attack
from heimdall.app.demo.vitals import VitalChange


@dataclass(frozen=True, slots=True)
class Culprit:
    """The line that names the cause."""

    service: str
    message: str
    """Constant text found in the culprit's lines."""


@dataclass(frozen=True, slots=True)
class Silence:
    """Lines of a service that are written and never arrive."""

    service: str
    start_ns: int
    end_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    number: int
    kind: str
    title: str
    root: str
    """Service where it begins."""
    affected: tuple[str, ...]
    """Services that suffer from it, the root included, in the order in which it reaches them."""
    start_ns: int
    """The cause is there."""
    first_symptom_ns: int
    """Earliest moment from which a line can show it."""
    end_ns: int
    """The last symptom is gone."""
    culprit: Culprit | None
    """None: the symptom is that lines are missing."""
    effects: tuple[Effect, ...] = ()
    changes: tuple[VitalChange, ...] = ()
    attacks: tuple[Attack, ...] = ()
    deploys: tuple[Deploy, ...] = ()
    sayings: tuple[Saying, ...] = ()
    episodes: tuple[Episode, ...] = ()
    silences: tuple[Silence, ...] = ()

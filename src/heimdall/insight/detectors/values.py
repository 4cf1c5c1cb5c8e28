"""Rare values: a field of few values has one that its service never had, or hardly ever.

Good–Turing's view, as for templates: how often it happened estimates how often it will. What happens is that a field
which brought such values so seldom brings one; a service has many fields, and they are counted together, so a value's
p-value is right however many there are. Fields whose values are always new (ids, times, texts) are
recognised by that and not watched.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from heimdall.insight.conformal import FloatArray

HARDLY = 3
"""Steps with a value after which it is usual."""
_SELDOM = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueConfig:
    values_of_field: int = 100
    """Values of a field beyond which it is open: nothing new in it is news."""
    fields_of_service: int = 64
    fields: int = 5_000
    """Of all services of a tenant, 200 B each; what exceeds them is not watched."""
    values: int = 20_000
    """Of all fields, 150 B each; a field that has no room for a new value is open from then on."""
    settling_steps: int = 80
    """Steps with the field in which every value is new and none is news."""
    memory_steps: float = 20_000.0
    """Steps after which what is counted of a service, and their number, are halved."""
    trial_records: int = 40
    """Records after which a field must have had every second value twice, on average, to stay closed."""
    events: int = 2_048
    """Rare values that wait for their step, 500 B each; beyond it the oldest are forgotten."""


@dataclass(frozen=True, slots=True)
class Occurrences:
    """Values of a batch, each once in a step, service and field, in order of time."""

    named: Sequence[tuple[str, str]]
    """Fields and values."""
    found: Sequence[tuple[int, int, int, int, bool, int]]
    """Step, service, place in `named`, records that have it, whether any of them is of level warn or above, and the row
    of one of them."""
    show: Callable[[int, str], tuple[int, str, str]]
    """(row, name of a field in it) → template and message of the record, and the field's full name; few are asked
    for."""


@dataclass(slots=True)
class RareValue:
    """What is told of the rarest value of a service in a step."""

    evidence: float
    """-log10 of the probability that a service has so rare a value in a step."""
    field: str
    value: str
    records: int
    before: int
    """Steps that had it before."""
    since: int
    """First step that had the field."""
    template: int
    message: str
    grave: bool
    path: str
    """Full name of the field, dots between what it is nested in."""


@dataclass(slots=True)
class _Field:
    since: int
    records: int = 0
    steps: int = 0
    last: int = -1
    values: dict[str, list[int]] = field(default_factory=dict)
    """Value → [steps that had it, the newest of them]."""
    rare: list[float] = field(default_factory=lambda: [0.0] * (HARDLY + 1))
    """How often a value came that so many steps had had before."""


@dataclass(slots=True)
class _Service:
    fields: dict[str, _Field | None] = field(default_factory=dict)
    """None for one that is open."""
    steps: float = 0.0
    """Since the first field was settled."""
    last: int = -1
    rare: list[float] = field(default_factory=lambda: [0.0] * _SELDOM)
    """Rare values so far, by how many their field had brought before, in octaves."""


class ValueBank:
    """Not safe from several threads. Deterministic: learns from occurrences in the order in which they are given."""

    def __init__(self, config: ValueConfig | None = None) -> None:
        self._config = config or ValueConfig()
        self._services: dict[int, _Service] = {}
        self._values = 0
        self._fields = 0
        self._closed: dict[str, int] = {}
        """Services in which a field of this name is not open; 0 where it is in all that have it."""
        self._events: dict[tuple[int, int], RareValue] = {}

    def is_open(self, name: str) -> bool:
        """Whether fields of this name are open wherever they are known, so that nobody need look for them."""
        return self._closed.get(name) == 0

    def learn(self, occurrences: Occurrences, after_step: int) -> None:
        """Judge and learn. What lies in steps up to `after_step`, which are over, is only learnt from."""
        for step, row, place, records, grave, shown in occurrences.found:
            name, value = occurrences.named[place]
            service = self._services.get(row)
            if service is None:
                service = self._services[row] = _Service()
            if step > service.last:
                self._pass(service, step)
            known = self._field(service, name, step)
            if known is None:
                continue
            before = self._count(known, value, step, records)
            if before is None:
                self._values -= len(known.values)
                service.fields[name] = None
                self._closed[name] -= 1
            elif before <= HARDLY and known.steps >= self._config.settling_steps:
                event = self._noticed(service, known, before, (step, row), (name, value))
                if event is not None:
                    event.records += records
                    event.grave |= grave
                    if not event.message and step > after_step:
                        event.template, event.message, event.path = occurrences.show(shown, name)
        while len(self._events) > self._config.events:
            del self._events[next(iter(self._events))]

    def evidence(self, step: int, services: int) -> FloatArray:
        """By service: of its rarest value in this step, 0 for none."""
        found = np.zeros(services)
        for (at, service), event in self._events.items():
            if at == step and service < services:
                found[service] = event.evidence
        return found

    def rarest(self, step: int, service: int) -> RareValue | None:
        return self._events.get((step, service))

    def passed(self, step: int) -> None:
        """Steps up to this one are judged."""
        for key in [key for key in self._events if key[0] <= step]:
            del self._events[key]

    def grow(self, services: int) -> None:
        """Services come with their first occurrence."""

    def _pass(self, service: _Service, step: int) -> None:
        service.last = step
        if service.steps:
            service.steps += 1
        elif any(known is not None and known.steps >= self._config.settling_steps for known in service.fields.values()):
            service.steps = 20.0
        if service.steps >= self._config.memory_steps:
            service.steps /= 2
            service.rare = [count / 2 for count in service.rare]

    def _field(self, service: _Service, name: str, step: int) -> _Field | None:
        """None where it is open, or there is no room for it."""
        if name in service.fields:
            return service.fields[name]
        if len(service.fields) >= self._config.fields_of_service or self._fields >= self._config.fields:
            return None
        self._fields += 1
        self._closed[name] = self._closed.get(name, 0) + 1
        made = service.fields[name] = _Field(step)
        return made

    def _count(self, known: _Field, value: str, step: int, records: int) -> int | None:
        """How many steps had the value before; None where the field turns out to be open."""
        config = self._config
        if step > known.last:
            known.steps += 1
            known.last = step
        known.records += records
        entry = known.values.get(value)
        if entry is None:
            most = config.values_of_field
            if known.records >= config.trial_records:
                most = min(most, known.records // 2)
            if len(known.values) >= most or self._values >= config.values:
                return None
            self._values += 1
            known.values[value] = [1, step]
            return 0
        if step <= entry[1]:
            return entry[0] - 1 if step == entry[1] else HARDLY + 1
        entry[0], entry[1] = entry[0] + 1, step
        return entry[0] - 1

    def _noticed(
        self, service: _Service, known: _Field, before: int, at: tuple[int, int], named: tuple[str, str]
    ) -> RareValue | None:
        """The event that the value is, where it is the rarest of its step and service."""
        event = self._events.get(at)
        if event is not None and (event.field, event.value) == named:
            return event
        seldom = min(int(math.log2(sum(known.rare[: before + 1]) + 1)), _SELDOM - 1)
        rate = (sum(service.rare[: seldom + 1]) + 0.5) / max(service.steps, 1.0)
        evidence = max(-math.log10(-math.expm1(-rate)), 0.0)
        known.rare[before] += 1.0
        service.rare[seldom] += 1.0
        if event is not None and event.evidence >= evidence:
            return None
        made = self._events[at] = RareValue(evidence, *named, 0, before, known.since, 0, "", False, named[0])
        return made

    # -- checkpoint -----------------------------------------------------------------------------------------------

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """State for a checkpoint: text, since most of it is names and values."""
        state = {
            "services": [
                [row, own.steps, own.last, own.rare, [[name, _row(each)] for name, each in own.fields.items()]]
                for row, own in self._services.items()
            ],
            "events": [
                [*key, event.evidence, event.field, event.value, event.records, event.before, event.since,
                 event.template, event.message, event.grave, event.path]
                for key, event in self._events.items()
            ],
        }  # fmt: skip
        return {"json": np.frombuffer(json.dumps(state, separators=(",", ":")).encode(), np.uint8)}

    def load(self, arrays: dict[str, NDArray[np.generic]]) -> None:
        state = json.loads(arrays["json"].tobytes())
        self._services = {
            row: _Service({name: _read(each) for name, each in fields}, steps, last, rare)
            for row, steps, last, rare, fields in state["services"]
        }
        self._events = {(step, row): RareValue(*event) for step, row, *event in state["events"]}
        every = [each for own in self._services.values() for each in own.fields.values()]
        self._fields = len(every)
        self._closed = {}
        for own in self._services.values():
            for name, known in own.fields.items():
                self._closed[name] = self._closed.get(name, 0) + (known is not None)
        self._values = sum(len(each.values) for each in every if each is not None)


def _row(known: _Field | None) -> list[object] | None:
    if known is None:
        return None
    values = [[value, *entry] for value, entry in known.values.items()]
    return [known.since, known.records, known.steps, known.last, values, known.rare]


def _read(row: list[object] | None) -> _Field | None:
    if row is None:
        return None
    since, records, steps, last, values, rare = row
    kept = {value: [count, newest] for value, count, newest in values}  # type: ignore[attr-defined]
    return _Field(since, records, steps, last, kept, rare)  # type: ignore[arg-type]

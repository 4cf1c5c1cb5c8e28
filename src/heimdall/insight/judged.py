"""What one step said of all services: the votes, and what lies behind each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from heimdall.insight.conformal import FloatArray
from heimdall.insight.detectors.counts import CountStep
from heimdall.insight.detectors.latency import LatencyStep
from heimdall.insight.detectors.templates import TemplateStep
from heimdall.insight.detectors.values import RareValue
from heimdall.insight.finding import Feature, FindingKind
from heimdall.insight.step import STEP_S, StepCounts

VOTES: tuple[FindingKind, ...] = (
    FindingKind.VOLUME_UP, FindingKind.VOLUME_DOWN, FindingKind.ERRORS, FindingKind.WARNINGS, FindingKind.ORDER,
    FindingKind.TEMPLATE_BURST, FindingKind.NEW_TEMPLATE, FindingKind.NEW_ERROR, FindingKind.LATENCY,
    FindingKind.RARE_VALUE, FindingKind.RECURRENCE, FindingKind.MIX,
)  # fmt: skip
MIX = VOTES.index(FindingKind.MIX)
_OF_A_TEMPLATE = {
    FindingKind.TEMPLATE_BURST, FindingKind.NEW_TEMPLATE, FindingKind.NEW_ERROR, FindingKind.RECURRENCE,
}  # fmt: skip
_COUNTED = {FindingKind.ERRORS: 1, FindingKind.WARNINGS: 2, FindingKind.ORDER: 3}


@dataclass(frozen=True, slots=True)
class Judged:
    """Everything one step said, for the findings that come of it."""

    step: StepCounts
    totals: FloatArray
    counts: CountStep
    templates: TemplateStep
    latency: LatencyStep
    mix: FloatArray
    evidence: FloatArray

    def template(self, row: int, kind: FindingKind, rare: RareValue | None) -> int:
        """The template that shows a finding about the service `row` best; 0 where none does. `rare`: its value, of a
        finding about a rare one."""
        if rare is not None:
            return rare.template
        data = self.step
        own = np.flatnonzero(data.services == row)
        weights = {
            FindingKind.ERRORS: data.errors, FindingKind.WARNINGS: data.warnings, FindingKind.ORDER: data.odd,
            FindingKind.TEMPLATE_BURST: self.templates.burst, FindingKind.NEW_TEMPLATE: self.templates.fresh,
            FindingKind.NEW_ERROR: self.templates.fresh, FindingKind.RECURRENCE: self.templates.again,
        }.get(kind)  # fmt: skip
        if weights is None or not len(own) or weights[own].max() <= 0:
            return 0
        return int(data.templates[own[np.argmax(weights[own])]])

    def feature(self, row: int, kind: FindingKind, template: int, rare: RareValue | None) -> Feature:
        """What was seen of a service, beside what was to be expected."""
        evidence = round(float(self.evidence[row, VOTES.index(kind)]), 2)
        if kind in _OF_A_TEMPLATE:
            own = np.flatnonzero((self.step.services == row) & (self.step.templates == np.uint64(template)))
            observed = float(self.step.records[own].sum())
            mean = float(self.templates.expected[own].sum()) if kind is FindingKind.TEMPLATE_BURST else 0.0
            high = float(np.ceil(mean + 3 * np.sqrt(mean))) if mean else 0.0
            return Feature(kind.value, observed, 0.0, high, evidence)
        if kind is FindingKind.RARE_VALUE:
            records, before = (float(rare.records), float(rare.before)) if rare else (0.0, 0.0)
            return Feature(kind.value, records, 0.0, before, evidence)
        if kind is FindingKind.LATENCY:
            low, high = self.latency.band_ms(row)
            return Feature("latency_ms", float(np.expm1(self.latency.mean[row])), low, high, evidence)
        if kind is FindingKind.MIX:
            return Feature("mix", round(float(self.mix[row]), 3), 0.0, 1.0, evidence)
        column = _COUNTED.get(kind, 0)
        counts = self.counts
        mean, spread = float(counts.expected[row, column]), float(counts.spread[row, column])
        low, high = max(round(mean - 3 * spread, 1), 0.0), round(mean + 3 * spread, 1)
        names = {0: "records", 1: "errors", 2: "warnings", 3: "odd_order"}
        window_s = int(counts.window[row, column]) * STEP_S
        return Feature(names[column], float(counts.observed[row, column]), low, high, evidence, window_s)

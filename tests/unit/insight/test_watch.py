"""A tenant's watch: its bounds, and what steady services cause."""

from __future__ import annotations

import time

import numpy as np
import pytest

from heimdall.insight.feedback import Feedback
from heimdall.insight.finding import Finding, FindingKind
from heimdall.insight.fusion import BudgetConfig
from heimdall.insight.judged import VOTES
from heimdall.insight.step import STEP_NS, StepCounts
from heimdall.insight.watch import TenantWatch, WatchConfig
from heimdall.model.batch import DEFAULT_TENANT

FIRST_STEP = 119_000_000
SERVICES = 10_000 // len(VOTES)
TEMPLATES = 20


class Steady:
    """Services that log twenty kinds of lines in every step, some of them warnings and errors."""

    def __init__(self, services: int, rate: float) -> None:
        self.watch = TenantWatch(DEFAULT_TENANT, Feedback(), WatchConfig(services=services + 1))
        rows = [self.watch.row_of(f"s{number}", FIRST_STEP) for number in range(services)]
        self._of = np.repeat(np.array(rows), TEMPLATES)
        self._templates = np.tile(np.arange(2, TEMPLATES + 2, dtype=np.uint64), services)
        self._rng = np.random.default_rng(11)
        self._rate = rate
        self._step = FIRST_STEP
        self.took_s: list[float] = []

    def step(self) -> list[Finding]:
        records = self._rng.poisson(self._rate, len(self._of)) + 1.0
        errors, warnings = (self._rng.binomial(records.astype(np.int64), 0.02).astype(np.float64) for _ in range(2))
        columns = [records, errors, warnings, records * self._rng.normal(3, 0.1, len(records)), records, 0 * records]
        began_s = time.process_time()
        found = self.watch.step(StepCounts.of(self._step, self._of, self._templates, columns))
        self.took_s.append(time.process_time() - began_s)
        self._step += 1
        return found


def test_ten_thousand_pairs_of_service_and_detector_fit_and_are_judged_in_a_fifth_of_a_second() -> None:
    steady = Steady(SERVICES, rate=5.0)
    for _ in range(30):
        steady.step()
    assert sum(array.nbytes for array in steady.watch.arrays().values()) <= 200e6
    assert float(np.median(steady.took_s)) <= 0.2


@pytest.mark.parametrize("rate", [1.0, 100.0])
def test_steady_services_cause_no_more_findings_than_their_budget(rate: float) -> None:
    services, steps = 100, 200
    steady = Steady(services, rate)
    found = [finding for _ in range(steps) for finding in steady.step()]
    service_days = services * steps / 5_760
    assert len(found) <= 2 * service_days


def test_what_was_logged_only_in_trouble_is_told_with_its_first_line_when_it_comes_again() -> None:
    symptom, error, usual = np.array([70, 71, 2], np.uint64)
    budget = BudgetConfig(alerts_per_service_day=10.0)
    watch = TenantWatch(DEFAULT_TENANT, Feedback(), WatchConfig(budget=budget))
    row = watch.row_of("ledger", FIRST_STEP)
    rng = np.random.default_rng(5)
    step = FIRST_STEP

    def logged(lines: dict[np.uint64, tuple[int, int]]) -> list[Finding]:
        """Records and errors by template, in one step."""
        nonlocal step
        lines = {usual: (20 + int(rng.integers(5)), 0), **lines}
        records, errors = (np.array(each, np.float64) for each in zip(*lines.values(), strict=True))
        nothing = np.zeros(len(lines))
        columns = [records, errors, nothing, nothing, nothing, nothing]
        services, templates = np.full(len(lines), row), np.array(list(lines), np.uint64)
        found = watch.step(StepCounts.of(step, services, templates, columns))
        step += 1
        return found

    for _ in range(600):
        logged({})
    for _ in range(4):
        logged({symptom: (1, 0)})
    trouble = [found for _ in range(10) for found in logged({symptom: (1, 0), error: (30, 30)})]
    assert trouble
    assert trouble[0].kind is not FindingKind.RECURRENCE
    last = step - 1
    for _ in range(300):
        logged({})
    watch.show([int(symptom)], ["waiting for a lock"])
    (finding,) = logged({symptom: (1, 0)})
    assert (finding.kind, finding.template_id) == (FindingKind.RECURRENCE, int(symptom))
    assert finding.last_seen_ns == last * STEP_NS
    assert finding.statement.startswith("ledger logs again what it only logged in trouble, once in 15 s, last 20")
    assert finding.statement.endswith(": waiting for a lock")
    assert finding.examples == ("waiting for a lock",)

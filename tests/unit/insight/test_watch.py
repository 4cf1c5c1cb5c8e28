"""A tenant's watch: its bounds, and what steady services cause."""

from __future__ import annotations

import time

import numpy as np
import pytest

from heimdall.insight.feedback import Feedback
from heimdall.insight.finding import Finding
from heimdall.insight.judged import VOTES
from heimdall.insight.step import StepCounts
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

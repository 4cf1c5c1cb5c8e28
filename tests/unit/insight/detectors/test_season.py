"""Weeks and holidays in the live watch: services whose Saturdays are not like their Fridays."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from heimdall.errors import Misconfigured
from heimdall.insight.calendar import Calendar, CalendarConfig
from heimdall.insight.detectors.season import SeasonBank
from heimdall.insight.feedback import Feedback
from heimdall.insight.finding import Finding, FindingKind
from heimdall.insight.step import STEP_S, PairCounts, StepCounts
from heimdall.insight.watch import TenantWatch, WatchConfig
from heimdall.model.batch import DEFAULT_TENANT

MONDAY = int(datetime(2025, 9, 1, tzinfo=UTC).timestamp()) // STEP_S
DAY = 86_400 // STEP_S
HOUR = 3_600 // STEP_S
VOLUMES = (FindingKind.VOLUME_UP, FindingKind.VOLUME_DOWN, FindingKind.SILENCE)


def rates_of(steps: np.ndarray) -> np.ndarray:
    """By step, of three services: one always there, one at a tenth at weekends, one that logs in office hours."""
    workday, hour = (steps - MONDAY) // DAY % 7 < 5, steps % DAY / HOUR
    office = workday & (hour >= 8) & (hour < 18)
    return np.column_stack([np.full(len(steps), 5.0), np.where(workday, 20.0, 2.0), np.where(office, 30.0, 0.0)])


class Weeks:
    """A watch that is brought to a moment by history, then judges steps."""

    def __init__(self, config: WatchConfig | None = None) -> None:
        self.watch = TenantWatch(DEFAULT_TENANT, Feedback(), config)
        self.rows = [self.watch.row_of(name, MONDAY) for name in ("always", "weekdays", "office")]
        self._rng = np.random.default_rng(8)
        self.step = MONDAY

    def counts(self, steps: np.ndarray, rates: np.ndarray) -> PairCounts:
        """`rates`: by step and service."""
        drawn = self._rng.poisson(rates)
        at, service = np.nonzero(drawn)
        records = drawn[at, service].astype(np.float64)
        nothing = np.zeros(len(records))
        columns = np.stack([records, nothing, nothing, nothing, nothing, nothing])
        return PairCounts(steps[at], np.array(self.rows)[service], np.full(len(at), 7, np.uint64), columns)

    def teach(self, days: float) -> None:
        steps = np.arange(self.step, self.step + round(days * DAY))
        self.watch.teach(self.counts(steps, rates_of(steps)), self.step - 1 if self.step > MONDAY else -1, 20)
        self.step += len(steps)

    def run(self, hours: float, *, share: float = 1.0, like: int = 0) -> list[Finding]:
        """Judge; `share` of what is usual comes, and what is usual is that of so many steps later (`like`)."""
        found: list[Finding] = []
        for _ in range(round(hours * HOUR)):
            rates = rates_of(np.array([self.step + like]))
            rates[:, 1:] *= share
            pairs = self.counts(np.array([self.step]), rates)
            found += self.watch.step(pairs.at(self.step))
            self.step += 1
        return [finding for finding in found if finding.kind in VOLUMES and finding.service != "always"]


def test_a_week_that_is_known_makes_no_finding_of_saturday_and_monday() -> None:
    weeks = Weeks()
    weeks.teach(18 + 17.75 / 24)  # Friday of the third week
    assert weeks.run(0.75) == []  # the office closes
    weeks.teach(5.25 / 24)
    assert weeks.run(1) == []  # Saturday begins
    weeks.teach(1 + 23 / 24)
    assert weeks.run(1) == []  # Monday begins
    weeks.teach(7 / 24)
    assert weeks.run(1) == []  # the office opens


def test_the_first_saturday_is_told() -> None:
    weeks = Weeks()
    weeks.teach(4 + 23.75 / 24)
    assert {finding.service for finding in weeks.run(0.75)} == {"weekdays"}


def test_a_drop_on_a_tuesday_is_told_all_the_same() -> None:
    weeks = Weeks()
    weeks.teach(22.4)
    assert weeks.run(2) == []
    found = weeks.run(0.25, share=0.1)
    assert {finding.service for finding in found} == {"weekdays", "office"}


def test_silence_by_day_is_told_and_that_of_a_closed_office_is_not() -> None:
    weeks = Weeks()
    weeks.teach(22.7)  # Tuesday, before the office closes
    assert weeks.run(1.5) == []
    weeks.teach(0.7)
    assert weeks.run(0.5) == []
    found = weeks.run(0.25, share=0.0)
    assert {finding.service for finding in found if finding.kind is FindingKind.SILENCE} == {"weekdays"}


@pytest.mark.parametrize(("days_off", "expected"), [(("2025-09-24",), set()), ((), {"weekdays"})])
def test_a_holiday_is_a_sunday_where_it_is_configured(days_off: tuple[str, ...], expected: set[str]) -> None:
    weeks = Weeks(WatchConfig(calendar=CalendarConfig(days_off=days_off)))
    weeks.teach(22 + 23.75 / 24)  # Tuesday evening; Wednesday is off
    found = weeks.run(0.25) + weeks.run(0.75, like=4 * DAY)
    assert {finding.service for finding in found} == expected


def test_steps_teach_the_same_week_as_history_does() -> None:
    steps = np.arange(MONDAY, MONDAY + 2 * DAY)
    pairs = Weeks().counts(steps, rates_of(steps))
    banks = [SeasonBank(Calendar(DEFAULT_TENANT)) for _ in range(2)]
    for bank in banks:
        bank.grow(3)
    banks[0].teach(pairs)
    for step in range(MONDAY, MONDAY + 2 * DAY):
        start, end = np.searchsorted(pairs.steps, [step, step + 1])
        records = np.bincount(pairs.services[start:end], weights=pairs.columns[0, start:end], minlength=3)
        banks[1].enter(step)
        banks[1].learn(records)
    known = [bank.arrays()["week"][:2, : 2 * 96 - 1] for bank in banks]
    np.testing.assert_allclose(known[0], known[1], rtol=1e-5)


def test_growth_is_level_and_leaves_the_shape() -> None:
    bank = SeasonBank(Calendar(DEFAULT_TENANT))
    bank.grow(1)
    for step in range(MONDAY, MONDAY + 21 * DAY):
        rate = 10.0 * (2.0 if step % DAY >= DAY // 2 else 1.0) * (3.0 if step >= MONDAY + 14 * DAY else 1.0)
        bank.enter(step)
        bank.learn(np.array([rate]))
    night, day = [], []
    for hour in range(2, 22):
        bank.enter(MONDAY + 24 * DAY + hour * HOUR)  # the day on which it grew is a dent
        (night if hour < 12 else day).append(bank.factors[0])
    assert np.mean(day) / np.mean(night) == pytest.approx(2.0, rel=0.1)


def test_quarters_follow_the_clock_on_the_wall() -> None:
    berlin = Calendar(DEFAULT_TENANT, CalendarConfig(timezone="Europe/Berlin"))
    summer, winter = (int(datetime(2025, month, day, 7, tzinfo=UTC).timestamp()) for month, day in ((7, 7), (12, 1)))
    assert (berlin.quarter_of(summer), berlin.quarter_of(winter)) == (9 * 4, 8 * 4)


def test_holidays_of_a_country_and_of_a_tenant() -> None:
    pytest.importorskip("holidays")
    epiphany = int(datetime(2026, 1, 6, 12, tzinfo=UTC).timestamp())  # a Tuesday, and a holiday in Bavaria
    config = CalendarConfig(holidays="DE", tenants=(f"{DEFAULT_TENANT}=DE-BY",))
    assert Calendar(DEFAULT_TENANT, config).quarter_of(epiphany) == 6 * 96 + 48
    assert Calendar(type(DEFAULT_TENANT)("other"), config).quarter_of(epiphany) == 96 + 48


@pytest.mark.parametrize(
    "config",
    [
        CalendarConfig(timezone="Europe/Nowhere"), CalendarConfig(days_off=("Christmas",)),
        CalendarConfig(tenants=("shop",)),
    ],
)  # fmt: skip
def test_what_is_no_calendar_is_refused(config: CalendarConfig) -> None:
    with pytest.raises(Misconfigured):
        Calendar(DEFAULT_TENANT, config)


def test_a_restored_watch_judges_the_week_the_same() -> None:
    first, second = Weeks(), Weeks()
    first.teach(9)
    second.watch.load({name: value.copy() for name, value in first.watch.arrays().items()})
    columns = [np.array([number]) for number in (18.0, 0.0, 0.0, 0.0, 0.0, 0.0)]
    step = StepCounts.of(first.step, np.array([1]), np.array([7], np.uint64), columns)
    assert first.watch.step(step) == second.watch.step(step)
    for name, value in first.watch.arrays().items():
        np.testing.assert_array_equal(second.watch.arrays()[name], value)

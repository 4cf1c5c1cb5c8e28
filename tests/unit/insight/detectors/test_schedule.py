"""Runs at fixed times: what is missed, what is not, and that history and checkpoints teach the same."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import groupby
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from heimdall.insight.calendar import Calendar, CalendarConfig
from heimdall.insight.detectors.schedule import DAY, PERIODS, MissedRun, ScheduleBank, by_service
from heimdall.insight.feedback import Feedback
from heimdall.insight.finding import Finding, FindingKind
from heimdall.insight.history import history
from heimdall.insight.step import COLUMNS, STEP_S, PairCounts
from heimdall.insight.watch import TenantWatch, WatchConfig
from heimdall.model.batch import DEFAULT_TENANT

MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")
JOB, SHOP = 0, 1
START, DONE, HEALTH = 7, 8, 9


def step_of(moment: datetime) -> int:
    return int(moment.timestamp()) // STEP_S


class Played:
    """A bank that is shown what is logged, minute by minute."""

    def __init__(self, calendar: CalendarConfig | None = None) -> None:
        self.bank = ScheduleBank(Calendar(DEFAULT_TENANT, calendar))

    def at(self, moment: datetime, *pairs: tuple[int, int]) -> list[MissedRun]:
        services = np.array([service for service, _ in pairs], np.int64)
        templates = np.array([template for _, template in pairs], np.uint64)
        return self.bank.step(services, templates, step_of(moment))

    def day(self, day: datetime, *, runs: bool = True, hour: int = 2, late_min: int = 0) -> list[MissedRun]:
        """A day of a shop that logs all the time and, at `hour`, a job of two messages."""
        missed = []
        for minute in range(0, 24 * 60, 5):
            moment = day + timedelta(minutes=minute)
            pairs = [(SHOP, HEALTH)]
            if runs and minute == hour * 60 + late_min:
                pairs.append((JOB, START))
            if runs and minute == hour * 60 + late_min + 5:
                pairs.append((JOB, DONE))
            missed += self.at(moment, *sorted(pairs))
        return missed


def test_a_nightly_job_that_does_not_come_is_missed_once() -> None:
    played = Played()
    for number in range(5):
        assert played.day(MONDAY + timedelta(days=number), late_min=5 * (number % 2)) == []
    friday, saturday = MONDAY + timedelta(days=4), MONDAY + timedelta(days=5)
    assert played.day(saturday, runs=False) == []  # the first Saturday: nobody knows
    monday = MONDAY + timedelta(days=7)
    assert played.day(MONDAY + timedelta(days=6), runs=False) == []
    missed = by_service(played.day(monday, runs=False))
    assert [(run.service, run.template, run.period, run.came) for run in missed] == [(JOB, 0, PERIODS[DAY], 5)]
    assert abs(missed[0].expected - step_of(monday + timedelta(hours=2))) <= 20
    assert abs(missed[0].last - step_of(friday + timedelta(hours=2, minutes=5))) <= 20
    assert played.day(monday + timedelta(days=1), runs=False) == []  # nothing new
    for number in range(9, 28):
        assert played.day(MONDAY + timedelta(days=number), runs=number % 7 < 5) == []
    assert len(by_service(played.day(MONDAY + timedelta(days=28), runs=False))) == 1


@pytest.mark.parametrize("late_min", [10, 15])
def test_a_late_run_is_not_missing(late_min: int) -> None:
    played = Played()
    for number in range(5):
        played.day(MONDAY + timedelta(days=number))
    assert played.day(MONDAY + timedelta(days=7), late_min=late_min) == []


def test_a_holiday_is_a_sunday() -> None:
    wednesday = MONDAY + timedelta(days=16)
    for off, missed in (((wednesday.date().isoformat(),), 0), ((), 1)):
        played = Played(CalendarConfig(days_off=off))
        for number in range(16):
            assert played.day(MONDAY + timedelta(days=number), runs=number % 7 < 5) == []
        assert len(by_service(played.day(wednesday, runs=False))) == missed


def test_a_job_of_every_day_is_missed_on_a_sunday_too() -> None:
    played = Played()
    for number in range(20):
        assert played.day(MONDAY + timedelta(days=number)) == []
    assert len(by_service(played.day(MONDAY + timedelta(days=20), runs=False))) == 1


def test_summer_time_moves_no_run() -> None:
    """The clocks of Berlin change on 2026-03-29."""
    played = Played(CalendarConfig(timezone="Europe/Berlin"))
    missed = []
    for number in range(40):
        day = (datetime(2026, 3, 2, tzinfo=BERLIN) + timedelta(days=number)).astimezone(UTC)
        hour = 5 if number != 27 else 4  # of the day's 23 hours
        missed += played.day(day, hour=hour)
    assert missed == []
    assert played.bank.arrays()["rows"]["hits"][:, DAY].max() == 40


def test_what_comes_at_other_times_too_has_no_rhythm() -> None:
    played, draw = Played(), np.random.default_rng(5)
    for number in range(60):
        day = MONDAY + timedelta(days=number)
        for minute in sorted(draw.integers(0, 1_440, draw.integers(0, 4)).tolist()):
            assert played.at(day + timedelta(minutes=minute), (JOB, START)) == []
    assert played.bank.arrays()["rows"]["hits"].max() < 5


def test_messages_of_working_hours_are_no_jobs() -> None:
    """A hundred of five services, from one in ten days to twenty a day, four weeks long."""
    draw, played, days = np.random.default_rng(2), Played(), 28
    rows: set[tuple[int, int, int]] = set()
    for service in range(5):
        for template in range(20):
            count = draw.poisson(10 ** draw.uniform(-1, 1.3) * days)
            hours = np.clip(draw.normal(13, 2.5, count), 0, 23.9)
            for day, hour in zip(draw.integers(0, days, count).tolist(), hours.tolist(), strict=True):
                if day % 7 < 5:
                    rows.add((int((day * 24 + hour) * 240), service, template + 2))
    missed, first = 0, step_of(MONDAY)
    for step, own in groupby(sorted(rows), key=lambda row: row[0]):
        _, services, templates = (np.array(column) for column in zip(*own, strict=True))
        missed += len(by_service(played.bank.step(services, templates.astype(np.uint64), first + step)))
    assert missed <= 0.05 * 5 * days


def test_a_job_of_every_hour() -> None:
    played = Played()
    moment = MONDAY
    for _ in range(24 * 5):
        assert played.at(moment, (JOB, START)) == []
        assert played.at(moment + timedelta(minutes=30), (SHOP, HEALTH)) == []
        moment += timedelta(hours=1)
    assert played.at(moment + timedelta(minutes=4), (SHOP, HEALTH)) == []
    missed = by_service(played.at(moment + timedelta(minutes=6), (SHOP, HEALTH)))
    assert [(run.service, run.period, run.came) for run in missed] == [(JOB, 240, 120)]
    assert played.at(moment + timedelta(minutes=70), (SHOP, HEALTH)) == []


@pytest.mark.parametrize("hours", [0.5, 2, 3, 4, 6, 8, 12])
def test_a_job_of_every_so_many_hours(hours: float) -> None:
    played, moment, times = Played(), MONDAY + timedelta(minutes=20), round(5 * 24 / hours)
    for _ in range(times):
        assert played.at(moment, (JOB, START)) == []
        for quarter in range(1, round(4 * hours)):
            assert played.at(moment + timedelta(minutes=15 * quarter), (SHOP, HEALTH)) == []
        moment += timedelta(hours=hours)
    missed = by_service(played.at(moment + timedelta(hours=hours / 6, minutes=1), (SHOP, HEALTH)))
    assert [(run.service, run.period, run.came) for run in missed] == [(JOB, round(240 * hours), times)]
    assert missed[0].expected == step_of(moment)
    assert played.at(moment + timedelta(hours=hours * 1.5), (SHOP, HEALTH)) == []  # is told once


def test_a_job_of_every_week() -> None:
    played = Played()
    for number in range(7 * 6):
        assert played.day(MONDAY + timedelta(days=number), runs=number % 7 == 6) == []
    for number in range(7 * 6, 7 * 6 + 6):
        assert played.day(MONDAY + timedelta(days=number), runs=False) == []
    missed = by_service(played.day(MONDAY + timedelta(days=7 * 6 + 6), runs=False))
    assert [(run.service, run.period, run.came) for run in missed] == [(JOB, PERIODS[DAY], 4)]


def test_what_was_due_while_nobody_was_heard_of_is_not_missing() -> None:
    played = Played()
    for number in range(5):
        played.day(MONDAY + timedelta(days=number))
    monday = MONDAY + timedelta(days=7)
    played.at(monday + timedelta(hours=1), (SHOP, HEALTH))
    played.bank.pardon()
    assert played.at(monday + timedelta(hours=4), (SHOP, HEALTH)) == []


def test_a_flood_of_messages_forgets_no_job_and_no_memory() -> None:
    played = Played()
    played.bank = ScheduleBank(Calendar(DEFAULT_TENANT), pairs=400)
    for number in range(5):
        played.day(MONDAY + timedelta(days=number))
        for turn in range(20):
            pairs = [(SHOP, 1_000 + 10_000 * number + 100 * turn + one) for one in range(100)]
            played.at(MONDAY + timedelta(days=number, hours=23, minutes=56, seconds=STEP_S * turn // 2), *pairs)
    assert len(played.bank.arrays()["keys"]) <= 400
    assert len(by_service(played.day(MONDAY + timedelta(days=7), runs=False))) == 1


def pairs_of(days: int, runs: bool) -> PairCounts:
    rows = []
    for number in range(days):
        day = MONDAY + timedelta(days=number)
        for minute in range(0, 1_440, 5):
            rows.append((step_of(day + timedelta(minutes=minute)), SHOP, HEALTH))
        if runs:
            rows += [(step_of(day + timedelta(hours=2)), JOB, START), (step_of(day + timedelta(hours=2.1)), JOB, DONE)]
    steps, services, templates = (np.array(column) for column in zip(*sorted(rows), strict=True))
    columns = np.zeros((len(COLUMNS), len(rows)))
    columns[0] = 1.0
    return PairCounts(steps.astype(np.int64), services.astype(np.int64), templates.astype(np.uint64), columns)


def test_history_teaches_what_steps_teach_and_a_checkpoint_keeps_it() -> None:
    pairs = pairs_of(10, runs=True)
    one, other = ScheduleBank(Calendar(DEFAULT_TENANT)), ScheduleBank(Calendar(DEFAULT_TENANT))
    other.teach(pairs.part(0, 900))
    other.teach(pairs.part(900, len(pairs)))
    for step in np.unique(pairs.steps).tolist():
        own = pairs.steps == step
        assert one.step(pairs.services[own], pairs.templates[own], step) == []
    fields = ("hits", "phase", "spread", "cycle", "days", "seen")
    for place, key in enumerate(one.arrays()["keys"].tolist()):
        if key != SHOP << 53 and key != SHOP << 53 | HEALTH:  # without lulls, so without runs
            rows = [bank.arrays()["rows"][place] for bank in (one, other)]
            assert [[row[name].tolist() for name in fields] for row in rows][0] == [
                rows[1][name].tolist() for name in fields
            ]
    restored = ScheduleBank(Calendar(DEFAULT_TENANT))
    restored.load({name: array.copy() for name, array in other.arrays().items()})
    day = MONDAY + timedelta(days=10)
    for bank in (one, other, restored):
        played = Played()
        played.bank = bank
        assert len(by_service(played.day(day, runs=False))) == 1


def test_the_watch_tells_of_it_with_evidence() -> None:
    watch = TenantWatch(DEFAULT_TENANT, Feedback(), WatchConfig())
    pairs = pairs_of(7, runs=True)
    first = int(pairs.steps[0])
    assert [watch.row_of(name, first) for name in ("backup", "shop")] == [JOB, SHOP]
    assert history(pairs, -1, 20).steps
    watch.teach(pairs, -1, 20)
    watch.show([START], ["backup of orders begins"])
    found: list[Finding] = []
    last = int(pairs.steps[-1])
    for step in range(last + 1, last + 3 * 240):
        busy = pairs_of(1, runs=False).part(0, 1).at(step)
        found += watch.step(busy)
    assert [finding.kind for finding in found] == [FindingKind.MISSED_RUN]
    (finding,) = found
    assert finding.service == "backup"
    assert finding.expected_ns == step_of(MONDAY + timedelta(days=7, hours=2)) * STEP_S * 10**9
    assert finding.last_seen_ns == step_of(MONDAY + timedelta(days=6, hours=2.1)) * STEP_S * 10**9
    assert finding.statement == (
        "backup did not log anything, as it did at that time on 7 days: expected 2026-03-09 02:00 UTC, "
        "last 2026-03-08 02:06 UTC"
    )
    assert finding.query == "service:backup"
    assert finding.evidence > 2.76

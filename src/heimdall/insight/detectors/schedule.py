"""Runs that come at a fixed time of the day, or every so many hours, and the one that does not come.

A run is a template in a service, or a whole service, that logs after a lull. Each pair has a rhythm by each period:
when its runs come, how far off they are, and how often they did. What comes at other times as well has no rhythm.
Days are those of the tenant's calendar: summer time moves no run, and a day is due when days like it (that weekday, or
working days while weeks are few) had their run; a holiday is like a Sunday.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from heimdall.insight.calendar import QUARTER_S, Calendar
from heimdall.insight.conformal import FloatArray, Rows
from heimdall.insight.detectors.season import QUARTER_STEPS
from heimdall.insight.detectors.templates import packed, unpacked
from heimdall.insight.step import STEP_S, STEPS_PER_DAY, PairCounts, distinct_of

PERIODS = np.array([STEPS_PER_DAY // often for often in (48, 24, 12, 8, 6, 4, 3, 2, 1)])
"""Steps from one run to the next: half an hour, and whole hours that a day is a multiple of."""
DAY = len(PERIODS) - 1
"""The place of the day. The others go by the hours that pass, whatever the clock says."""

_LULL = 40
"""Steps without a record after which the next begins a run: ten minutes."""
_WIDEST = np.minimum(PERIODS // 6, 240)
_NARROWEST = np.minimum(_WIDEST // 2, 60)
"""Steps a run may be late before it is missing, at least, and at most, which is also how far off it may be: 5 to 10
minutes of an hour, a quarter to a whole hour of a day."""
_SPREADS = 3.0
"""Times the largest distance of late that a run may be late."""
_DRIFT = 0.2
"""Weight of the newest run in when they come."""
_STRAYS, _STRAY_KEPT = 1.5, 0.8
"""Runs at other times, up to which a rhythm stands, and what is left of them after each one in time."""
_BUSY = 60
"""Runs a day of what has no rhythm worth following through history."""
_ALIKE_DAYS = 4
"""Days of the same weekday that say whether one is due; one of them may have been missed, of three or more."""
_KEPT_DAYS = 28
_WORKING = 5
_NEVER = 2**62

_ROW = np.dtype([
    ("seen", np.int64), ("phase", np.float64, len(PERIODS)), ("spread", np.float32, len(PERIODS)),
    ("strays", np.float32, len(PERIODS)), ("hits", np.int32, len(PERIODS)), ("cycle", np.int32, len(PERIODS)),
    ("next", np.int32, len(PERIODS)), ("due", np.int64, len(PERIODS)), ("told", np.bool_, len(PERIODS)),
    ("days", np.uint32),
])  # fmt: skip
"""`phase`: the step of a run that all others are whole periods from; `cycle`: which of them the last one was; `next`:
which is waited for; `due`: the step at which it is missing; `days`: whether there was one on each of the last days, the
newest in the lowest bit. By day, steps are those of the calendar's clock."""


@dataclass(frozen=True, slots=True)
class MissedRun:
    service: int
    template: int
    """0: it is the whole service that logs at that time."""
    period: int
    """Steps from one run to the next, one of `PERIODS`."""
    expected: int
    """Step."""
    window: int
    """Steps that it had."""
    last: int
    """Step of the last record."""
    came: int
    """Runs that came in time."""
    missed: int
    """Runs that did not, on days like this."""
    tests: int
    """How often a day the service's runs are waited for, those of the same minutes once."""

    @property
    def evidence(self) -> float:
        """-log10 of how often such a run is missing, by the rule of succession."""
        return math.log10((self.came + 2) / (self.missed + 1))


class ScheduleBank:
    """State: `pairs` rows of 353 B. Steps come in order. Not safe from several threads."""

    def __init__(self, calendar: Calendar, *, days: int = 5, pairs: int = 10_000) -> None:
        """`days`: runs are expected after so many days with one; those of shorter periods after as many days without a
        gap. `pairs`: of service and template that are remembered; those with the fewest runs, longest unseen, go
        first."""
        self._calendar = calendar
        self._least = days * STEPS_PER_DAY // PERIODS
        self._most = pairs
        self._keys = np.zeros(0, np.uint64)
        self._rows = np.zeros(0, _ROW)
        self._pardoned = False

    def step(self, services: Rows, templates: NDArray[np.uint64], step: int) -> list[MissedRun]:
        """Learn the pairs of a step, each once, and tell which runs are missing by now."""
        if len(services):
            at = self._places(_keys(services, templates), step)
            began = at[step - self._rows["seen"][at] > _LULL]
            self._rows["seen"][at] = step
            self._learn(began, np.full(len(began), step))
        if self._pardoned:
            self._pass_over(step)
            self._pardoned = False
        missing = []
        now = self._clocks(step)
        for row, place in np.argwhere(self._rows["due"] <= now).tolist():
            missed = self._miss(row, place, step - int(now[place]))
            missing += [] if missed is None else [missed]
        return missing

    def teach(self, pairs: PairCounts) -> None:
        """Learn many steps at once; what was missing in them is told to nobody."""
        whole = packed(pairs.services, np.zeros(len(pairs), np.uint64))
        keys = np.concatenate([packed(pairs.services, pairs.templates), whole])
        distinct, _, codes = distinct_of(keys)
        self._remember(distinct, int(pairs.steps[0]))
        held = np.isin(distinct, self._keys, assume_unique=True)
        # Small numbers are sorted in linear time; rows of a pair are in order of time already.
        order = np.argsort(codes.astype(np.min_scalar_type(len(distinct))), kind="stable")
        order = order[held[codes[order]]]
        sizes = np.bincount(codes, minlength=len(distinct))[held]
        first = np.cumsum(sizes) - sizes
        steps = np.concatenate([pairs.steps, pairs.steps])[order]
        at = np.searchsorted(self._keys, distinct[held])
        before = np.empty_like(steps)
        before[1:] = steps[:-1]
        before[first] = self._rows["seen"][at]
        began = steps - before > _LULL
        runs = np.add.reduceat(began, first).astype(np.int64)
        days = (int(pairs.steps[-1]) - int(pairs.steps[0])) / STEPS_PER_DAY + 1
        busy = runs > _BUSY * days
        self._rows["hits"][at[busy]] = 0
        pair = np.repeat(np.arange(len(runs)), runs)
        turn = np.arange(len(pair)) - (np.cumsum(runs) - runs)[pair]  # of each run in its pair
        begun = steps[began]
        chosen = np.flatnonzero(~busy[pair])
        chosen = chosen[np.argsort(turn[chosen], kind="stable")]
        for now in np.split(chosen, np.flatnonzero(np.diff(turn[chosen])) + 1):
            self._learn(at[pair[now]], begun[now])
        self._rows["seen"][at] = steps[first + sizes - 1]
        self._pass_over(int(pairs.steps[-1]))

    def pardon(self) -> None:
        """Nobody was heard of for a while: what was expected in it is not missing."""
        self._pardoned = True

    def _places(self, keys: NDArray[np.uint64], step: int) -> Rows:
        """Where the rows of these keys are; new ones get one, as far as there is room."""
        at = np.searchsorted(self._keys, keys)
        if (at == len(self._keys)).any() or (self._keys[at] != keys).any():
            self._remember(np.sort(keys), step)
            keys = keys[np.isin(keys, self._keys)]
            at = np.searchsorted(self._keys, keys)
        return at

    def _remember(self, keys: NDArray[np.uint64], step: int) -> None:
        """`keys`: each once, in order."""
        new = keys[~np.isin(keys, self._keys, assume_unique=True)]
        self._make_room(len(new), keys)
        new = new[: self._most - len(self._keys)]
        places = np.searchsorted(self._keys, new)
        rows = np.zeros(len(new), _ROW)
        rows["seen"], rows["due"] = step - _LULL - 1, _NEVER
        self._keys, self._rows = np.insert(self._keys, places, new), np.insert(self._rows, places, rows)

    def _make_room(self, wanted: int, spared: NDArray[np.uint64]) -> None:
        """Forget what has the fewest runs, longest unseen, of services that have more than a quarter of all first; an
        eighth at a time, so that a flood pays seldom."""
        if len(self._keys) + wanted <= self._most:
            return
        regular = np.minimum(self._rows["hits"] / self._least, 1.0).max(axis=1)
        services = unpacked(self._keys)[0].astype(np.int64)
        modest = np.bincount(services)[services] <= self._most // 4
        order = np.lexsort((self._rows["seen"], regular, modest, regular >= 1, np.isin(self._keys, spared)))
        gone = order[: max(len(self._keys) + wanted - self._most, self._most // 8)]
        self._keys, self._rows = np.delete(self._keys, gone), np.delete(self._rows, gone)

    def _clocks(self, step: int) -> Rows:
        """The step, by the clock of each period."""
        now = np.full(len(PERIODS), step)
        now[DAY] += self._ahead(np.array([step]))[0]
        return now

    def _ahead(self, steps: Rows) -> Rows:
        """Steps by which the calendar's clock is ahead of UTC."""
        quarters, which = np.unique(steps // QUARTER_STEPS, return_inverse=True)
        ahead = [self._calendar.offset_s(quarter * QUARTER_S) // STEP_S for quarter in quarters.tolist()]
        return np.array(ahead, np.int64)[which]

    def _learn(self, at: Rows, steps: Rows) -> None:
        """Runs that began, one of each row at most."""
        if not len(at):
            return
        own = self._rows[at]
        now = np.repeat(steps[:, None], len(PERIODS), axis=1)
        now[:, DAY] += self._ahead(steps)
        phase, spread, strays, hits = own["phase"], own["spread"], own["strays"], own["hits"]
        cycle = np.floor((now - phase) / PERIODS + 0.5).astype(np.int64)
        off = now - phase - cycle * PERIODS
        on = (hits > 0) & (np.abs(off) <= _WIDEST)
        ahead = cycle - own["cycle"]
        came = on & (ahead > 0)
        strays = np.where(came, strays * _STRAY_KEPT, np.where(on, strays, strays + 1))
        anew = ~on & ((hits == 0) | (strays > _STRAYS))
        gap = ahead > 1
        gap[:, DAY] = False  # of days, only those like it count
        moved = own["days"].astype(np.uint64) << np.clip(ahead[:, DAY], 0, 32).astype(np.uint64) | np.uint64(1)
        days = np.where(came[:, DAY], moved & np.uint64((1 << _KEPT_DAYS) - 1), own["days"])
        own["days"] = np.where(anew[:, DAY], 1, days).astype(np.uint32)
        own["strays"] = np.where(anew, 0, strays)
        own["hits"] = np.where(anew, 1, np.where(came, np.where(gap, 1, hits + 1), hits))
        own["spread"] = np.where(anew, 0, np.where(came, np.maximum((1 - _DRIFT / 2) * spread, np.abs(off)), spread))
        own["phase"] = np.where(anew, now, np.where(came, phase + _DRIFT * off, phase))
        own["cycle"] = np.where(anew, 0, np.where(came, cycle, own["cycle"]))
        own["told"] &= ~(anew | came)
        own["next"] = np.where(anew | came, own["cycle"] + 1, own["next"])
        own["due"] = self._due(own)
        self._rows[at] = own

    def _due(self, rows: NDArray[np.void]) -> Rows:
        """The steps, of each period's clock, at which the next runs are missing."""
        expected = rows["phase"] + rows["next"] * PERIODS
        due = np.ceil(expected + _window(rows)).astype(np.int64) + 1
        return np.where(rows["hits"] >= self._least, due, _NEVER)

    def _pass_over(self, step: int) -> None:
        """Whatever was expected up to this step is waited for no longer."""
        ahead = np.floor((self._clocks(step) - self._rows["phase"]) / PERIODS).astype(np.int64) + 1
        self._rows["next"] = np.maximum(self._rows["next"], ahead)
        self._rows["due"] = self._due(self._rows)

    def _miss(self, row: int, place: int, behind: int) -> MissedRun | None:
        """The run that was expected next is missing; None where that is nothing to tell. `behind`: steps by which the
        period's clock is behind."""
        own = self._rows[row : row + 1]
        cycle, period = int(own["next"][0, place]), int(PERIODS[place])
        expected = own["phase"][0, place] + cycle * period
        window = float(_window(own)[0, place])
        came, missed = self._like(own, cycle, expected) if place == DAY else (int(own["hits"][0, place]), 0)
        told = bool(own["told"][0, place]) or came == 0
        own["next"][0, place] += 1
        own["due"] = self._due(own)
        if told:
            return None
        own["told"][0, place] = True
        service, template = (int(each[0]) for each in unpacked(self._keys[row : row + 1]))
        return MissedRun(
            service, template, period, round(expected) + behind, math.ceil(window), int(own["seen"][0]), came, missed,
            self._tests(service),
        )  # fmt: skip

    def _tests(self, service: int) -> int:
        start, end = np.searchsorted(self._keys, packed(np.array([service, service + 1]), np.zeros(2, np.uint64)))
        own = self._rows[start:end]
        known = own["hits"] >= self._least
        minutes = own["phase"] % PERIODS // _WIDEST
        often = (STEPS_PER_DAY // PERIODS).tolist()
        return sum(times * len(np.unique(minutes[known[:, place], place])) for place, times in enumerate(often))

    def _like(self, own: NDArray[np.void], cycle: int, expected: float) -> tuple[int, int]:
        """(runs that came, runs that were missed on days like that of `cycle`); (0, 0) where none is due."""
        last, days = int(own["cycle"][0, DAY]), int(own["days"][0])
        today = math.floor(expected / STEPS_PER_DAY)
        kind = self._calendar.weekday_of(today)
        seen = []  # (weekday, whether there was a run), the newest first
        for ago in range(1, min(cycle, _KEPT_DAYS) + 1):
            behind = last - (cycle - ago)
            seen.append((self._calendar.weekday_of(today - ago), behind >= 0 and bool(days >> behind & 1)))
        like = [came for weekday, came in seen if weekday == kind][:_ALIKE_DAYS]
        missed = like.count(False)
        if len(like) > 2:
            due = missed <= 1
        elif len(like) == 2:
            due = missed == 0
        else:
            working = [came for weekday, came in seen if weekday < _WORKING][: self._least[DAY]]
            due = kind < _WORKING and len(working) == self._least[DAY] and all(working)
        return (days.bit_count(), missed) if due else (0, 0)

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """State for a checkpoint; not copied."""
        return {"keys": self._keys, "rows": self._rows, "pardoned": np.array([self._pardoned])}

    def load(self, arrays: dict[str, NDArray[np.generic]]) -> None:
        self._keys = np.array(arrays["keys"], np.uint64)
        self._rows = np.array(arrays["rows"], _ROW)
        self._pardoned = bool(arrays["pardoned"][0])


def by_service(missing: Iterable[MissedRun]) -> list[MissedRun]:
    """One of each service: a job logs several messages, which are all missing at once. The service itself says most,
    then what came most often."""
    chosen: dict[int, MissedRun] = {}
    for run in sorted(missing, key=lambda one: (one.template != 0, -one.came, one.template)):
        chosen.setdefault(run.service, run)
    return [chosen[service] for service in sorted(chosen)]


def _keys(services: Rows, templates: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Of the pairs, and of their services."""
    whole = np.unique(services)
    return np.concatenate([packed(services, templates), packed(whole, np.zeros(len(whole), np.uint64))])


def _window(rows: NDArray[np.void]) -> FloatArray:
    return np.clip(_SPREADS * rows["spread"].astype(np.float64), _NARROWEST, _WIDEST)

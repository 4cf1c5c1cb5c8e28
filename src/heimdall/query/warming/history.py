"""What each person asked, at which hours and after what; bounded, in memory."""

from __future__ import annotations

import threading
from collections import Counter, OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import TypeVar

from heimdall.model.batch import TenantId
from heimdall.query.request import QueryRequest

PEOPLE, QUESTIONS, FOLLOWERS = 1_000, 100, 20
"""People, questions of each, and questions after each that are remembered; the longest unused is forgotten. Together
some 100 MB at the very most, some 100 kB for a team."""

NEAR_NOW_NS = 300 * 10**9
"""A range that ends this near to now moves with the clock: "the last 24 h", not "until noon"."""

TOGETHER_S = 120.0
"""Questions of one person within this time belong together."""

LIKELY = 0.4
"""Part of the times after which a question has to have been asked to be asked ahead."""

OFTEN = 2
"""Days on which a question has to have been asked at an hour."""

_HOUR_NS, _DAY_NS = 3_600 * 10**9, 86_400 * 10**9

K = TypeVar("K")
V = TypeVar("V")

Person = tuple[TenantId, str]


@dataclass(frozen=True, slots=True)
class Moved:
    """A question whose bounds may move with the clock."""

    request: QueryRequest
    """Bounds that move are offsets from now, those that do not are times."""
    moves: bool

    def at(self, now_ns: int) -> QueryRequest:
        """The question as it would be asked at that moment."""
        if not self.moves:
            return self.request
        start_ns, end_ns = self.request.start_ns, self.request.end_ns
        return replace(
            self.request,
            start_ns=None if start_ns is None else now_ns + start_ns,
            end_ns=None if end_ns is None else now_ns + end_ns,
        )


def moved(request: QueryRequest, now_ns: int) -> Moved:
    """`request` without what belongs to this one time it is asked."""
    plain = replace(request, query_id=None, timeout_s=None, fresh=False, background=False)
    start_ns, end_ns = plain.start_ns, plain.end_ns
    near = end_ns is None or abs(now_ns - end_ns) <= NEAR_NOW_NS
    if start_ns is None or not near:
        return Moved(plain, moves=False)
    # To the second: a page asks its panels one after the other.
    offset_ns = round((start_ns - now_ns) / 1e9) * 10**9
    last_ns = None if end_ns is None else round((end_ns - now_ns) / 1e9) * 10**9
    return Moved(replace(plain, start_ns=offset_ns, end_ns=last_ns), moves=True)


@dataclass(slots=True)
class _Habit:
    followers: Counter[Moved] = field(default_factory=Counter)
    times: int = 0
    hours: dict[int, tuple[int, int]] = field(default_factory=dict)
    """Hour of the day → (last day it was asked then, days it was)."""


@dataclass(slots=True)
class _Known:
    habits: OrderedDict[Moved, _Habit] = field(default_factory=OrderedDict)
    last: Moved | None = None
    last_ns: int = 0


class History:
    """Safe from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._people: OrderedDict[Person, _Known] = OrderedDict()

    def note(self, person: Person, request: QueryRequest, now_ns: int) -> Moved:
        """Remember a question, and that it came after the person's last one."""
        asked = moved(request, now_ns)
        day, hour = now_ns // _DAY_NS, now_ns // _HOUR_NS % 24
        with self._lock:
            known = _latest(self._people, person, PEOPLE, _Known)
            if known.last is not None and known.last != asked and now_ns - known.last_ns <= TOGETHER_S * 1e9:
                followers = _latest(known.habits, known.last, QUESTIONS, _Habit).followers
                followers[asked] += 1
                if len(followers) > FOLLOWERS:
                    del followers[min(followers, key=followers.__getitem__)]
            habit = _latest(known.habits, asked, QUESTIONS, _Habit)
            habit.times += 1
            last_day, days = habit.hours.get(hour, (-1, 0))
            habit.hours[hour] = (day, days + (last_day != day))
            known.last, known.last_ns = asked, now_ns
        return asked

    def after(self, person: Person, asked: Moved, most: int) -> list[Moved]:
        """What the person is likely to ask next, and after that: `most` questions, the nearest first."""
        with self._lock:
            known = self._people.get(person)
            if known is None:
                return []
            reached = [asked]
            for one in reached:  # which grows as its followers are found
                habit = known.habits.get(one)
                if habit is None or len(reached) > most:
                    continue
                for follower, times in habit.followers.most_common():
                    likely = times > 1 and times >= LIKELY * habit.times
                    if likely and follower not in reached:
                        reached.append(follower)
            return reached[1 : most + 1]

    def at_hour(self, now_ns: int) -> Iterable[Moved]:
        """What was asked at this hour on several days, by anyone."""
        hour = now_ns // _HOUR_NS % 24
        with self._lock:
            return [
                asked
                for known in self._people.values()
                for asked, habit in known.habits.items()
                if habit.hours.get(hour, (0, 0))[1] >= OFTEN
            ]


def _latest(kept: OrderedDict[K, V], key: K, most: int, make: type[V]) -> V:
    """What is kept under `key`, made if need be, as the one used last."""
    if key not in kept:
        kept[key] = make()
        if len(kept) > most:
            kept.popitem(last=False)
    kept.move_to_end(key)
    return kept[key]

"""Cron lines: `*/10 8-18 * * 1-5  -24h  level>=error | timechart span=10m count() by service`.

Minute, hour, day of the month, month and day of the week (0 and 7 are Sunday) in UTC, as cron(5) reads them: `*`,
numbers, ranges, lists, steps; where both days are given, one of them suffices. Then how far back the question looks,
then HQL.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from heimdall.errors import InvalidInput, Misconfigured
from heimdall.model.timerange import parse_time
from heimdall.query.languages.hql import parse
from heimdall.query.request import SearchRequest
from heimdall.query.warming.history import Moved

_BOUNDS = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))
_PART = re.compile(r"(\*|\d+(?:-\d+)?)(?:/(\d+))?")


@dataclass(frozen=True, slots=True)
class Planned:
    question: Moved
    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    either_day: bool
    """Both kinds of day are restricted: one of them suffices."""

    def due(self, now_ns: int) -> bool:
        """Whether the minute `now_ns` lies in is one of its."""
        now = datetime.fromtimestamp(now_ns // 10**9, UTC)
        if now.minute not in self.minutes or now.hour not in self.hours or now.month not in self.months:
            return False
        of_month, of_week = now.day in self.days, now.isoweekday() % 7 in self.weekdays
        return of_month or of_week if self.either_day else of_month and of_week


def read_plan(lines: Sequence[str]) -> tuple[Planned, ...]:
    """
    Raises:
        Misconfigured: a line that is none, with what is wrong about it.
    """
    return tuple(_planned(line) for line in lines if line.strip())


def _planned(line: str) -> Planned:
    words = line.split(None, 6)
    if len(words) < 6:
        raise Misconfigured(f"query.warm: {line!r} wants five fields of time, a range such as -24h, and a query")
    *fields, length = words[:6]
    text = words[6] if len(words) > 6 else "*"
    try:
        parse(text)
        start_ns = parse_time(length, now_ns=0)
    except InvalidInput as exc:
        raise Misconfigured(f"query.warm: {line!r}: {exc}") from exc
    if start_ns >= 0:
        raise Misconfigured(f"query.warm: {line!r}: the range has to look back, as -24h does")
    minutes, hours, days, months, weekdays = (
        _numbers(field, low, high, line) for field, (low, high) in zip(fields, _BOUNDS, strict=True)
    )
    return Planned(
        question=Moved(SearchRequest(q=text, start_ns=start_ns, end_ns=0), moves=True),
        minutes=minutes,
        hours=hours,
        days=days,
        months=months,
        weekdays=frozenset(day % 7 for day in weekdays),
        either_day=not fields[2].startswith("*") and not fields[4].startswith("*"),
    )


def _numbers(field: str, low: int, high: int, line: str) -> frozenset[int]:
    found: set[int] = set()
    for part in field.split(","):
        match = _PART.fullmatch(part)
        if match is None:
            raise Misconfigured(f"query.warm: {line!r}: {part!r} is no field of cron; * 5 1-5 */10 1,2 are")
        span, step = match[1], int(match[2] or 1)
        first, _, last = (f"{low}-{high}" if span == "*" else span).partition("-")
        end = int(last) if last else (high if match[2] else int(first))
        if not low <= int(first) <= end <= high or step < 1:
            raise Misconfigured(f"query.warm: {line!r}: {part!r} is not within {low} to {high}")
        found.update(range(int(first), end + 1, step))
    return frozenset(found)

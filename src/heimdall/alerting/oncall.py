"""Who is on call: schedules of layers whose turns change hands at a local time, and overrides that stand above them.

A later layer stands above an earlier one where it has somebody; an override stands above every layer. Handovers are
moments, worked out from the wall clock of the schedule's time zone: where a clock change skips the time of a handover,
it falls as many minutes after the change as it would have lain before (PEP 495, fold 0); where the time comes twice,
the first one counts. A turn is therefore an hour longer or shorter when clocks change, and nobody hands over twice.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from heimdall.alerting.keys import name_of, names_of, only
from heimdall.errors import InvalidInput, Misconfigured, NotFound
from heimdall.model.timerange import parse_time

MAX_LAYERS = 20
MAX_SPAN_NS = 92 * 86_400 * 10**9
"""Of the turns that can be asked for at once."""
_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_TURN_DAYS = {"daily": 1, "weekly": 7}
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hours:
    """The part of some weekdays that a layer covers. An end not after its beginning is on the day after."""

    weekdays: frozenset[int]
    begin: time
    end: time

    def span_ns(self, day: date, zone: ZoneInfo) -> tuple[int, int] | None:
        """[start, end) of the part that begins on `day`."""
        if day.weekday() not in self.weekdays:
            return None
        last = day if self.end > self.begin else day + _DAY
        return _moment_ns(day, self.begin, zone), _moment_ns(last, self.end, zone)


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """People who take turns. The first one's begins on `start` at `handover`; before that the layer has nobody."""

    name: str
    users: tuple[str, ...]
    start: date
    handover: time
    turn_days: int
    hours: tuple[Hours, ...] = ()
    """Empty: day and night."""

    def user_at(self, at_ns: int, zone: ZoneInfo) -> str:
        """Empty = nobody."""
        today = _local_date(at_ns, zone)
        if self.hours and not any(
            span is not None and span[0] <= at_ns < span[1]
            for hours in self.hours
            for day in (today - _DAY, today)
            for span in [hours.span_ns(day, zone)]
        ):
            return ""
        begun = today if at_ns >= _moment_ns(today, self.handover, zone) else today - _DAY
        days = (begun - self.start).days
        return "" if days < 0 else self.users[days // self.turn_days % len(self.users)]

    def edges_ns(self, day: date, zone: ZoneInfo) -> Iterator[int]:
        """Moments, begun on `day`, at which somebody else may be on call."""
        days = (day - self.start).days
        if days >= 0 and days % self.turn_days == 0:
            yield _moment_ns(day, self.handover, zone)
        for hours in self.hours:
            yield from hours.span_ns(day, zone) or ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Override:
    """`user` is on call in [start_ns, end_ns), whoever's turn it is. `id`: empty for one of the routing file."""

    schedule: str
    user: str
    start_ns: int
    end_ns: int
    id: str = ""
    comment: str = ""
    author: str = ""


@dataclass(frozen=True, slots=True)
class Duty:
    """`user` (empty: nobody) is on call in [start_ns, end_ns) because of `source`: a layer's name or `override`."""

    user: str
    source: str
    start_ns: int
    end_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    name: str
    zone: ZoneInfo
    layers: tuple[Layer, ...]
    overrides: tuple[Override, ...] = ()

    def user_at(self, at_ns: int, overrides: Sequence[Override] = ()) -> tuple[str, str]:
        """Who is on call and why (`Duty.source`). `overrides`: the newest first; the first that holds counts."""
        for override in (*overrides, *self.overrides):
            if override.start_ns <= at_ns < override.end_ns:
                return override.user, "override"
        for layer in reversed(self.layers):
            if user := layer.user_at(at_ns, self.zone):
                return user, layer.name
        return "", ""

    def duties(self, start_ns: int, end_ns: int, overrides: Sequence[Override] = ()) -> list[Duty]:
        """Who is on call in the time span, without gaps: where nobody is, that stands there.

        Raises:
            InvalidInput: the span is empty, or longer than `MAX_SPAN_NS`.
        """
        if not 0 < end_ns - start_ns <= MAX_SPAN_NS:
            raise InvalidInput("turns can be shown for a span of up to 92 days")
        edges = {start_ns}
        for override in (*overrides, *self.overrides):
            edges |= {override.start_ns, override.end_ns}
        day, last = _local_date(start_ns, self.zone) - _DAY, _local_date(end_ns, self.zone)
        while day <= last:
            for layer in self.layers:
                edges.update(layer.edges_ns(day, self.zone))
            day += _DAY
        inside = sorted(edge for edge in edges if start_ns <= edge < end_ns)
        found: list[Duty] = []
        for begin_ns, until_ns in zip(inside, [*inside[1:], end_ns], strict=True):
            user, source = self.user_at(begin_ns, overrides)
            if found and (found[-1].user, found[-1].source) == (user, source):
                begin_ns = found.pop().start_ns  # the turn goes on
            found.append(Duty(user, source, begin_ns, until_ns))
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Roster:
    """Everybody who can be on call, and how to reach them."""

    users: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By name: the channels that reach them."""
    schedules: Mapping[str, Schedule] = field(default_factory=dict)

    def schedule(self, name: str) -> Schedule:
        """Raises NotFound."""
        found = self.schedules.get(name)
        if found is None:
            known = ", ".join(self.schedules) or "none; they stand in alerting.file"
            raise NotFound(f"there is no schedule {name[:60]}; schedules are {known}")
        return found


def roster_of(given: Mapping[str, Any], channels: Collection[str]) -> Roster:
    """Tables `[[user]]` and `[[schedule]]`. Raises Misconfigured: names the table and the key."""
    users: dict[str, tuple[str, ...]] = {}
    for each in given.get("user", []):
        name = name_of(each, "user", users)
        only(each, {"name", "channels"}, f"user {name}")
        users[name] = names_of(each, "channels", f"user {name}", channels, "channel")
        if not users[name]:
            raise Misconfigured(f"user {name}: needs channels, or nothing reaches them")
    schedules: dict[str, Schedule] = {}
    for each in given.get("schedule", []):
        name = name_of(each, "schedule", schedules)
        schedules[name] = _schedule(each, name, users)
    return Roster(users=users, schedules=schedules)


def _schedule(given: Mapping[str, Any], name: str, users: Collection[str]) -> Schedule:
    what = f"schedule {name}"
    only(given, {"name", "timezone", "layer", "override"}, what)
    zone = _zone(given.get("timezone", "UTC"), what)
    layers: list[Layer] = []
    for each in given.get("layer", []):
        layers.append(_layer(each, name_of(each, f"{what}: layer", {layer.name for layer in layers}), what, users))
    if not 0 < len(layers) <= MAX_LAYERS:
        raise Misconfigured(f"{what}: needs one to {MAX_LAYERS} tables [[schedule.layer]]")
    overrides = tuple(_override(each, name, zone, users) for each in given.get("override", []))
    return Schedule(name=name, zone=zone, layers=tuple(layers), overrides=overrides)


def _layer(given: Mapping[str, Any], name: str, schedule: str, users: Collection[str]) -> Layer:
    what = f"{schedule}: layer {name}"
    only(given, {"name", "users", "rotation", "every", "start", "handover", "hours"}, what)
    people = given.get("users", [])
    names_of(given, "users", what, users, "user")
    if not people:
        raise Misconfigured(f"{what}: needs users, in the order of their turns")
    rotation, every = given.get("rotation", "weekly"), given.get("every", 1)
    if rotation not in _TURN_DAYS:
        raise Misconfigured(f"{what}: rotation must be {' or '.join(_TURN_DAYS)}, not {str(rotation)[:40]}")
    if not isinstance(every, int) or isinstance(every, bool) or not 1 <= every <= 366:
        raise Misconfigured(f"{what}: every must be a number of days or weeks, 1 to 366")
    return Layer(
        name=name, users=tuple(people), start=_date(given, what), handover=_time(given, "handover", "09:00", what),
        turn_days=_TURN_DAYS[rotation] * every, hours=tuple(_hours(each, what) for each in given.get("hours", [])),
    )  # fmt: skip


def _hours(given: Mapping[str, Any], what: str) -> Hours:
    only(given, {"days", "from", "to"}, f"{what}: hours")
    days = given.get("days", list(_WEEKDAYS))
    if not isinstance(days, list) or not days or not set(days) <= set(_WEEKDAYS):
        raise Misconfigured(f"{what}: hours: days must be a list of {', '.join(_WEEKDAYS)}")
    begin, end = (_time(given, key, "00:00", f"{what}: hours") for key in ("from", "to"))
    return Hours(weekdays=frozenset(_WEEKDAYS.index(day) for day in days), begin=begin, end=end)


def _override(given: Mapping[str, Any], schedule: str, zone: ZoneInfo, users: Collection[str]) -> Override:
    what = f"schedule {schedule}: override"
    only(given, {"user", "from", "to"}, what)
    user = given.get("user", "")
    if user not in users:
        raise Misconfigured(
            f"{what}: there is no user {str(user)[:60]}; users are {', '.join(sorted(users)) or 'none'}"
        )
    start_ns, end_ns = (_instant(given.get(key), zone, f"{what}: {key}") for key in ("from", "to"))
    if end_ns <= start_ns:
        raise Misconfigured(f"{what} of {user}: it must end after it begins")
    return Override(schedule=schedule, user=user, start_ns=start_ns, end_ns=end_ns)


def _zone(given: object, what: str) -> ZoneInfo:
    try:
        return ZoneInfo(str(given))
    except (ZoneInfoNotFoundError, ValueError, OSError) as exc:
        raise Misconfigured(
            f"{what}: there is no time zone {str(given)[:60]} here; names are such as Europe/Berlin, and the system's "
            "package tzdata has them"
        ) from exc


def _date(given: Mapping[str, Any], what: str) -> date:
    found = given.get("start")
    if isinstance(found, date) and not isinstance(found, datetime):
        return found
    try:
        return date.fromisoformat(str(found))
    except ValueError:
        raise Misconfigured(
            f"{what}: start must be the date of the first turn, such as 2026-11-23 (weekly turns begin on its weekday)"
        ) from None


def _time(given: Mapping[str, Any], key: str, default: str, what: str) -> time:
    found = given.get(key, default)
    if isinstance(found, time):
        return found
    try:
        return time.fromisoformat(str(found)).replace(tzinfo=None)
    except ValueError:
        raise Misconfigured(f"{what}: {key} must be a time of day such as 09:00, not {str(found)[:40]}") from None


def _instant(given: object, zone: ZoneInfo, what: str) -> int:
    """By the schedule's time zone where none is given."""
    try:
        moment = given if isinstance(given, datetime) else datetime.fromisoformat(str(given))
    except ValueError:
        raise Misconfigured(f"{what} must be a moment such as 2026-12-24T09:00:00, not {str(given)[:40]}") from None
    return _since_epoch_ns(moment if moment.tzinfo else moment.replace(tzinfo=zone))


def override_moment(text: str, schedule: Schedule, now_ns: int) -> int:
    """A moment as people write it, by the schedule's time zone where it names none. Raises InvalidInput."""
    text = text.strip()
    try:
        moment = datetime.fromisoformat(text if text[4:5] == "-" else "")
    except ValueError:
        return parse_time(text, now_ns=now_ns)
    return _since_epoch_ns(moment if moment.tzinfo else moment.replace(tzinfo=schedule.zone))


def _moment_ns(day: date, at: time, zone: ZoneInfo) -> int:
    return _since_epoch_ns(datetime.combine(day, at, zone))


def _since_epoch_ns(moment: datetime) -> int:
    since = moment.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * 10**9 + since.microseconds * 1_000


def _local_date(at_ns: int, zone: ZoneInfo) -> date:
    return datetime.fromtimestamp(at_ns // 10**9, zone).date()

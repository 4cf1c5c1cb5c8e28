"""Moments as Elasticsearch writes them: formats, date math (`now-1d/d`, `2026-11-22||+1M/d`) and time zones.

A moment counts in whole milliseconds, as the type `date` does.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from heimdall.query.languages.esdsl.faults import Fault, illegal
from heimdall.query.languages.esdsl.values import text as checked_text

MS_NS = 1_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_STEP = re.compile(r"([+-])(\d*)([yMwdhHms])|/([yMwdhHms])")
_OFFSET = re.compile(r"([+-])(\d\d):?(\d\d)?")
_ISO = re.compile(
    r"(\d{4})(?:-(\d\d?)(?:-(\d\d?)(?:[T ](?:(\d\d?)(?::(\d\d?)(?::(\d\d?)(?:[.,](\d{1,9}))?)?)?)?)?)?)?"
    r"(Z|[+-]\d\d(?::?\d\d)?)?"
)
_TOKEN = re.compile(r"y+|u+|M+|d+|H+|h+|m+|s+|S+|a|X+|x+|Z+|'[^']*'|.")
_LONGEST = 200
LARGEST_MS = 9_223_372_036_854
"""Year 2262, the last that 64 bits of nanoseconds hold."""


def zone_of(text: str | None) -> tzinfo:
    if text is None:
        return UTC
    text = checked_text("time_zone", text)
    if text.upper() in ("UTC", "Z", "GMT"):
        return UTC
    if match := _OFFSET.fullmatch(text):
        minutes = int(match[2]) * 60 + int(match[3] or 0)
        return timezone(timedelta(minutes=-minutes if match[1] == "-" else minutes))
    try:
        return ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise illegal(f"Unknown time-zone ID: {text[:60]}") from None


def offset_ns(zone: tzinfo, at_ns: int) -> int:
    """How far a zone's clocks are ahead of UTC at a moment."""
    moment = datetime.fromtimestamp(at_ns // 10**9, UTC).astimezone(zone)
    return int((moment.utcoffset() or timedelta()).total_seconds()) * 10**9


def is_fixed(zone: tzinfo) -> bool:
    return not isinstance(zone, ZoneInfo)


def parse_ms(value: object, *, now_ns: int, up: bool = False, formats: str | None = None, zone: tzinfo = UTC) -> int:
    """Milliseconds since 1970. `up`: what is not said is as late as it can be, and rounding goes to the end.

    Raises:
        Fault: it is no moment in any of the formats.
    """
    if isinstance(value, bool) or value is None:
        raise _unparsable(value, formats)
    if formats is not None:
        formats = checked_text("format", formats)
    if isinstance(value, int | float):
        if not -1e18 < value < 1e18:
            raise _unparsable(value, formats)
        seconds = formats is not None and formats.split("||")[0] == "epoch_second"
        return _bounded(int(value * 1000 if seconds else value))
    text = str(value)
    if len(text) > _LONGEST:
        raise _unparsable(text[:40], formats)
    if text.startswith("now"):
        return _calculated(_EPOCH + timedelta(milliseconds=now_ns // MS_NS), text[3:], up, zone, text)
    moment, bar, steps = text.partition("||")
    rounded = up and not bar
    for name in (formats or "strict_date_optional_time||epoch_millis").split("||"):
        found = _in_format(moment, name, rounded, zone)
        if found is not None:
            return _calculated(found, steps, up, zone, text) if bar else _ms(found)
    raise _unparsable(text, formats)


def format_ms(ms: int, pattern: str | None, zone: tzinfo = UTC) -> str:
    """A moment in the first of the formats."""
    name = checked_text("format", pattern or "strict_date_optional_time").split("||")[0]
    if name == "epoch_millis":
        return str(ms)
    if name == "epoch_second":
        return str(ms // 1000)
    local = (_EPOCH + timedelta(milliseconds=ms)).astimezone(zone)
    if name.removeprefix("strict_") in ("date_optional_time", "date_time", "date_optional_time_nanos"):
        return f"{local:%Y-%m-%dT%H:%M:%S}.{local.microsecond // 1000:03d}{_shown_offset(local)}"
    if name.removeprefix("strict_") in _NAMED:
        name = _NAMED[name.removeprefix("strict_")]
    return "".join(_shown(token, local) for token in _TOKEN.findall(name))


_NAMED = {
    "date": "yyyy-MM-dd",
    "basic_date": "yyyyMMdd",
    "year": "yyyy",
    "year_month": "yyyy-MM",
    "year_month_day": "yyyy-MM-dd",
    "date_hour_minute_second": "yyyy-MM-dd'T'HH:mm:ss",
    "date_hour_minute_second_millis": "yyyy-MM-dd'T'HH:mm:ss.SSS",
    "hour_minute_second": "HH:mm:ss",
    "hour_minute": "HH:mm",
}


def _in_format(text: str, name: str, up: bool, zone: tzinfo) -> datetime | None:
    if name in ("epoch_millis", "epoch_second"):
        if not re.fullmatch(r"-?\d{1,16}(\.\d{1,9})?", text):
            return None
        return _EPOCH + timedelta(milliseconds=_bounded(int(float(text) * (1 if name == "epoch_millis" else 1000))))
    if name.removeprefix("strict_") in ("date_optional_time", "date_time", "date_optional_time_nanos"):
        match = _ISO.fullmatch(text)
        return None if match is None else _moment(list(match.groups()[:7]), match[8], up, zone)
    return _by_pattern(text, _NAMED.get(name.removeprefix("strict_"), name), up, zone)


def _by_pattern(text: str, pattern: str, up: bool, zone: tzinfo) -> datetime | None:
    expression, places = "", []
    for token in _TOKEN.findall(pattern):
        place = "yuMdHmsS".find(token[0])
        if place >= 0:
            expression += rf"(\d{{{len(token)}}})" if len(token) > 1 else r"(\d{1,2})"
            places.append(max(0, place - 1))
        elif token[0] in "XxZ":
            expression += r"(Z|[+-]\d\d(?::?\d\d)?)"
            places.append(7)
        else:
            expression += re.escape(token[1:-1] if token[0] == "'" else token)
    match = re.fullmatch(expression, text)  # built of digits and escaped text alone: linear
    if match is None:
        return None
    parts: list[str | None] = [None] * 8
    for place, part in zip(places, match.groups(), strict=True):
        parts[place] = part
    return _moment(parts[:7], parts[7], up, zone)


def _moment(parts: list[str | None], offset: str | None, up: bool, zone: tzinfo) -> datetime | None:
    """Year … fraction. Hours and what follows them, when not said, are the first or the last there are."""
    year, month, day = (int(part) if part else default for part, default in zip(parts[:3], (1970, 1, 1), strict=True))
    hour, minute, second = (
        int(part) if part else (late if up else 0) for part, late in zip(parts[3:6], (23, 59, 59), strict=True)
    )
    fraction = parts[6].ljust(6, "0")[:6] if parts[6] else ("999999" if up else "0")
    try:
        where = zone if not offset else UTC if offset == "Z" else zone_of(offset)
        return datetime(year, month, day, hour, minute, second, int(fraction), tzinfo=where)
    except ValueError:
        return None


def _calculated(moment: datetime, steps: str, up: bool, zone: tzinfo, text: str) -> int:
    local = moment.astimezone(zone)
    place = 0
    while place < len(steps):
        match = _STEP.match(steps, place)
        if match is None:
            raise _unparsable(text, None)
        place = match.end()
        try:
            if match[4]:
                local = _rounded(local, match[4], up)
            else:
                local = _moved(local, int(match[2] or 1) * (1 if match[1] == "+" else -1), match[3])
        except (ValueError, OverflowError):
            raise _unparsable(text, None) from None
    return _ms(local)


def _rounded(moment: datetime, unit: str, up: bool) -> datetime:
    start = floor(moment, _CALENDAR[unit])
    return _moved(start, 1, unit) - timedelta(milliseconds=1) if up else start


_CALENDAR = {"y": "year", "M": "month", "w": "week", "d": "day", "h": "hour", "H": "hour", "m": "minute", "s": "second"}


def floor(moment: datetime, unit: str) -> datetime:
    """Start of the calendar unit a moment lies in, by its own zone's clocks."""
    day = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    floors: dict[str, Callable[[], datetime]] = {
        "second": lambda: moment.replace(microsecond=0),
        "minute": lambda: moment.replace(second=0, microsecond=0),
        "hour": lambda: moment.replace(minute=0, second=0, microsecond=0),
        "day": lambda: day,
        "week": lambda: day - timedelta(days=day.weekday()),
        "month": lambda: day.replace(day=1),
        "quarter": lambda: day.replace(month=(day.month - 1) // 3 * 3 + 1, day=1),
        "year": lambda: day.replace(month=1, day=1),
    }
    return floors[unit]()


def following(moment: datetime, unit: str) -> datetime:
    """Start of the next calendar unit."""
    letter = {"week": "w", "day": "d", "month": "M", "year": "y", "hour": "h", "minute": "m", "second": "s"}
    return _moved(moment, 3, "M") if unit == "quarter" else _moved(moment, 1, letter[unit])


def _moved(moment: datetime, by: int, unit: str) -> datetime:
    if unit in "yM":
        months = moment.year * 12 + moment.month - 1 + by * (12 if unit == "y" else 1)
        year, month = divmod(months, 12)
        last = (datetime(year + month // 11, (month + 1) % 12 + 1, 1) - timedelta(days=1)).day  # noqa: DTZ001
        return moment.replace(year=year, month=month + 1, day=min(moment.day, last))
    if unit in "wd":
        return moment + timedelta(days=by * (7 if unit == "w" else 1))
    seconds = {"h": 3600, "H": 3600, "m": 60, "s": 1}[unit]
    zone = moment.tzinfo or UTC
    return (moment.astimezone(UTC) + timedelta(seconds=by * seconds)).astimezone(zone)


def _ms(moment: datetime) -> int:
    since = moment.astimezone(UTC) - _EPOCH
    return _bounded((since.days * 86_400 + since.seconds) * 1000 + since.microseconds // 1000)


def _bounded(ms: int) -> int:
    return max(-LARGEST_MS, min(LARGEST_MS, ms))


def _shown_offset(local: datetime) -> str:
    seconds = int((local.utcoffset() or timedelta()).total_seconds())
    if not seconds:
        return "Z"
    minutes = abs(seconds) // 60
    return f"{'-' if seconds < 0 else '+'}{minutes // 60:02d}:{minutes % 60:02d}"


def _shown(token: str, local: datetime) -> str:
    match token[0]:
        case "y" | "u":
            return f"{local.year % 100:02d}" if len(token) == 2 else f"{local.year:04d}"
        case "S":
            return f"{local.microsecond:06d}".ljust(9, "0")[: len(token)]
        case "X" | "x" | "Z":
            return _shown_offset(local)
        case "'":
            return token[1:-1]
        case "M" | "d" | "H" | "m" | "s":
            parts = {"M": local.month, "d": local.day, "H": local.hour, "m": local.minute, "s": local.second}
            if token[0] == "M" and len(token) > 2:
                return local.strftime("%b" if len(token) == 3 else "%B")
            return str(parts[token[0]]).zfill(len(token))
        case _:
            return token


def _unparsable(value: object, formats: str | None) -> Fault:
    shown = formats or "strict_date_optional_time||epoch_millis"
    reason = f"failed to parse date field [{value}] with format [{shown}]"
    return Fault("parse_exception", reason, of_shards=True)

"""Moments as people and programs write them: RFC 3339, epoch in four units, `now`, `-15m`, `-1h30m`."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone

from heimdall.errors import InvalidInput

MIN_NS, MAX_NS = -(2**63) + 1, 2**63 - 1
"""What 64 bits of nanoseconds hold: 1677-09-21 to 2262-04-11."""

_LENGTH = r"(\d{1,9})(ms|mo|s|m|h|d|w|y)"
_RELATIVE = re.compile(rf"(?:now)?\s*([+-])\s*((?:{_LENGTH}){{1,8}})", re.ASCII)
_RFC3339 = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)(?:[Tt ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9})\d*)?)?\s*([Zz]|[+-]\d\d:?\d\d)?)?",
    re.ASCII,
)
_EPOCH = re.compile(r"[+-]?\d{1,19}(?:\.\d{1,9})?", re.ASCII)
_UNIT_NS = {
    "ms": 10**6,
    "s": 10**9,
    "m": 60 * 10**9,
    "h": 3600 * 10**9,
    "d": 86_400 * 10**9,
    "w": 604_800 * 10**9,
    "mo": 30 * 86_400 * 10**9,
    "y": 365 * 86_400 * 10**9,
}
_EPOCH_UNITS = ((10**11, 10**9), (10**14, 10**6), (10**17, 10**3))
"""(first number that is too large for the unit, ns per unit): seconds reach year 5138, milliseconds likewise, …"""


def parse_time(text: str, *, now_ns: int) -> int:
    """Nanoseconds since 1970 of a moment. Without a zone, UTC is meant; without a time of day, midnight.

    Raises:
        InvalidInput: not a moment, or outside the years 1677 to 2262 that 64-bit nanoseconds hold.
    """
    text = text.strip()
    if text.lower() == "now":
        return now_ns
    if match := _RELATIVE.fullmatch(text.lower()):
        sign = 1 if match[1] == "+" else -1
        length_ns = sum(int(number) * _UNIT_NS[unit] for number, unit in re.findall(_LENGTH, match[2]))
        return min(max(now_ns + sign * length_ns, MIN_NS), MAX_NS)
    if _EPOCH.fullmatch(text):
        return _epoch_ns(text)
    if match := _RFC3339.fullmatch(text):
        return _calendar_ns(match, text)
    raise InvalidInput(
        f"{text[:60]!r} is not a time; use 2026-11-22T10:15:00Z, epoch seconds to nanoseconds, now or -15m"
    )


def format_time(time_ns: int) -> str:
    """RFC 3339 in UTC with nanoseconds."""
    seconds, rest_ns = divmod(time_ns, 10**9)
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{rest_ns:09d}Z"


def _epoch_ns(text: str) -> int:
    whole, _, fraction = text.partition(".")
    number = int(whole)
    unit_ns = next((unit for bound, unit in _EPOCH_UNITS if abs(number) < bound), 1)
    rest_ns = int(fraction.ljust(9, "0")) * unit_ns // 10**9 if fraction else 0
    return _checked(number * unit_ns + (-rest_ns if whole.startswith("-") else rest_ns), text)


def _calendar_ns(match: re.Match[str], text: str) -> int:
    year, month, day, hour, minute, second = (int(part or 0) for part in match.group(1, 2, 3, 4, 5, 6))
    zone = match[8]
    offset = timedelta()
    if zone and zone not in "Zz":
        sign = 1 if zone[0] == "+" else -1
        digits = zone[1:].replace(":", "")
        offset = sign * timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    try:
        leap = second == 60
        moment = datetime(year, month, day, hour, minute, 59 if leap else second, tzinfo=timezone(offset))
    except ValueError as exc:
        raise InvalidInput(f"{text!r} is not a time: {exc}") from exc
    since = moment - datetime(1970, 1, 1, tzinfo=UTC)
    seconds = since.days * 86_400 + since.seconds + (1 if leap else 0)
    return _checked(seconds * 10**9 + int((match[7] or "0").ljust(9, "0")), text)


def _checked(time_ns: int, text: str) -> int:
    if not MIN_NS <= time_ns <= MAX_NS:
        raise InvalidInput(f"{text!r} lies outside the years 1677 to 2262")
    return time_ns

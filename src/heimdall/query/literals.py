"""Numbers, durations and times as people write them in a query."""

from __future__ import annotations

import re

from heimdall.errors import InvalidInput
from heimdall.model.timerange import parse_time

_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_DURATION = re.compile(r"(?:[0-9]+(?:\.[0-9]+)?(?:ns|us|µs|ms|s|m|h|d|w))+")
_DURATION_PART = re.compile(r"([0-9]+)(?:\.([0-9]+))?(ns|us|µs|ms|s|m|h|d|w)")

NS_PER_UNIT: dict[str, int] = {
    "w": 604_800_000_000_000,
    "d": 86_400_000_000_000,
    "h": 3_600_000_000_000,
    "m": 60_000_000_000,
    "s": 1_000_000_000,
    "ms": 1_000_000,
    "us": 1_000,
    "µs": 1_000,
    "ns": 1,
}
NS_PER_MS = 1_000_000
MAX_NS = (1 << 63) - 1


def parse_number(text: str) -> float | None:
    """A finite number, `None` for anything else."""
    if not _NUMBER.fullmatch(text):
        return None
    value = float(text)
    return value if abs(value) < float("inf") else None


def parse_duration(text: str) -> int | None:
    """Nanoseconds of `5m`, `1.5s`, `1h30m`; `None` for anything else or beyond 292 years."""
    if not _DURATION.fullmatch(text):
        return None
    total = 0
    for whole, fraction, unit in _DURATION_PART.findall(text):
        if len(whole) > 19 or len(fraction) > 19:
            return None
        scale = NS_PER_UNIT[unit]
        total += int(whole) * scale
        if fraction:
            total += int(fraction) * scale // 10 ** len(fraction)
    return total if total <= MAX_NS else None


def print_duration(nanoseconds: int) -> str:
    """The shortest single-unit spelling that loses nothing."""
    for unit in ("w", "d", "h", "m", "s", "ms", "us"):
        if nanoseconds and nanoseconds % NS_PER_UNIT[unit] == 0:
            return f"{nanoseconds // NS_PER_UNIT[unit]}{unit}"
    return f"{nanoseconds}ns"


def parse_milliseconds(text: str) -> float | None:
    """A number, or a duration counted in milliseconds."""
    duration = parse_duration(text)
    return duration / NS_PER_MS if duration is not None else parse_number(text)


def parse_instant(text: str, now_ns: int) -> int | None:
    """Nanoseconds since 1970 UTC of a moment as `heimdall.model.timerange` reads it; `None` for anything else."""
    try:
        return parse_time(text, now_ns=now_ns)
    except InvalidInput:
        return None

"""Levels as OpenTelemetry numbers them: 1–4 trace, 5–8 debug, 9–12 info, 13–16 warn, 17–20 error, 21–24 fatal.

Source: OpenTelemetry log data model, "Field: SeverityNumber" and its mapping tables (syslog, log4j, journald, …).
"""

from __future__ import annotations

from enum import StrEnum


class Level(StrEnum):
    UNSET = "unset"
    TRACE = "trace"
    DEBUG = "debug"
    INFO = "info"
    WARN = "warn"
    ERROR = "error"
    FATAL = "fatal"


LEVELS: tuple[Level, ...] = tuple(Level)
"""In rising order; a level's place is `(severity_number + 3) // 4`."""

SEVERITY_BY_NAME: dict[str, int] = {
    "trace": 1, "trc": 1, "finest": 1, "verbose": 1, "silly": 1, "t": 1, "v": 1,
    "trace2": 2, "finer": 2, "trace3": 3, "trace4": 4,
    "debug": 5, "dbg": 5, "debg": 5, "fine": 5, "d": 5, "debug2": 6, "config": 6, "debug3": 7, "debug4": 8,
    "info": 9, "inf": 9, "information": 9, "informational": 9, "i": 9, "log": 9, "ok": 9, "success": 9,
    "info2": 10, "notice": 10, "note": 10, "n": 10, "info3": 11, "info4": 12,
    "warn": 13, "warning": 13, "wrn": 13, "w": 13, "warn2": 14, "warn3": 15, "warn4": 16,
    "error": 17, "err": 17, "eror": 17, "e": 17, "severe": 17, "failure": 17, "error2": 18, "critical": 18,
    "crit": 18, "c": 18, "error3": 19, "alert": 19, "error4": 20,
    "fatal": 21, "ftl": 21, "f": 21, "emergency": 21, "emerg": 21, "panic": 21, "fatal2": 22, "fatal3": 23,
    "fatal4": 24,
}  # fmt: skip
"""Lower-case spellings senders use → OTel severity number."""

SYSLOG_SEVERITY: tuple[int, ...] = (21, 19, 18, 17, 13, 10, 9, 5)
"""RFC 5424 severity 0 (emergency) … 7 (debug) → OTel severity number."""


def level_of(severity_number: int) -> Level:
    """Name of the level a severity number (0..24) belongs to."""
    return LEVELS[(severity_number + 3) // 4]


def severity_range(level: Level) -> tuple[int, int]:
    """First and last severity number of a level, both included."""
    place = LEVELS.index(level)
    return (0, 0) if place == 0 else (place * 4 - 3, place * 4)

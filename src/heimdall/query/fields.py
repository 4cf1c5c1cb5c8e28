"""Field name → what it holds and how each engine reads it.

A name is one of the canonical fields below, or a sender's own: then its value lies in `attributes`, nested by dots
(`attributes.http.status_code` and `{"http.status_code": …}` are the same place). `attributes.NAME` reads a sender's
field that a canonical one hides. A field nobody sent is missing, never an error.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from enum import StrEnum

from heimdall.model.severity import LEVELS, SEVERITY_BY_NAME, Level, level_of
from heimdall.query.literals import parse_instant, parse_milliseconds, parse_number
from heimdall.query.types import Type


class Storage(StrEnum):
    """How a table writes a canonical field, and above all how it writes that it is missing."""

    EMPTY = "empty"
    """Text; missing is `''`."""
    BYTES = "bytes"
    """Fixed bytes, shown as hex; missing is all zeros. An id of another shape lies in `attributes`."""
    NULLABLE = "nullable"
    ALWAYS = "always"
    """Never missing."""
    DERIVED = "derived"
    """Not stored: computed from other columns."""


@dataclass(frozen=True, slots=True)
class Canonical:
    """A field every record can have. `column` is its name in tables and frames; `width` counts bytes of an id."""

    name: str
    type: Type
    storage: Storage
    doc: str
    column: str = ""
    width: int = 0

    @property
    def source(self) -> str:
        return self.column or self.name


_TEXT, _NUMBER, _INTEGER, _TIME = Type.TEXT, Type.NUMBER, Type.INTEGER, Type.TIME

CANONICAL: tuple[Canonical, ...] = (
    Canonical("id", _TEXT, Storage.DERIVED, "UUIDv7 of the record", "position"),
    Canonical("timestamp", _TIME, Storage.ALWAYS, "when it happened, by the sender's clock"),
    Canonical("observed_timestamp", _TIME, Storage.ALWAYS, "when Heimdall first saw it"),
    Canonical("level", Type.LEVEL, Storage.DERIVED, "trace, debug, info, warn, error, fatal, unset", "severity_number"),
    Canonical("severity_number", _INTEGER, Storage.ALWAYS, "OpenTelemetry severity 1..24, 0 when not stated"),
    Canonical("service", _TEXT, Storage.EMPTY, "service that wrote it"),
    Canonical("instance", _TEXT, Storage.EMPTY, "instance, pod or host of the service"),
    Canonical("region", _TEXT, Storage.EMPTY, "region it runs in"),
    Canonical("environment", _TEXT, Storage.EMPTY, "production, staging, …"),
    Canonical("message", _TEXT, Storage.ALWAYS, "the line itself"),
    Canonical("template_id", _INTEGER, Storage.ALWAYS, "template of the message"),
    Canonical("trace_id", _TEXT, Storage.BYTES, "W3C trace id, 32 hex digits", width=16),
    Canonical("span_id", _TEXT, Storage.BYTES, "W3C span id, 16 hex digits", width=8),
    Canonical("parent_span_id", _TEXT, Storage.BYTES, "span id of the caller", width=8),
    Canonical("trace_flags", _INTEGER, Storage.NULLABLE, "W3C trace flags"),
    Canonical("user_id", _TEXT, Storage.EMPTY, "user it was about"),
    Canonical("session_id", _TEXT, Storage.EMPTY, "session of the user"),
    Canonical("request_id", _TEXT, Storage.EMPTY, "request it belongs to"),
    Canonical("customer_id", _TEXT, Storage.EMPTY, "customer it was about"),
    Canonical("duration_ms", _NUMBER, Storage.NULLABLE, "how long it took, in milliseconds"),
    Canonical("cpu_usage", _NUMBER, Storage.NULLABLE, "CPU in use, as the sender measures it"),
    Canonical("memory_usage", _NUMBER, Storage.NULLABLE, "memory in use, as the sender measures it"),
    Canonical("error_rate", _NUMBER, Storage.NULLABLE, "share of failed calls, as the sender measures it"),
    Canonical("retention_policy", _TEXT, Storage.EMPTY, "name of the policy that says how long it is kept"),
    Canonical("anomaly_score", _NUMBER, Storage.NULLABLE, "how odd it was in its service when it came, 0 to 1"),
    Canonical("predicted_category", _TEXT, Storage.EMPTY, "state of its service: normal, degraded or critical"),
)

BY_NAME: dict[str, Canonical] = {field.name: field for field in CANONICAL}

ATTRIBUTES = "attributes"
"""All of a sender's own fields at once: one JSON object."""

RECORD_FIELDS: tuple[str, ...] = (*BY_NAME, ATTRIBUTES)
"""What a whole record consists of, in the order answers list it."""

TIME_COLUMN, POSITION_COLUMN = "_timestamp", "_position"
"""Two more columns of every answer made of records: its order (newest first) and the cursor of the next page."""


def canonical(name: str) -> Canonical | None:
    return BY_NAME.get(name)


def attribute_path(name: str) -> str:
    """Path inside `attributes` of a field that is not canonical."""
    return name.removeprefix("attributes.") if name != "attributes." else name


def field_type(name: str) -> Type:
    """What a field of a record holds."""
    found = canonical(name)
    return found.type if found else Type.ANY


class InvalidValue(ValueError):
    """A value the field can never have."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


def check_value(name: str, value: str) -> None:
    """Refuse a value that could never be found in the field, and say what could.

    Raises:
        InvalidValue: the field is canonical and has another type.
    """
    found = canonical(name)
    if found is None or found.type is Type.TEXT:
        if name == "id" and parse_identity(value) is None:
            raise InvalidValue(f"'{value}' is not an id", "ids look like 0193a1b2-0000-7000-8000-000000000001")
        return
    if found.type is Type.LEVEL and parse_level(value) is None:
        raise InvalidValue(f"'{value}' is not a level", f"levels are {', '.join(LEVELS)}")
    if found.type is Type.TIME and parse_instant(value, 0) is None:
        raise InvalidValue(f"'{value}' is not a time", 'write "2026-11-22T10:15:00Z", an epoch, now or -15m')
    if found.type is Type.NUMBER and parse_milliseconds(value) is None:
        raise InvalidValue(f"{name} holds numbers, '{value}' is none", "write 1.5, or a duration such as 250ms")
    if found.type is Type.INTEGER and parse_number(value) is None:
        raise InvalidValue(f"{name} holds whole numbers, '{value}' is none", "write 17")


def parse_level(value: str) -> int | None:
    """Rank 0 (unset) … 6 (fatal) of a level by any of its usual names."""
    name = value.lower()
    if name == Level.UNSET:
        return 0
    severity = SEVERITY_BY_NAME.get(name)
    return None if severity is None else LEVELS.index(level_of(severity))


def parse_identity(value: str) -> uuid.UUID | None:
    if len(value) not in (32, 36):
        return None
    try:
        return uuid.UUID(value)
    except ValueError:
        return None


def parse_hex(value: str, width: int) -> bytes | None:
    """Bytes of an id of `width` bytes; `None` when the text is of another shape, or all zeros."""
    if len(value) != 2 * width or not value.isascii() or not value.isalnum():
        return None
    try:
        decoded = bytes.fromhex(value)
    except ValueError:
        return None
    return decoded if any(decoded) else None

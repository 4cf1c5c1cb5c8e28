"""What the sender says about its own records, when the usual names would not find it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Hints:
    """Names of the sender's fields (nested ones by dots); None = look among the usual names."""

    time_field: str | None = None
    message_field: str | None = None
    level_field: str | None = None
    service_field: str | None = None


NO_HINTS = Hints()

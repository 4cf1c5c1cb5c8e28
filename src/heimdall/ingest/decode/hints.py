"""What the sender says about its own records, when the usual names would not find it."""

from __future__ import annotations

from dataclasses import dataclass
from zoneinfo import ZoneInfo

from heimdall.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class Hints:
    """Names of the sender's fields (nested ones by dots), several separated by commas: the first that is there counts.
    None = look among the usual names."""

    time_field: str | None = None
    message_field: str | None = None
    level_field: str | None = None
    service_field: str | None = None
    time_zone: str | None = None
    """IANA name for times that state no zone; None = UTC."""

    def __post_init__(self) -> None:
        if self.time_zone is not None and not _is_zone(self.time_zone):
            raise InvalidInput(
                f"time_zone {self.time_zone[:80]!r} is no IANA time zone; write one like Europe/Berlin or UTC"
            )


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (OSError, KeyError, ValueError):
        return False
    return True


NO_HINTS = Hints()

"""Which quarter of an hour of the week a moment is, as people live it: time zone, summer time, holidays as Sundays."""

from __future__ import annotations

from collections.abc import Callable, Container
from dataclasses import dataclass
from datetime import UTC, date, datetime, tzinfo
from zoneinfo import ZoneInfo

from heimdall.errors import Misconfigured, MissingExtra
from heimdall.model.batch import TenantId

QUARTER_S = 900
DAY_QUARTERS = 96
WEEK_QUARTERS = 672
_SUNDAY = 6
_EPOCH = date(1970, 1, 1).toordinal()


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarConfig:
    timezone: str = "UTC"
    """Zone whose days and hours services follow, summer time included: `Europe/Berlin`."""
    holidays: str = ""
    """Country or region whose public holidays are days like Sundays: `DE`, `DE-BY`, `US-CA`. Needs `pip install
    'heimdall-logs[holidays]'`; empty: none."""
    tenants: tuple[str, ...] = ()
    """For single tenants, in place of `holidays`: `shop=DE-BY`, `lab=` for none."""
    days_off: tuple[str, ...] = ()
    """Further days like Sundays, for every tenant: `2026-12-24`."""


class Calendar:
    """One tenant's. Not safe from several threads."""

    def __init__(self, tenant: TenantId, config: CalendarConfig | None = None) -> None:
        """
        Raises:
            Misconfigured: no such time zone, country, region or day.
            MissingExtra: holidays of a country are wanted, and the calendars are not installed.
        """
        config = config or CalendarConfig()
        country = dict(_assignment(entry) for entry in config.tenants).get(tenant, config.holidays)
        self._zone = _zone(config.timezone)
        self._off = frozenset(_day(text) for text in config.days_off)
        self._holidays = _country(country) if country else frozenset[date]()

    def quarter_of(self, time_s: int) -> int:
        """0 (Monday, midnight) to 671 (Sunday, 23:45) for seconds since 1970 UTC; a day off is a Sunday."""
        local = datetime.fromtimestamp(time_s, self._zone)
        return self._weekday(local.date()) * DAY_QUARTERS + local.hour * 4 + local.minute // 15

    def weekday_of(self, day: int) -> int:
        """0 (Monday) to 6 for days since 1970, by the local clock; a day off is a Sunday."""
        return self._weekday(date.fromordinal(_EPOCH + day))

    def offset_s(self, time_s: int) -> int:
        """By how much the local clock is ahead of UTC."""
        offset = datetime.fromtimestamp(time_s, self._zone).utcoffset()
        return 0 if offset is None else round(offset.total_seconds())

    def clock_text(self, time_s: int) -> str:
        """`2026-11-27 02:00 CET`."""
        return datetime.fromtimestamp(time_s, self._zone).strftime("%Y-%m-%d %H:%M %Z")

    def _weekday(self, day: date) -> int:
        return _SUNDAY if day in self._off or day in self._holidays else day.weekday()


def check_calendar(config: CalendarConfig) -> None:
    """
    Raises:
        Misconfigured, MissingExtra: as `Calendar` does, for whichever tenant.
    """
    for tenant in ("", *(_assignment(entry)[0] for entry in config.tenants)):
        Calendar(TenantId(tenant), config)


def _assignment(entry: str) -> tuple[str, str]:
    tenant, equals, country = entry.partition("=")
    if not equals:
        raise Misconfigured(f"detect.watch.calendar.tenants has {entry!r}; write tenant=COUNTRY")
    return tenant, country


def _zone(name: str) -> tzinfo:
    if name == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as exc:  # ZoneInfoNotFoundError is a KeyError
        raise Misconfigured(f"there is no time zone {name!r}; write one as Europe/Berlin") from exc


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as exc:
        raise Misconfigured(f"{text!r} is no day; write one as 2026-12-24") from exc


def _country(code: str) -> Container[date]:
    try:
        import holidays
    except ImportError as exc:
        raise MissingExtra("holidays of a country", "holidays") from exc
    country, _, region = code.partition("-")
    calendar: Callable[..., Container[date]] = holidays.country_holidays
    try:
        return calendar(country, subdiv=region or None)
    except NotImplementedError as exc:
        raise Misconfigured(f"there is no calendar of holidays for {code!r}; write a country as DE or DE-BY") from exc

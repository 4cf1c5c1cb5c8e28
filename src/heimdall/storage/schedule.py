"""How long records stay in which tier: days by default, by tenant, by the record's own `retention_policy`."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from heimdall.errors import Misconfigured
from heimdall.model.batch import TenantId

DAY_NS = 86_400 * 10**9


class Tier(StrEnum):
    """Where records lie, from young to old. `GONE` is no place: what is due there is dropped."""

    HOT = "hot"
    WARM = "warm"
    COLD = "cold"
    GONE = "gone"


ORDER = (Tier.HOT, Tier.WARM, Tier.COLD, Tier.GONE)


@dataclass(frozen=True, slots=True)
class Days:
    """Age in whole days at which a record leaves each tier. A tier whose end is not after the one before is skipped."""

    hot: int = 7
    warm: int = 30
    cold: int = 365
    """0 keeps it in its last tier for ever."""

    def __post_init__(self) -> None:
        if self.hot < 1 or self.warm < 0 or self.cold < 0:
            raise Misconfigured(f"{self.hot}/{self.warm}/{self.cold}: hot days are 1 or more, the others 0 or more")

    def ends(self, tiers: Iterable[Tier]) -> list[tuple[Tier, int | None]]:
        """(tier, age in days at which it ends) for those of `tiers` that are used; None = never."""
        there = set(tiers)
        last = None if self.cold == 0 else self.cold
        found: list[tuple[Tier, int | None]] = []
        begin = 0
        for tier, end in ((Tier.HOT, self.hot), (Tier.WARM, self.warm)):
            if tier in there and end > begin and (last is None or begin < last):
                found.append((tier, end if last is None else min(end, last)))
                begin = end
        if Tier.COLD in there and (last is None or begin < last):
            found.append((Tier.COLD, last))
        elif found:  # the last tier there is keeps them to the end
            found[-1] = (found[-1][0], last)
        return found


class Schedule:
    """Which tier a record belongs in. A policy named by the record goes before its tenant's days."""

    def __init__(
        self,
        default: Days,
        tiers: Iterable[Tier],
        *,
        tenants: Mapping[TenantId, Days] | None = None,
        policies: Mapping[str, Days] | None = None,
    ) -> None:
        self._default = default
        self.tiers = tuple(tier for tier in ORDER if tier in set(tiers))
        self._tenants = dict(tenants or {})
        self._policies = dict(policies or {})

    @property
    def named(self) -> tuple[str, ...]:
        """Policies with days of their own; a record that names another one is kept by its tenant's days."""
        return tuple(sorted(self._policies))

    def days(self, tenant: TenantId, policy: str) -> Days:
        return self._policies.get(policy) or self._tenants.get(tenant) or self._default

    def due(self, tenant: TenantId, policy: str, day: int, now_ns: int) -> Tier:
        """The tier for records whose kept day (see `Selection`) is `day`."""
        for tier, end in self.days(tenant, policy).ends(self.tiers):
            if end is None or not is_over(day, end, now_ns):
                return tier
        return Tier.GONE

    def next_move(self, tenant: TenantId, policy: str, day: int, tier: Tier) -> tuple[int, Tier] | None:
        """(when, where to) records of `tier` go next; None when they stay."""
        ends = self.days(tenant, policy).ends(self.tiers)
        for place, (name, end) in enumerate(ends):
            if ORDER.index(name) < ORDER.index(tier):
                continue
            if end is None:
                return None
            return (day + 1 + end) * DAY_NS, ends[place + 1][0] if place + 1 < len(ends) else Tier.GONE
        return (day + 1) * DAY_NS, Tier.GONE

    def shortest_hot_days(self) -> int:
        """Nothing younger than this many days ever leaves the hot tier."""
        every = (self._default, *self._tenants.values(), *self._policies.values())
        ends = [days.ends(self.tiers)[0][1] for days in every]
        return min((end for end in ends if end is not None), default=2**31)


def is_over(day: int, age_days: int, now_ns: int) -> bool:
    """Whether all of a day lies at least `age_days` whole days back."""
    return day < now_ns // DAY_NS - age_days


def parse_days(entries: Iterable[str], setting: str) -> dict[str, Days]:
    """`name=hot/warm/cold`, days each, as a list in the configuration.

    Raises:
        Misconfigured: with the entry and how one is written.
    """
    found: dict[str, Days] = {}
    for entry in entries:
        name, equals, text = entry.strip().rpartition("=")
        parts = text.split("/")
        if not name or not equals or len(parts) != 3 or not all(part.strip().isdigit() for part in parts):
            raise Misconfigured(f"setting {setting}: {entry!r} is not of the form name=hot/warm/cold, such as {_LIKE}")
        if name in found:
            raise Misconfigured(f"setting {setting}: {name} is there twice")
        try:
            found[name] = Days(*(int(part) for part in parts))
        except Misconfigured as exc:
            raise Misconfigured(f"setting {setting}: {name}: {exc}") from exc
    return found


_LIKE = "audit=7/30/2555"


def nearest(word: str, known: Iterable[str]) -> str:
    """`; did you mean …?` when one of `known` is near."""
    close = difflib.get_close_matches(word, list(known), n=1)
    return f"; did you mean {close[0]}?" if close else ""

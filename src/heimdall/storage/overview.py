"""What lies where, and what moves next: the rows of `heimdall tiers`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from heimdall.model.batch import DEFAULT_TENANT, TenantId
from heimdall.model.timerange import MAX_NS, MIN_NS, format_time
from heimdall.storage.engine import Engine, TierStatistics
from heimdall.storage.mover import Mover
from heimdall.storage.schedule import DAY_NS, Tier
from heimdall.storage.tiered import TieredEngine

Next = tuple[int, Tier, int]
"""When, where to, how many records."""


def overview(engine: Engine, mover: Mover, now_ns: int) -> list[dict[str, Any]]:
    """One row a tier, young to old, as docs/reference/api.md describes it."""
    hot = engine.hot if isinstance(engine, TieredEngine) else engine
    young = hot.statistics()
    following = _next(mover, Tier.HOT, _hot(mover, now_ns)) or _next_of_oldest(mover, young)
    rows = [_row(Tier.HOT, young, 1, following, now_ns)]
    if not isinstance(engine, TieredEngine):
        return rows
    for tier, statistics in engine.unit_statistics().items():
        units = engine.catalogue.units(tier)
        ages = ((unit.tenant, unit.policy, unit.day, unit.rows) for unit in units)
        rows.append(_row(tier, statistics, len(units), _next(mover, tier, ages), now_ns))
    moving = engine.catalogue.moves()
    for row in rows:
        row["moving_in"] = sum(1 for move in moving if move.target.value == row["tier"])
    return rows


def _hot(mover: Mover, now_ns: int) -> list[tuple[TenantId, str, int, int]]:
    """Records that are due at the next midnight at the latest; what is younger is not worth counting."""
    ages = mover.ages(now_ns + DAY_NS)
    return [(age.tenant, age.policy, age.day, age.rows) for age in ages]


def _next_of_oldest(mover: Mover, statistics: TierStatistics) -> Next | None:
    """Of a hot tier in which nothing is due soon: the day of its oldest record, by the default days."""
    if statistics.oldest_ns is None:
        return None
    move = mover.schedule.next_move(DEFAULT_TENANT, "", statistics.oldest_ns // DAY_NS, Tier.HOT)
    return None if move is None else (*move, 0)


def _next(mover: Mover, tier: Tier, ages: Iterable[tuple[TenantId, str, int, int]]) -> Next | None:
    """The earliest move out of a tier, and how many records go with it."""
    found: dict[tuple[int, Tier], int] = {}
    for tenant, policy, day, rows in ages:
        move = mover.schedule.next_move(tenant, policy, day, tier)
        if move is not None:
            found[move] = found.get(move, 0) + rows
    if not found:
        return None
    when_ns, target = min(found)
    return when_ns, target, found[when_ns, target]


def _row(tier: Tier, statistics: TierStatistics, units: int, following: Next | None, now_ns: int) -> dict[str, Any]:
    next_move = None
    if following is not None:
        when_ns, target, records = following
        next_move = {
            "at": format_time(max(MIN_NS, min(when_ns, MAX_NS))),
            "to": target.value,
            "records": records or None,
        }
    return {
        "tier": tier.value,
        "records": statistics.rows,
        "size_bytes": statistics.size_bytes,
        "units": units,
        "oldest": _time(statistics.oldest_ns),
        "newest": _time(statistics.newest_ns),
        "oldest_days": None if statistics.oldest_ns is None else round((now_ns - statistics.oldest_ns) / DAY_NS, 1),
        "next_move": next_move,
        "moving_in": 0,
    }


def _time(time_ns: int | None) -> str | None:
    return None if time_ns is None else format_time(time_ns)

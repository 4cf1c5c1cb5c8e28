from __future__ import annotations

import pytest

from heimdall.errors import Misconfigured
from heimdall.model.batch import DEFAULT_TENANT, TenantId
from heimdall.storage.config import StorageConfig
from heimdall.storage.schedule import DAY_NS, ORDER, Days, Schedule, Tier, parse_days

ALL = ORDER[:3]


@pytest.mark.parametrize(
    ("days", "ends"),
    [
        (Days(), [(Tier.HOT, 7), (Tier.WARM, 30), (Tier.COLD, 365)]),
        (Days(7, 0, 365), [(Tier.HOT, 7), (Tier.COLD, 365)]),
        (Days(7, 30, 0), [(Tier.HOT, 7), (Tier.WARM, 30), (Tier.COLD, None)]),
        (Days(7, 30, 20), [(Tier.HOT, 7), (Tier.WARM, 20)]),
        (Days(7, 30, 5), [(Tier.HOT, 5)]),
    ],
)
def test_each_tier_ends_at_an_age(days: Days, ends: list[tuple[Tier, int | None]]) -> None:
    assert days.ends(ALL) == ends


def test_a_node_with_one_tier_keeps_records_in_it_to_the_end() -> None:
    assert Days().ends([Tier.HOT]) == [(Tier.HOT, 365)]
    assert Days(cold=0).ends([Tier.HOT]) == [(Tier.HOT, None)]


def test_a_policy_goes_before_the_tenant_and_the_tenant_before_the_default() -> None:
    schedule = Schedule(
        Days(), ALL, tenants={TenantId("acme"): Days(14, 60, 730)}, policies={"debug": Days(1, 0, 3)}
    )  # fmt: skip
    now_ns = 100 * DAY_NS
    due = [schedule.due(tenant, policy, 90, now_ns) for tenant, policy in _PAIRS]
    assert due == [Tier.WARM, Tier.HOT, Tier.GONE, Tier.WARM]
    assert schedule.shortest_hot_days() == 1


_PAIRS = [(DEFAULT_TENANT, ""), (TenantId("acme"), ""), (TenantId("acme"), "debug"), (DEFAULT_TENANT, "unknown")]


def test_records_move_when_their_whole_day_is_old_enough() -> None:
    schedule = Schedule(Days(), ALL)
    assert schedule.due(DEFAULT_TENANT, "", 92, 100 * DAY_NS - 1) is Tier.HOT
    assert schedule.due(DEFAULT_TENANT, "", 92, 100 * DAY_NS) is Tier.WARM
    assert schedule.next_move(DEFAULT_TENANT, "", 92, Tier.HOT) == (100 * DAY_NS, Tier.WARM)
    assert schedule.next_move(DEFAULT_TENANT, "", 92, Tier.WARM) == (123 * DAY_NS, Tier.COLD)
    assert schedule.next_move(DEFAULT_TENANT, "", 92, Tier.COLD) == (458 * DAY_NS, Tier.GONE)


@pytest.mark.parametrize(
    ("entries", "told"),
    [
        (["audit"], "name=hot/warm/cold"),
        (["audit=1/2"], "name=hot/warm/cold"),
        (["=1/2/3"], "name=hot/warm/cold"),
        (["a=1/2/x"], "name=hot/warm/cold"),
        (["a=1/2/3", "a=1/2/3"], "twice"),
        (["a=0/2/3"], "hot days are 1 or more"),
    ],
)
def test_a_wrong_entry_is_answered_with_how_one_is_written(entries: list[str], told: str) -> None:
    with pytest.raises(Misconfigured, match=told):
        parse_days(entries, "storage.policies")


def test_days_of_the_configuration_are_checked() -> None:
    with pytest.raises(Misconfigured, match="hot_days"):
        StorageConfig(hot_days=0).schedule()
    assert StorageConfig(url="memory://").schedule().tiers == (Tier.HOT,)

"""Where in time everything happens: six incidents in the last 24 hours, benign events between, then ever new ones."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain

from heimdall.app.demo.chance import generator
from heimdall.app.demo.deploys import Deploy
from heimdall.app.demo.incidents import PLANNERS, Incident
from heimdall.app.demo.rhythm import HOUR_NS, MINUTE_NS, Campaign

_BACKFILL: tuple[tuple[str, float, float], ...] = (
    ("bad_deploy", 5.33, 0.70),
    ("disk_full", 20.0, 7.0),
    ("memory_leak", 10.4, 10.0),
    ("credential_stuffing", 3.2, 0.42),
    ("silent_service", 8.0, 0.8),
    ("pool_exhaustion", 1.15, 0.42),
)
"""Kind, hours before now at which it starts, hours it lasts."""

_LIVE: tuple[tuple[str, float], ...] = (
    ("pool_exhaustion", 11),
    ("bad_deploy", 12),
    ("credential_stuffing", 9),
    ("memory_leak", 18),
    ("silent_service", 8),
    ("disk_full", 16),
)
"""Kind and minutes it lasts, in turn."""

FIRST_LIVE_NS = 4 * MINUTE_NS
"""Soon enough for somebody who has just started the demo and is looking."""
_GAP_MINUTES = (20.0, 40.0)

_BENIGN_DEPLOYS: tuple[tuple[str, str, float], ...] = (
    ("auth", "v3.9.5", 11.0),
    ("web", "v8.32.0", 7.0),
    ("order", "v3.22.1", 3.7),
    ("checkout", "v4.17.3", 1.8),
)
"""Service, version, hours before now. The last one is near the pool exhaustion and has nothing to do with it."""


@dataclass(frozen=True, slots=True)
class Plan:
    seed: int
    origin_ns: int
    """Where the back-fill ends and live begins; a whole minute."""
    incidents: tuple[Incident, ...]
    """In order of their numbers, which are 1, 2, …"""
    benign_deploys: tuple[Deploy, ...]
    campaigns: tuple[Campaign, ...]

    @property
    def deploys(self) -> tuple[Deploy, ...]:
        return (*self.benign_deploys, *chain.from_iterable(incident.deploys for incident in self.incidents))

    def incident(self, number: int) -> Incident:
        return self.incidents[number - 1]


def make_plan(seed: int, origin_ns: int, live_ns: int = 0) -> Plan:
    """The plan around `origin_ns` for `live_ns` after it. A longer one begins with the shorter one."""
    incidents: list[Incident] = []
    for kind, before_h, hours in _BACKFILL:
        number = len(incidents) + 1
        rng = generator(seed, "incident", number)
        incidents.append(PLANNERS[kind](number, origin_ns - _minutes(before_h), _minutes(hours), rng))
    at_ns = origin_ns + FIRST_LIVE_NS
    while at_ns < origin_ns + live_ns:
        number = len(incidents) + 1
        rng = generator(seed, "incident", number)
        kind, minutes = _LIVE[(number - 1) % len(_LIVE)]
        incidents.append(PLANNERS[kind](number, at_ns, int(minutes * MINUTE_NS), rng))
        at_ns += int(rng.uniform(*_GAP_MINUTES) * MINUTE_NS)
    deploys = tuple(
        Deploy(
            service=service, version=version, commit=generator(seed, "deploy", service).bytes(4).hex(),
            at_ns=origin_ns - _minutes(before_h),
        )
        for service, version, before_h in _BENIGN_DEPLOYS
    )  # fmt: skip
    campaign = Campaign("newsletter", origin_ns - 15 * HOUR_NS, origin_ns - 15 * HOUR_NS + 45 * MINUTE_NS, 1.9)
    return Plan(seed, origin_ns, tuple(incidents), deploys, (campaign,))


def _minutes(hours: float) -> int:
    """Hours as nanoseconds, in whole minutes."""
    return round(hours * 60) * MINUTE_NS

"""A tool tries a list of stolen names and passwords from many addresses; few fit, some accounts get locked."""

from __future__ import annotations

import numpy as np

from heimdall.app.demo.effects import Curve, Effect, Outcome, trapezoid
from heimdall.app.demo.incidents.incident import Culprit, Incident
from heimdall.app.demo.traffic import Attack
from heimdall.app.demo.vitals import VitalChange

_AGENTS = ("python-requests/2.32.3", "Go-http-client/2.0", "okhttp/4.12.0")
_NETWORKS = ("203.0.113", "192.0.2")
"""Ranges for documentation (RFC 5737), so that no address is anybody's."""


def plan(number: int, start_ns: int, duration_ns: int, rng: np.random.Generator) -> Incident:
    def at(share: float) -> int:
        return start_ns + int(share * duration_ns)

    end = at(1.0)
    hosts = rng.choice(np.arange(2, 250), size=(len(_NETWORKS), 22), replace=False)
    addresses = tuple(f"{net}.{host}" for net, row in zip(_NETWORKS, hosts, strict=True) for host in sorted(row))
    return Incident(
        number=number,
        kind="credential_stuffing",
        title=f"Stolen passwords are tried from {len(addresses)} addresses",
        root="auth",
        affected=("auth", "web", "gateway"),
        start_ns=start_ns,
        first_symptom_ns=start_ns,
        end_ns=end,
        culprit=Culprit("auth", "wrong password"),
        attacks=(
            Attack(
                incident=number, start_ns=start_ns, end_ns=end, requests_per_s=3.6, addresses=addresses,
                agent=_AGENTS[int(rng.integers(len(_AGENTS)))], hit_share=0.007,
            ),
        ),
        effects=(
            Effect(
                incident=number, service="auth", operation="login", start_ns=start_ns, end_ns=end, hostile=True,
                outcome=Outcome.LOCKED, fail_after_ms=4, rate=Curve(((at(0.1), 0.0), (at(0.5), 0.07))),
            ),
            Effect(
                incident=number, service="gateway", operation="http", start_ns=at(0.6), end_ns=end, hostile=True,
                outcome=Outcome.LIMITED, fail_after_ms=0.4, rate=Curve(((at(0.6), 0.2), (at(0.75), 0.75))),
            ),
        ),
        changes=tuple(
            VitalChange(
                incident=number, service="auth", instance=rank, figure="cpu", start_ns=start_ns, end_ns=end,
                added=trapezoid(start_ns, at(0.05), at(0.7), end, 0.38),
            )
            for rank in range(2)
        ),
    )  # fmt: skip

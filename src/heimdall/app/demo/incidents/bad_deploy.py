"""A new version brings an error nobody has seen before, in one service; it is rolled back later."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from heimdall.app.demo.deploys import STEP_NS, Deploy
from heimdall.app.demo.effects import Curve, Effect, Outcome
from heimdall.app.demo.incidents.incident import Culprit, Incident
from heimdall.app.demo.rhythm import SECOND_NS
from heimdall.app.demo.topology import INSTANCES, SERVICE_NUMBER, SERVICES


@dataclass(frozen=True, slots=True)
class Variant:
    service: str
    operation: str
    minor: str
    """First two parts of the faulty version."""
    message: str
    rate: float
    sku_below: int | None
    affected: tuple[str, ...]


VARIANTS: tuple[Variant, ...] = (
    Variant("catalogue", "get", "v2.14", "no price list for currency CHF", 1.0, 40, ("catalogue", "web", "gateway")),
    Variant("search", "query", "v5.3", "aborted: boost is missing", 0.35, None, ("search", "web", "gateway")),
    Variant("recommendation", "suggest", "v0.38", "ranking failed for", 0.5, None, ("recommendation", "web")),
)


def plan(number: int, start_ns: int, duration_ns: int, rng: np.random.Generator) -> Incident:
    variant = VARIANTS[(number - 1) // 6 % len(VARIANTS)]  # the back-fill has the first
    service = variant.service
    before = SERVICES[SERVICE_NUMBER[service]].version
    version = f"{variant.minor}.{(number - 1) // 18}"
    first_ns = start_ns + 5 * SECOND_NS  # announced before, so that the cause is not older than the incident
    commits = [rng.bytes(4).hex() for _ in range(2)]
    end = start_ns + duration_ns
    back_ns = end - len(INSTANCES[service]) * STEP_NS
    return Incident(
        number=number,
        kind="bad_deploy",
        title=f"{service} {version} brings a new error and is rolled back",
        root=service,
        affected=variant.affected,
        start_ns=start_ns,
        first_symptom_ns=start_ns,
        end_ns=end,
        culprit=Culprit(service, variant.message),
        effects=tuple(
            Effect(
                incident=number, service=service, operation=variant.operation, instance=rank,
                start_ns=first_ns + rank * STEP_NS + 2 * SECOND_NS, end_ns=back_ns + rank * STEP_NS,
                outcome=Outcome.DEFECT, fail_after_ms=3.5, sku_below=variant.sku_below,
                rate=Curve(((start_ns, variant.rate),)),
            )
            for rank in range(len(INSTANCES[service]))
        ),
        deploys=(
            Deploy(service=service, version=version, commit=commits[0], at_ns=first_ns, incident=number),
            Deploy(
                service=service, version=before, commit=commits[1], at_ns=back_ns, incident=number, rollback=True
            ),
        ),
    )  # fmt: skip

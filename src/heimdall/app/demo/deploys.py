"""Roll-outs: which version runs where at which moment, and the lines a change of version leaves."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from heimdall.app.demo.rhythm import SECOND_NS
from heimdall.app.demo.sayings import Saying
from heimdall.app.demo.topology import INSTANCES, SERVICE_NUMBER, SERVICES

STEP_NS = 45 * SECOND_NS
"""From one instance to the next in a rolling deploy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deploy:
    service: str
    version: str
    commit: str
    at_ns: int
    """The first instance changes."""
    incident: int = 0
    """Number of the incident it begins or ends; 0: harmless."""
    rollback: bool = False


def version_of(service: str, deploys: tuple[Deploy, ...]) -> pl.Expr:
    """Version that wrote each line of a block, from its `instance` and `time_ns`."""
    version = pl.lit(SERVICES[SERVICE_NUMBER[service]].version)
    for deploy in sorted(deploys, key=lambda deploy: deploy.at_ns):
        if deploy.service == service:
            changed = pl.col("time_ns") >= deploy.at_ns + pl.col("instance") * STEP_NS
            version = pl.when(changed).then(pl.lit(deploy.version)).otherwise(version)
    return version


def sayings_of(deploy: Deploy) -> list[Saying]:
    """Both sides of a restart: what the node's agent says and what the instance itself says."""
    said: list[Saying] = []
    verb = "rolling back" if deploy.rollback else "rolling out"
    said.append(
        Saying(
            service="kubelet", rank=0, time_ns=deploy.at_ns - 2 * SECOND_NS, level="info",
            logger="kubelet_deployment.go:151",
            message=f"Deployment {deploy.service}: {verb} image {deploy.service}:{deploy.version}",
        )
    )  # fmt: skip
    for instance in INSTANCES[deploy.service]:
        at = deploy.at_ns + instance.rank * STEP_NS
        said += restart(
            deploy.service, instance.rank, at, deploy.version, deploy.commit, blame=deploy.incident, stopping=True
        )
    return said


def restart(
    service: str, rank: int, at_ns: int, version: str, commit: str, *, blame: int = 0, stopping: bool
) -> list[Saying]:
    """An instance that ends (`stopping`: on request) and comes up again at `at_ns`."""
    instance = INSTANCES[service][rank]

    def agent(time_ns: int, logger: str, message: str) -> Saying:
        agent_rank = 2 if instance.region else 0
        return Saying(
            service="kubelet",
            rank=agent_rank,
            time_ns=time_ns,
            level="info",
            logger=logger,
            message=message,
            blame=blame,
        )

    def own(time_ns: int, message: str) -> Saying:
        return Saying(
            service=service, rank=rank, time_ns=time_ns, level="info", logger="main", message=message, blame=blame
        )

    said: list[Saying] = []
    if stopping:
        killing = f"Killing container {service} of pod {instance.name} with a grace period of 30 s"
        said += [
            agent(at_ns - SECOND_NS, "kuberuntime_container.go:809", killing),
            own(at_ns - SECOND_NS + 40_000_000, "received SIGTERM, draining connections"),
        ]
    present = f"Container image {service}:{version} already present on machine"
    started = f"Started container {service} of pod {instance.name}"
    return [
        *said,
        agent(at_ns + 900_000_000, "kuberuntime_image.go:47", present),
        agent(at_ns + 1_400_000_000, "kuberuntime_container.go:252", started),
        own(at_ns + 1_900_000_000, f"starting {service} version {version} commit {commit}"),
        own(at_ns + 4_300_000_000, "listening on port 8080, ready after 2400 ms"),
    ]

"""Whose a service is: who is asked about its alerts. From `[[owner]]` of the alerting file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from heimdall.alerting.alert import Matchers
from heimdall.alerting.keys import name_of, only
from heimdall.errors import Misconfigured

OWNER = "owner"
"""The label of an alert that says whose it is."""


@dataclass(frozen=True, slots=True)
class Owner:
    """A team or a person, and the services that are theirs."""

    name: str
    services: tuple[Matchers, ...]

    def owns(self, service: str) -> bool:
        return any(each.match({"service": service}) for each in self.services)


def owners_of(given: Mapping[str, Any]) -> tuple[Owner, ...]:
    """Raises Misconfigured, InvalidInput."""
    found: list[Owner] = []
    for each in given.get("owner", []):
        only(each, {"name", "services"}, "owner")
        name = name_of(each, "owner", [known.name for known in found])
        services = each.get("services", [])
        if not isinstance(services, list) or not services or not all(services):
            raise Misconfigured(
                f'owner {name}: services must be a list of services, such as ["payment", "/ledger-.*/"]'
            )
        matchers = tuple(Matchers.of({"service": service}, f"owner {name}") for service in services)
        found.append(Owner(name, matchers))
    return tuple(found)


def owner_of(owners: tuple[Owner, ...], service: str) -> str:
    """The first that the service is named by; empty when it is nobody's."""
    return next((owner.name for owner in owners if owner.owns(service)), "")

"""What goes wrong on purpose: one module per kind of incident, each with `plan(number, start_ns, duration_ns, rng)`."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from heimdall.app.demo.incidents import (
    bad_deploy,
    credential_stuffing,
    disk_full,
    memory_leak,
    pool_exhaustion,
    silent_service,
)
from heimdall.app.demo.incidents.incident import Culprit, Incident, Silence

PLANNERS: dict[str, Callable[[int, int, int, np.random.Generator], Incident]] = {
    "pool_exhaustion": pool_exhaustion.plan,
    "bad_deploy": bad_deploy.plan,
    "memory_leak": memory_leak.plan,
    "credential_stuffing": credential_stuffing.plan,
    "disk_full": disk_full.plan,
    "silent_service": silent_service.plan,
}

__all__ = ["PLANNERS", "Culprit", "Incident", "Silence"]

"""A service works on, but its lines stop arriving: its log shipper hangs. Nothing says so."""

from __future__ import annotations

import numpy as np

from heimdall.app.demo.incidents.incident import Incident, Silence

_QUIET = ("shipping", "inventory", "notification")


def plan(number: int, start_ns: int, duration_ns: int, rng: np.random.Generator) -> Incident:
    service = "shipping" if number <= 6 else _QUIET[int(rng.integers(len(_QUIET)))]
    return Incident(
        number=number,
        kind="silent_service",
        title=f"{service} falls silent",
        root=service,
        affected=(service,),
        start_ns=start_ns,
        first_symptom_ns=start_ns,
        end_ns=start_ns + duration_ns,
        culprit=None,
        silences=(Silence(service, start_ns, start_ns + duration_ns),),
    )

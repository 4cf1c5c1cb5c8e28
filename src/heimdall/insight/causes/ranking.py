"""Services ranked by how likely what a window shows began with them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from heimdall.insight.causes.chains import Chains
from heimdall.insight.causes.pairs import Sayings

ERROR, WARN = 17, 13
_WEIGHTS = ((ERROR, 3.0), (WARN, 2.0))
"""By the gravest record of a template; 1 for what is milder."""
_WORTH = 0.01
"""A saying whose own p is below this counts. Not adjusted for their number: that something happened is known, and what
is asked is where. What stands as `p` beside the evidence is adjusted all the same."""
_FADED = 0.7
"""Of a template that comes less often: what stops is more often struck than striking."""
_FIRST_IN_TRACES = 2.0
"""A service that is first to complain in all its traces has its score doubled and more; one that never is, keeps it."""


@dataclass(frozen=True, slots=True)
class Suspect:
    service: str
    score: float
    places: list[int]
    """Its sayings that count, the strongest first; places in `Sayings`."""
    first_ns: int
    """When the first of them set in."""
    first_in_traces: float | None
    """Share of its failing traces in which it complains first; None: no trace tells."""


def weights(found: Sayings) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """What each saying adds to its service's score; 0 where it hardly differs."""
    weight = np.ones(len(found.p))
    for severity, its in reversed(_WEIGHTS):
        weight = np.where(found.severity >= severity, its, weight)
    weight = np.where(found.judged.effect > 0, weight, _FADED)
    return np.where(found.judged.p < _WORTH, weight * np.log1p(found.judged.surprise), 0.0)


def ranked(found: Sayings, chains: Chains) -> list[Suspect]:
    """Suspects, the likeliest first. Records without a service are nobody's."""
    added = weights(found)
    by_service: dict[str, list[int]] = {}
    for place in np.flatnonzero(added > 0).tolist():
        if found.services[place]:
            by_service.setdefault(found.services[place], []).append(place)
    suspects = []
    for service, places in by_service.items():
        places.sort(key=lambda place: -added[place])
        first = chains.first.get(service)
        score = float(added[places].sum()) * (1 + _FIRST_IN_TRACES * (first or 0.0))
        suspects.append(Suspect(service, score, places, min(found.first_ns[place] for place in places), first))
    return sorted(suspects, key=lambda one: (-one.score, one.service))

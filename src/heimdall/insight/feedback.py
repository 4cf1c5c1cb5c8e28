"""What people said of findings, as the detectors use it: at once, and until they say otherwise."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass

from heimdall.insight.finding import FindingKind, Verdict

_STEP = {Verdict.NOISE: 2.0, Verdict.USEFUL: -0.5, Verdict.EXPECTED: 0.0}
"""Evidence by which a verdict moves the bar of its service and kind."""
_LOWEST, _HIGHEST = -1.5, 20.0


@dataclass(frozen=True, slots=True)
class Opinion:
    """One verdict on one finding."""

    tenant: str
    service: str
    kind: FindingKind
    template_id: int
    verdict: Verdict


class Feedback:
    """Safe from several threads: the API adds, the pipeline asks."""

    def __init__(self, opinions: Iterable[Opinion] = ()) -> None:
        self._lock = threading.Lock()
        self._handicaps: dict[tuple[str, str, FindingKind], float] = {}
        self._expected: set[tuple[str, str, FindingKind, int]] = set()
        for opinion in opinions:
            self.add(opinion)

    def add(self, opinion: Opinion) -> None:
        key = (opinion.tenant, opinion.service, opinion.kind)
        with self._lock:
            moved = self._handicaps.get(key, 0.0) + _STEP[opinion.verdict]
            self._handicaps[key] = min(max(moved, _LOWEST), _HIGHEST)
            if opinion.verdict is Verdict.EXPECTED:
                self._expected.add((*key, opinion.template_id))
            elif opinion.verdict is Verdict.USEFUL:
                self._expected.discard((*key, opinion.template_id))

    def handicap(self, tenant: str, service: str, kind: FindingKind, template_id: int) -> float:
        """Evidence a finding needs on top of its bar; infinite for what is expected."""
        key = (tenant, service, kind)
        with self._lock:
            if (*key, template_id) in self._expected:
                return float("inf")
            return self._handicaps.get(key, 0.0)

"""What reading and computing takes: rows, bytes and milliseconds of a statement.

The constants were measured on two cores (`benchmarks/planner.py --calibrate` measures them again). What a machine is
faster or slower by, and what a kind of statement costs beside them, is learnt from finished queries.
"""

from __future__ import annotations

import math
import threading

from heimdall.query.estimate import Estimate
from heimdall.query.planner.work import Work

STATEMENT_MS = 7.0
"""A statement that reads nothing: made, parsed, planned, its rows handed over."""

RANGE_MS = 0.03
"""One more granule: a seek, its marks and a first decompressed block of every column."""

MOST_RANGES = 100
"""Beyond so many granules they lie side by side, and their rows are what costs."""

SHOWN_ROW_MS = 0.012
"""One record of an answer: gathered from its columns and made into what people see."""

GRANULE_ROWS = 8_192

LATE_NS_PER_BYTE = 0.7
"""Of a column from which single records are picked: decompressed, hardly decoded."""

ROLLUP_ROW_NS = 25.0
ROLLUP_ROW_BYTES = 20.0
GROUP_ROW_MS = 0.0015
"""One row of a grouped answer."""

MACHINE_RATE, KIND_RATE = 0.25, 0.15
"""Weight of one finished query in what is learnt about the machine, and about its kind of statement. Larger: one odd
query misleads the next; smaller: a machine that is busy with something else is believed to be so only after dozens."""

MACHINES_LEARNT = math.log(1.5)
"""Factor by which one query may be off before the rest of it is no longer taken for the machine's: a kind that was
priced at a thirtieth of its time would make every other one dear."""

MOST_LEARNT = math.log(8)
"""No more than a factor of 8 either way: a query that waited for a busy disk is no law."""


class CostModel:
    """Safe from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._machine = 0.0
        """Logarithm of the factor every time is off by."""
        self._kinds: dict[str, float] = {}
        """Kind of statement → logarithm of the factor its times are off by beside that."""

    def estimate(self, kind: str, work: Work, rows: float, ranges: float, matched: float, shown: float) -> Estimate:
        """Of one statement that reads `rows` in `ranges` granules; `matched` of them pass, `shown` leave."""
        if work.on_rollup:
            spent_bytes, spent_ns = rows * ROLLUP_ROW_BYTES, rows * ROLLUP_ROW_NS
        else:
            # The columns an answer's records are made of are read last, in whole granules.
            late = min(rows, shown * GRANULE_ROWS) if work.shown_bytes else 0.0
            spent_bytes = rows * work.tested_bytes + matched * work.matched_bytes + late * work.shown_bytes
            spent_ns = rows * work.tested_ns + matched * work.matched_ns + late * LATE_NS_PER_BYTE * work.shown_bytes
            rows += late
        out_ms = shown * (GROUP_ROW_MS if work.grouped else SHOWN_ROW_MS)
        ms = STATEMENT_MS + spent_ns / 1e6 + min(ranges, MOST_RANGES) * RANGE_MS + out_ms
        busy = math.exp(self._machine)
        return Estimate(rows, spent_bytes, ms * busy * math.exp(self._kinds.get(kind, 0.0)), kind, busy)

    def learn(self, kind: str, estimated_ms: float, took_ms: float) -> None:
        if estimated_ms <= 0 or took_ms <= 0:
            return
        off = max(-MOST_LEARNT, min(MOST_LEARNT, math.log(took_ms / estimated_ms)))
        with self._lock:
            machines = max(-MACHINES_LEARNT, min(MACHINES_LEARNT, off))
            self._machine = _bounded(self._machine + MACHINE_RATE * machines)
            self._kinds[kind] = _bounded(self._kinds.get(kind, 0.0) + KIND_RATE * off)


def _bounded(learnt: float) -> float:
    return max(-MOST_LEARNT, min(MOST_LEARNT, learnt))

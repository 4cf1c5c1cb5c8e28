"""A schema change locks the ledger; charges queue for connections, and the shop's till stands still.

postgres waits for locks → payment's pool runs dry → checkout's charges fail or time out → web and gateway answer 5xx;
meanwhile the database runs out of client slots, which the other services that write to it notice.
"""

from __future__ import annotations

import numpy as np

from heimdall.app.demo.effects import Effect, Outcome, trapezoid
from heimdall.app.demo.incidents.incident import Culprit, Incident
from heimdall.app.demo.lines import Draw, Routine
from heimdall.app.demo.rhythm import SECOND_NS
from heimdall.app.demo.sayings import Episode, Saying
from heimdall.app.demo.vitals import VitalChange

LOCK_WAIT = Routine(
    period_s=11, level="info", logger="", ranks=(0,), jitter=0.6,
    message="LOG:  process {pid} still waiting for RowExclusiveLock on relation 16402 of database 16384 after "
    "1000.{ms} ms",
    draws=(Draw("pid", 2_000, 9_000), Draw("ms", 100, 999)),
)  # fmt: skip


def plan(number: int, start_ns: int, duration_ns: int, rng: np.random.Generator) -> Incident:
    def at(share: float) -> int:
        return start_ns + int(share * duration_ns)

    released, end = at(0.86), at(1.0)
    column = ("settlement_id", "fee_class", "dispute_state", "payout_batch")[int(rng.integers(4))]
    effects = (
        Effect(
            incident=number, service="postgres", operation="insert", start_ns=start_ns, end_ns=end,
            slow=trapezoid(start_ns, at(0.15), released, at(0.9), 60, rest=1),
        ),
        Effect(
            incident=number, service="payment", operation="charge", start_ns=at(0.08), end_ns=end,
            outcome=Outcome.POOL, fail_after_ms=8_000, rate=trapezoid(at(0.08), at(0.25), released, at(0.92), 0.68),
            slow=trapezoid(at(0.05), at(0.2), released, at(0.92), 5, rest=1),
        ),
        Effect(
            incident=number, service="postgres", start_ns=at(0.35), end_ns=released, outcome=Outcome.CLIENTS,
            rate=trapezoid(at(0.35), at(0.5), at(0.8), released, 0.14),
        ),
    )  # fmt: skip
    pool = trapezoid(start_ns, at(0.2), released, at(0.95), 1.0)
    changes = (
        *(
            VitalChange(
                incident=number, service="payment", instance=rank, figure="connections", start_ns=start_ns,
                end_ns=end, added=pool,
            )
            for rank in range(3)
        ),
        VitalChange(
            incident=number, service="postgres", instance=0, figure="connections", start_ns=start_ns, end_ns=end,
            added=trapezoid(start_ns, at(0.45), released, at(0.95), 0.8),
        ),
    )  # fmt: skip
    sayings = (
        Saying(
            service="postgres", rank=0, time_ns=start_ns, level="info", logger="", blame=number,
            message=f"LOG:  statement: ALTER TABLE ledger ADD COLUMN {column} bigint NOT NULL DEFAULT 0",
        ),
        Saying(
            service="postgres", rank=0, time_ns=released, level="fatal", logger="", blame=number,
            message="FATAL:  terminating connection due to administrator command",
        ),
    )  # fmt: skip
    return Incident(
        number=number,
        kind="pool_exhaustion",
        title="A lock on the ledger exhausts payment's connection pool",
        root="postgres",
        affected=("postgres", "payment", "checkout", "web", "gateway", "order", "inventory", "catalogue", "auth"),
        start_ns=start_ns,
        first_symptom_ns=start_ns,
        end_ns=end,
        culprit=Culprit("postgres", "ALTER TABLE ledger ADD COLUMN"),
        effects=effects,
        changes=changes,
        sayings=sayings,
        episodes=(Episode("postgres", LOCK_WAIT, start_ns + 4 * SECOND_NS, released, number),),
    )

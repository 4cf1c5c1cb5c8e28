"""A standby that does not fetch keeps the database's journal from being recycled, until its disk is full."""

from __future__ import annotations

import numpy as np

from heimdall.app.demo.effects import Curve, Effect, Outcome
from heimdall.app.demo.incidents.incident import Culprit, Incident
from heimdall.app.demo.lines import Draw, Routine
from heimdall.app.demo.rhythm import MINUTE_NS, SECOND_NS
from heimdall.app.demo.sayings import Episode, Saying
from heimdall.app.demo.vitals import VitalChange

_FULL_NS = 7 * MINUTE_NS
"""How long it stays full before somebody drops the replication slot."""

_WARNING = Routine(
    period_s=120, level="warn", logger="", ranks=(0,), jitter=0.3,
    message="WARNING:  replication slot standby_us is inactive, {files} segments of the journal are kept, disk "
    "{disk_pct}% used",
    draws=(Draw("files", 900, 9_000),),
)  # fmt: skip


def plan(number: int, start_ns: int, duration_ns: int, rng: np.random.Generator) -> Incident:
    end = start_ns + duration_ns
    full = end - min(_FULL_NS, duration_ns // 4)

    def at(share: float) -> int:
        return start_ns + int(share * (full - start_ns))

    sayings = (
        Saying(
            service="postgres", rank=1, time_ns=start_ns, level="fatal", logger="", blame=number,
            message="FATAL:  could not receive data from WAL stream: server closed the connection unexpectedly",
        ),
        Saying(
            service="postgres", rank=0, time_ns=full, level="fatal", logger="", blame=number,
            message=f'PANIC:  could not write to file "pg_wal/xlogtemp.{int(rng.integers(100, 999))}": '
            "No space left on device",
        ),
        Saying(
            service="postgres", rank=0, time_ns=end - 5 * SECOND_NS, level="info", logger="", blame=number,
            message="LOG:  statement: SELECT pg_drop_replication_slot('standby_us')",
        ),
    )  # fmt: skip
    return Incident(
        number=number,
        kind="disk_full",
        title="The database's disk fills up",
        root="postgres",
        affected=("postgres", "payment", "order", "inventory", "shipping", "checkout", "web", "gateway"),
        start_ns=start_ns,
        first_symptom_ns=start_ns,
        end_ns=end,
        culprit=Culprit("postgres", "No space left on device"),
        effects=tuple(
            Effect(
                incident=number, service="postgres", operation=operation, start_ns=full, end_ns=end,
                outcome=Outcome.DISK, fail_after_ms=6, rate=Curve(((full, 0.85), (end, 0.95))),
            )
            for operation in ("insert", "update")
        ),
        changes=(
            VitalChange(
                incident=number, service="postgres", instance=0, figure="disk", start_ns=start_ns, end_ns=end,
                added=Curve(((start_ns, 0.0), (full, 0.47), (end, 0.47))),
            ),
        ),
        sayings=sayings,
        episodes=(Episode("postgres", _WARNING, at(0.6), full, number),),
    )  # fmt: skip

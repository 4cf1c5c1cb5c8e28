"""A whole day of the shop, made once: tests read it and do not change it."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl
import pytest

from heimdall.app.demo.plan import Plan, make_plan
from heimdall.app.demo.rhythm import HOUR_NS
from heimdall.app.demo.shop import STREAMS
from heimdall.app.demo.streams import Tape

ORIGIN_NS = 1_795_340_100_000_000_000
START_NS = ORIGIN_NS - 24 * HOUR_NS


@dataclass(frozen=True, slots=True)
class Day:
    plan: Plan
    tape: Tape
    lines: pl.DataFrame
    """time_ns, stream, line, blame, service, instance."""

    def of(self, service: str) -> pl.DataFrame:
        return self.lines.filter(pl.col("service") == service)


@pytest.fixture(scope="session")
def day() -> Day:
    plan = make_plan(7, ORIGIN_NS)
    tape = Tape(plan, START_NS)
    parts = []
    while tape.written_to_ns < ORIGIN_NS:
        tape.write_to(tape.written_to_ns + 4 * HOUR_NS)
        parts.append(tape.take_to(tape.written_to_ns))
    lines = pl.concat(parts)
    services = pl.Series([instance.service for instance in STREAMS])
    instances = pl.Series([instance.name for instance in STREAMS])
    lines = lines.with_columns(service=services.gather(lines["stream"]), instance=instances.gather(lines["stream"]))
    return Day(plan, tape, lines)

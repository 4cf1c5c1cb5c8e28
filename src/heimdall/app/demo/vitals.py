"""How the instances feel: CPU, memory, disk and collector pauses as functions of time, load and incidents."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl

from heimdall.app.demo.chance import FloatArray, IntArray, unit_hash
from heimdall.app.demo.effects import Curve
from heimdall.app.demo.rhythm import HOUR_NS, SECOND_NS, Campaign, load
from heimdall.app.demo.topology import INSTANCES, SERVICE_NUMBER, SERVICES

DISK_GIB = 480
"""Volume of the database."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VitalChange:
    """What an incident adds to a figure of one instance, as a share of its limit."""

    incident: int
    service: str
    instance: int
    figure: Literal["cpu", "memory", "disk", "connections"]
    start_ns: int
    end_ns: int
    added: Curve


@dataclass(frozen=True, slots=True)
class Vitals:
    seed: int
    campaigns: tuple[Campaign, ...]
    changes: tuple[VitalChange, ...]

    def at(self, service: str, ranks: IntArray, times_ns: IntArray, wanted: AbstractSet[str]) -> pl.DataFrame:
        """Figures of instances at times, one row per pair; only the `wanted` columns are worked out."""
        blame = np.zeros(times_ns.size, np.int64)
        columns: dict[str, pl.Series] = {}
        definition = SERVICES[SERVICE_NUMBER[service]]
        if wanted & {"cpu", "cpu_pct", "load", "threads"}:
            busy = self._load(service, ranks, times_ns)
            cpu = 0.08 + 0.24 * busy + 0.07 * _noise(ranks, times_ns, self.seed + 1)
            cpu = np.clip(cpu + self._added("cpu", service, ranks, times_ns, blame), 0.01, 1.0)
            columns |= {
                "cpu": pl.Series(np.round(cpu, 3)),
                "cpu_pct": pl.Series(np.round(100 * cpu, 1)),
                "load": pl.Series(np.round(busy, 2)),
                "threads": pl.Series((12 + 30 * busy).astype(np.int64)),
            }
        if wanted & {"mem", "mem_mib", "mem_pct", "gc_ms", "heap_before_mib", "limit_mib"}:
            saw = _sawtooth(ranks, times_ns, definition.memory_share)
            added = self._added("memory", service, ranks, times_ns, blame)
            memory = np.clip(definition.memory_share + saw + added, 0.02, 0.995)
            pressed = np.maximum(memory - 0.72, 0) / 0.28  # the collector works harder the less there is to find
            pause = (8 + 14 * _noise(ranks, times_ns, self.seed + 3)) * (1 + 30 * pressed**2)
            columns |= {
                "mem": pl.Series(np.round(memory, 4)),
                "mem_pct": pl.Series(np.round(100 * memory, 1)),
                "mem_mib": pl.Series((memory * definition.memory_mib).astype(np.int64)),
                "limit_mib": pl.Series(np.full(times_ns.size, definition.memory_mib)),
                "heap_before_mib": pl.Series(
                    (np.minimum(memory + 0.12 * (1 - pressed), 0.999) * definition.memory_mib).astype(np.int64)
                ),
                "gc_ms": pl.Series(np.round(pause, 3)),
            }
        if wanted & {"disk_pct", "disk_free_gib"}:
            growth = 0.012 * ((times_ns % (24 * HOUR_NS)) / (24 * HOUR_NS))  # vacuum takes it back at midnight
            disk = np.clip(0.54 + growth + self._added("disk", service, ranks, times_ns, blame), 0, 0.9999)
            columns |= {
                "disk_pct": pl.Series(np.round(100 * disk, 2)),
                "disk_free_gib": pl.Series(np.round(DISK_GIB * (1 - disk), 1)),
            }
        if wanted & {"connections", "waiting", "pool_active", "pool_idle"}:
            busy = self._load(service, ranks, times_ns)
            added = self._added("connections", service, ranks, times_ns, blame)
            used = 0.16 + 0.09 * busy + 0.06 * _noise(ranks, times_ns, self.seed + 4) + added
            active = np.minimum((used * 20).astype(np.int64), 20)
            columns |= {
                "connections": pl.Series(np.minimum((used * 200).astype(np.int64), 200)),
                "pool_active": pl.Series(active),
                "pool_idle": pl.Series(20 - active),
                "waiting": pl.Series(np.maximum((used - 1) * 60, 0).astype(np.int64)),
            }
        columns["blame"] = pl.Series(blame)
        return pl.DataFrame(columns)

    def _load(self, service: str, ranks: IntArray, times_ns: IntArray) -> FloatArray:
        regions = np.array([instance.region for instance in INSTANCES[service]])[ranks]
        european = load(times_ns, 0, self.seed, self.campaigns)
        american = load(times_ns, 1, self.seed, self.campaigns)
        return np.where(regions == 0, european, american)

    def _added(self, figure: str, service: str, ranks: IntArray, times_ns: IntArray, blame: IntArray) -> FloatArray:
        """Sum of what incidents add; marks in `blame` the rows where one adds more than a tenth of the limit."""
        total = np.zeros(times_ns.size)
        for change in self.changes:
            if (change.figure, change.service) != (figure, service):
                continue
            concerned = (ranks == change.instance) & (times_ns >= change.start_ns) & (times_ns < change.end_ns)
            if concerned.any():
                added = np.where(concerned, change.added.at(times_ns), 0.0)
                total += added
                blame[added > 0.1] = change.incident
        return total


def _noise(ranks: IntArray, times_ns: IntArray, salt: int) -> FloatArray:
    return unit_hash(times_ns // SECOND_NS * 64 + ranks, salt)


def _sawtooth(ranks: IntArray, times_ns: IntArray, share: float) -> FloatArray:
    """Caches that fill and are emptied: a benign rise of a few percent over about two hours."""
    period_ns = 2 * HOUR_NS
    phase = unit_hash(ranks, 21)
    return 0.16 * share * (((times_ns / period_ns) + phase) % 1.0 - 0.5)

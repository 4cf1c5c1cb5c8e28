"""What an engine knows about its records without reading them: the numbers a planner estimates with."""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from sqlglot import exp

from heimdall.model.batch import TenantId

HOUR_NS = 3_600 * 10**9


@dataclass(frozen=True, slots=True)
class Kind:
    """Records of one tenant, level and service."""

    severity_number: int
    service: str
    rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """One engine, as it was a moment ago. Everything here is an estimate once records come or go."""

    rows: int = 0
    row_bytes: Mapping[str, float] = field(default_factory=dict)
    """Column → uncompressed bytes a record has in it, on average."""
    hours: Mapping[TenantId, Mapping[int, int]] = field(default_factory=dict)
    """Records by hour since 1970, of every tenant."""
    kinds: Mapping[TenantId, tuple[Kind, ...]] = field(default_factory=dict)
    words: Mapping[str, int] = field(default_factory=dict)
    """The most frequent words of messages → records that have them, of all tenants together."""
    rarest: int = 0
    """Records that a word which is none of `words` is in at most."""
    distinct: Mapping[str, float] = field(default_factory=dict)
    """Column of ids → different values there are, judged by a sample."""

    _sums: dict[TenantId, _Sums] = field(default_factory=dict, init=False, repr=False, compare=False)

    def rows_of(self, tenant: TenantId) -> int:
        return self._summed(tenant).total

    def rows_between(self, tenant: TenantId, start_ns: int | None, end_ns: int | None) -> float:
        """Records in [start_ns, end_ns); those of an hour that is cut are taken to be spread evenly."""
        sums = self._summed(tenant)
        after = sums.total if end_ns is None else sums.before(end_ns)
        return max(0.0, after - (0.0 if start_ns is None else sums.before(start_ns)))

    def _summed(self, tenant: TenantId) -> _Sums:
        if (known := self._sums.get(tenant)) is None:
            known = self._sums[tenant] = _Sums.of(self.hours.get(tenant, {}))
        return known


@dataclass(frozen=True, slots=True)
class _Sums:
    """Records before each hour: a year has nine thousand, and a plan asks for a dozen ranges."""

    hours: Sequence[int]
    """Ascending."""
    earlier: Sequence[int]
    """Records of all hours before each, and of all at the end."""

    @classmethod
    def of(cls, hours: Mapping[int, int]) -> _Sums:
        ordered = sorted(hours)
        return cls(ordered, [0, *itertools.accumulate(hours[hour] for hour in ordered)])

    @property
    def total(self) -> int:
        return self.earlier[-1]

    def before(self, moment_ns: int) -> float:
        hour, into_ns = divmod(moment_ns, HOUR_NS)
        place = bisect.bisect_left(self.hours, hour)
        whole = self.earlier[place]
        if place == len(self.hours) or self.hours[place] != hour:
            return whole
        return whole + (self.earlier[place + 1] - whole) * into_ns / HOUR_NS


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a statement would read once its indexes have had their say."""

    rows: int
    ranges: int = 0
    """Granules, each a seek of its own at worst."""


@runtime_checkable
class Profiled(Protocol):
    """An engine that can say what lies in it and what a statement would touch."""

    def profile(self) -> Profile:
        """Read from metadata, rollups and indexes; tens of milliseconds, so not before every question."""

    def as_read(self, statement: exp.Query) -> exp.Query:
        """`statement`, which stays the caller's, as nearly all records are read for it: with conditions the indexes
        know, which may be all that is read."""

    def reading(self, statement: exp.Query) -> Reading:
        """Ask the indexes what `statement`, which stays the caller's, would read. Costs what the index part of running
        it costs: a millisecond to some dozens."""

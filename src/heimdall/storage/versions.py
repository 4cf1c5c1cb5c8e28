"""`Versions`: which state the records of a time range are in, cheap enough to ask before every question.

An engine announces each change of its records; the version of a range moves when a change inside it ends. While a
change is under way the range has no version at all, so nothing read meanwhile is taken for a finished state: an answer
kept under a version is the answer for as long as `version` gives that same text.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from heimdall.model.batch import TenantId

BUCKET_NS = 300 * 10**9
"""Precision in time: a change moves the versions of ranges that touch its five minutes, no others. Also the smallest
piece that caches keep. Shorter: more numbers to hold and to look through."""

MOST_BUCKETS = 100_000
"""Buckets with a number of their own, over all tenants (about 15 MB). Beyond, the oldest changes are remembered as one,
which moves some versions without need and never leaves one standing that should move."""

MOST_IN_ONE_CHANGE = 4_096
"""Buckets a change may name; one that is scattered wider counts as a change of the tenant's whole time."""

_FIRST, _LAST = -(2**63) // BUCKET_NS, 2**63 // BUCKET_NS + 1


@dataclass(slots=True, eq=False)
class _Change:
    tenant: TenantId | None
    buckets: frozenset[int] | None
    """None: every bucket before `until`."""
    until: int = _LAST

    def touches(self, tenant: TenantId | None, first: int, last: int) -> bool:
        if self.tenant is not None and tenant is not None and self.tenant != tenant:
            return False
        if self.buckets is None:
            return first < self.until
        return any(first <= bucket < last for bucket in self.buckets)


@dataclass(slots=True)
class _Tenant:
    buckets: dict[int, int] = field(default_factory=dict)
    """Number of the last change of each bucket, the longest unchanged first."""
    floor: int = 0
    """Number that every other bucket has."""


class Versions:
    """Safe from several threads. Holds numbers for this process only: a new one starts with another `epoch`."""

    def __init__(self, epoch: str | None = None) -> None:
        self._epoch = epoch or uuid.uuid4().hex
        self._lock = threading.Lock()
        self._number = 0
        self._floor = 0
        self._past = (_FIRST, 0)
        """(buckets before this one, number): the last change of all tenants' past."""
        self._tenants: dict[TenantId, _Tenant] = {}
        self._held = 0
        self._under_way: list[_Change] = []

    def version(self, tenant: TenantId | None, start_ns: int | None, end_ns: int | None) -> str | None:
        """State of a tenant's records in [start_ns, end_ns), None = no bound; of all tenants' when `tenant` is None.

        None: records of the range are changing right now.
        """
        first = _FIRST if start_ns is None else start_ns // BUCKET_NS
        last = _LAST if end_ns is None else -(-end_ns // BUCKET_NS)
        with self._lock:
            if any(change.touches(tenant, first, last) for change in self._under_way):
                return None
            if tenant is None:
                return f"{self._epoch}.{self._number}"
            return f"{self._epoch}.{self._newest_locked(tenant, first, last)}"

    @contextmanager
    def appending(self, tenant: TenantId, timestamps: pa.ChunkedArray) -> Iterator[None]:
        """Records with these times (ns) are stored by the block, or may be when it fails."""
        numbers = timestamps.cast(pa.int64())
        # Division rounds towards zero: a time before 1970 may lie one bucket lower.
        found = pc.unique(pc.divide(numbers, BUCKET_NS)).to_pylist()
        if len(found) > MOST_IN_ONE_CHANGE:
            change = _Change(tenant, None)
        else:
            lower = [bucket - 1 for bucket in found if bucket <= 0]
            change = _Change(tenant, frozenset([*found, *lower]))
        with self._during(change):
            yield

    @contextmanager
    def changing(self, tenant: TenantId | None, before_ns: int | None = None) -> Iterator[None]:
        """Any record before `before_ns` may change in the block: expiry, a move, a change of the table's shape."""
        until = _LAST if before_ns is None else -(-before_ns // BUCKET_NS)
        with self._during(_Change(tenant, None, until)):
            yield

    @contextmanager
    def _during(self, change: _Change) -> Iterator[None]:
        with self._lock:
            self._under_way.append(change)
        try:
            yield
        finally:
            with self._lock:
                self._under_way.remove(change)
                self._count_locked(change)

    def _count_locked(self, change: _Change) -> None:
        self._number += 1
        if change.tenant is None:
            self._past = (max(self._past[0], change.until), self._number)
            return
        tenant = self._tenants.setdefault(change.tenant, _Tenant())
        if change.buckets is None:
            self._held -= len(tenant.buckets)
            tenant.buckets.clear()
            tenant.floor = self._number
            return
        for bucket in change.buckets:
            if tenant.buckets.pop(bucket, None) is None:
                self._held += 1
            tenant.buckets[bucket] = self._number
        if self._held > MOST_BUCKETS:
            self._fold_locked()

    def _fold_locked(self) -> None:
        """Forget the older half of the tenant that holds most; a tenant that holds few goes whole."""
        most = max(self._tenants.values(), key=lambda tenant: len(tenant.buckets))
        if len(most.buckets) < max(2, MOST_BUCKETS // 1_000):
            self._floor = self._number
            self._tenants.clear()
            self._held = 0
            return
        forgotten = list(most.buckets)[: len(most.buckets) // 2]
        most.floor = max(most.floor, max(most.buckets.pop(bucket) for bucket in forgotten))
        self._held -= len(forgotten)

    def _newest_locked(self, name: TenantId, first: int, last: int) -> int:
        newest = self._floor
        if first < self._past[0]:
            newest = max(newest, self._past[1])
        tenant = self._tenants.get(name)
        if tenant is None:
            return newest
        newest = max(newest, tenant.floor)
        if last - first < len(tenant.buckets):
            return max(newest, max((tenant.buckets.get(bucket, 0) for bucket in range(first, last)), default=0))
        inside = (number for bucket, number in tenant.buckets.items() if first <= bucket < last)
        return max(newest, max(inside, default=0))

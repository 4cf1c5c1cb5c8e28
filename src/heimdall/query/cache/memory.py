"""`MemoryCache`: level 1, in this process, evicted by LRU-K with K = 2 and bounded in bytes.

Source: O'Neil, O'Neil and Weikum, The LRU-K page replacement algorithm for database disk buffering, SIGMOD 1993.
What was asked once goes before what was asked twice, however recently, so a burst of questions nobody repeats does not
displace the dashboards. When an entry goes, its times of use stay for a while (the paper's retained information).
"""

from __future__ import annotations

import heapq
import itertools
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from heimdall.clock import Clock
from heimdall.query.cache.metrics import ENTRIES, EVICTIONS, HITS, MISSES, SIZE
from heimdall.query.cache.port import CacheKey, Entry

CORRELATED_S = 1.0
"""Uses closer together than this are one: a page that asks the same thing twice has not come back to it."""

LARGEST_SHARE = 0.125
"""Of the whole cache that one entry may take."""

OVERHEAD_BYTES = 1_024
"""Counted for each entry beside its buffers: keys, places in the tables below, the objects around a table."""

CHUNK_OVERHEAD_BYTES = 1_024
"""Counted for each column, once a chunk, and twice where it is a dictionary: Arrow's objects for it took 800 to 900 and
1,800 bytes, of a short answer several times what its values do."""

REMEMBERED = 8_192
"""Evicted entries whose times of use are kept, about 2 MB."""


@dataclass(slots=True)
class _Held:
    version: str
    entry: Entry
    size_bytes: int
    last_s: float
    before_s: float
    """Time of the last use but one; minus infinity when there was none."""
    turn: int


class MemoryCache:
    """One version of each plan: a newer one takes the place of the older."""

    def __init__(self, size_bytes: int, clock: Clock) -> None:
        self._bound = size_bytes
        self._clock = clock
        self._lock = threading.Lock()
        self._held: dict[str, _Held] = {}
        self._order: list[tuple[float, float, int, str]] = []
        """A heap of (last use but one, last use, turn, plan); entries of an earlier turn are skipped."""
        self._turns = itertools.count()
        self._past: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._size = 0

    @property
    def size_bytes(self) -> int:
        with self._lock:
            return self._size

    def get(self, keys: Sequence[CacheKey]) -> Mapping[CacheKey, Entry]:
        now_s = self._clock.monotonic()
        found: dict[CacheKey, Entry] = {}
        with self._lock:
            for key in keys:
                held = self._held.get(key.plan)
                if held is not None and held.version == key.version:
                    self._use_locked(key.plan, held, now_s)
                    found[key] = held.entry
        HITS.labels("memory").inc(len(found))
        MISSES.labels("memory").inc(len(keys) - len(found))
        return found

    def put(self, entries: Mapping[CacheKey, Entry]) -> None:
        now_s = self._clock.monotonic()
        for key, entry in entries.items():
            kept = _compact(entry)
            size = kept.size_bytes + _overhead_bytes(kept.table)
            with self._lock:
                self._put_locked(key, kept, size, now_s)
        with self._lock:
            SIZE.set(self._size)
            ENTRIES.set(len(self._held))

    def close(self) -> None:
        with self._lock:
            self._held.clear()
            self._order.clear()
            self._past.clear()
            self._size = 0
            SIZE.set(0)
            ENTRIES.set(0)

    def _put_locked(self, key: CacheKey, entry: Entry, size: int, now_s: float) -> None:
        old = self._held.pop(key.plan, None)
        if old is not None:
            self._size -= old.size_bytes
            uses = (old.last_s, old.before_s)
        else:
            uses = self._past.pop(key.plan, (float("-inf"), float("-inf")))
        if size > self._bound * LARGEST_SHARE:
            return
        self._evict_locked(self._bound - size)
        held = _Held(key.version, entry, size, *uses, turn=0)
        self._held[key.plan] = held
        self._size += size
        self._use_locked(key.plan, held, now_s)

    def _use_locked(self, plan: str, held: _Held, now_s: float) -> None:
        if now_s - held.last_s >= CORRELATED_S:
            held.before_s = held.last_s
        held.last_s = now_s
        held.turn = next(self._turns)
        heapq.heappush(self._order, (held.before_s, held.last_s, held.turn, plan))
        if len(self._order) > 4 * len(self._held) + 64:  # mostly turns that are over
            self._order = [(one.before_s, one.last_s, one.turn, name) for name, one in self._held.items()]
            heapq.heapify(self._order)

    def _evict_locked(self, room: int) -> None:
        while self._size > room:
            _, _, turn, plan = heapq.heappop(self._order)
            held = self._held.get(plan)
            if held is None or held.turn != turn:
                continue
            del self._held[plan]
            self._size -= held.size_bytes
            self._past[plan] = (held.last_s, held.before_s)
            if len(self._past) > REMEMBERED:
                self._past.popitem(last=False)
            EVICTIONS.labels("memory").inc()


def _overhead_bytes(table: pa.Table) -> int:
    chunks = sum(int(column.num_chunks) * (2 if pa.types.is_dictionary(column.type) else 1) for column in table.columns)
    return OVERHEAD_BYTES + CHUNK_OVERHEAD_BYTES * chunks


def _compact(entry: Entry) -> Entry:
    """The entry without buffers it shows only a part of: a page must not keep the whole answer it was cut from."""
    if entry.table.get_total_buffer_size() <= 1.25 * entry.table.nbytes + 4_096:
        return entry
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, entry.table.schema) as writer:
        writer.write_table(entry.table)
    return Entry(pa.ipc.open_stream(sink.getvalue()).read_all(), entry.note, entry.made_at_ns)

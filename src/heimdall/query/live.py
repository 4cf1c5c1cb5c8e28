"""Live tail: every stored batch is matched against the queries people are watching.

The storing thread only hands a batch over; one worker thread filters it, per subscription, into a bounded buffer.
Whoever reads too slowly loses rows, never silently: the buffer then holds a `Gap` with their number and time range,
which can be searched, since what is tailed is already stored.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import polars as pl
import pyarrow as pa
from prometheus_client import Counter, Gauge

from heimdall.errors import InvalidInput, Overloaded
from heimdall.model.batch import LogBatch, TenantId
from heimdall.query.ast import Query
from heimdall.query.frame.evaluation import evaluate

_log = logging.getLogger(__name__)

WATCHERS = Gauge("heimdall_tail_subscriptions", "Open live tails.")
DROPPED = Counter("heimdall_tail_dropped_records", "Records a live tail was too slow to show.", unit="records")

_ROW_WISE_PIPES = frozenset({"where", "fields", "extend", "parse"})
_WAITING_BATCHES = 16
"""Batches between storage and the worker. Beyond it all watchers get a gap: storage never waits for a tail."""
_BUFFERED_ROWS = 5_000
"""Rows waiting for one reader. At 10,000 lines a second this is half a second of a stalled browser."""
_MAX_SUBSCRIPTIONS = 256


@dataclass(frozen=True, slots=True)
class Lines:
    """Matching records, oldest first, with the position of the last."""

    rows: pa.Table
    position: int


@dataclass(frozen=True, slots=True)
class Gap:
    """Records not shown: at least `dropped` of them matched or could have, observed in [start_ns, end_ns]."""

    dropped: int
    start_ns: int
    end_ns: int


class Subscription:
    """One reader's view. `take` and `close` may be called from any thread; `wake` is called when there is news."""

    def __init__(self, query: Query, tenant: TenantId, wake: Callable[[], None]) -> None:
        self.query = query
        self.tenant = tenant
        self._wake = wake
        self._lock = threading.Lock()
        self._events: deque[Lines | Gap] = deque()
        self._buffered_rows = 0
        self.matched = 0
        """Records that matched since the start, shown or not."""

    def take(self) -> list[Lines | Gap]:
        """Everything buffered, in order."""
        with self._lock:
            events = list(self._events)
            self._events.clear()
            self._buffered_rows = 0
        return events

    def offer(self, rows: pa.Table, position: int) -> None:
        self.matched += rows.num_rows
        with self._lock:
            room = _BUFFERED_ROWS - self._buffered_rows
            shown = rows.slice(0, max(room, 0))
            if shown.num_rows:
                self._events.append(Lines(shown, position))
                self._buffered_rows += shown.num_rows
            if shown.num_rows < rows.num_rows:
                times = rows.column("timestamp").slice(shown.num_rows).cast(pa.int64())
                self._add_gap(Gap(len(times), min(times).as_py(), max(times).as_py()))
        self._wake()

    def skip(self, gap: Gap) -> None:
        with self._lock:
            self._add_gap(gap)
        self._wake()

    def _add_gap(self, gap: Gap) -> None:
        DROPPED.inc(gap.dropped)
        last = self._events[-1] if self._events else None
        if isinstance(last, Gap):
            self._events.pop()
            start_ns, end_ns = min(last.start_ns, gap.start_ns), max(last.end_ns, gap.end_ns)
            gap = Gap(last.dropped + gap.dropped, start_ns, end_ns)
        self._events.append(gap)


class LiveTail:
    """All subscriptions of a node. `publish` never blocks."""

    def __init__(self) -> None:
        self._subscriptions: list[Subscription] = []
        self._lock = threading.Lock()
        self._batches: queue.Queue[LogBatch | None] = queue.Queue(maxsize=_WAITING_BATCHES)
        self._worker = threading.Thread(target=self._match, name="live-tail", daemon=True)
        self._worker.start()

    @property
    def is_watched(self) -> bool:
        return bool(self._subscriptions)

    def subscribe(self, query: Query, tenant: TenantId, wake: Callable[[], None]) -> Subscription:
        """Watch records stored from now on.

        Raises:
            InvalidInput: the query has pipes that need more than one record at a time.
            Overloaded: too many tails are open.
        """
        for pipe in query.pipes:
            if pipe.name not in _ROW_WISE_PIPES:
                raise InvalidInput(f"a live tail cannot use the pipe {pipe.name}; leave it out, or use search")
        subscription = Subscription(query, tenant, wake)
        with self._lock:
            if len(self._subscriptions) >= _MAX_SUBSCRIPTIONS:
                raise Overloaded(f"{_MAX_SUBSCRIPTIONS} live tails are open already", retry_after_s=10)
            self._subscriptions.append(subscription)
            WATCHERS.set(len(self._subscriptions))
        return subscription

    def unsubscribe(self, subscription: Subscription) -> None:
        with self._lock:
            if subscription in self._subscriptions:
                self._subscriptions.remove(subscription)
            WATCHERS.set(len(self._subscriptions))

    def publish(self, batch: LogBatch) -> None:
        """Hand over a stored batch."""
        if not self._subscriptions:
            return
        try:
            self._batches.put_nowait(batch)
        except queue.Full:
            self._skip(batch)

    def close(self) -> None:
        self._batches.put(None)
        self._worker.join(timeout=5)

    def _skip(self, batch: LogBatch) -> None:
        gap = _gap_of(batch)
        for subscription in list(self._subscriptions):
            if subscription.tenant == batch.tenant:
                subscription.skip(gap)

    def _match(self) -> None:
        while (batch := self._batches.get()) is not None:
            with self._lock:
                subscriptions = [s for s in self._subscriptions if s.tenant == batch.tenant]
            if not subscriptions:
                continue
            frame = pl.from_arrow(batch.table)
            assert isinstance(frame, pl.DataFrame)
            position = int(frame["position"].max())  # type: ignore[arg-type]
            for subscription in subscriptions:
                try:
                    newest_first = evaluate(subscription.query, frame.lazy()).collect()
                except Exception:
                    # One reader's query must not silence the others; that reader is told what it did not see.
                    _log.exception("a live tail could not match a batch")
                    subscription.skip(_gap_of(batch))
                    continue
                if newest_first.height:
                    subscription.offer(newest_first.reverse().to_arrow(), position)


def _gap_of(batch: LogBatch) -> Gap:
    """The whole batch as a gap."""
    times = pl.Series(values=batch.table.column("timestamp").cast(pa.int64()))
    return Gap(batch.num_rows, int(times.min()), int(times.max()))  # type: ignore[arg-type]

"""Runs statements: admission, deadlines, cancellation and the count of what was read."""

from __future__ import annotations

import itertools
import threading
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

import pyarrow as pa
from prometheus_client import Counter, Gauge
from sqlglot import exp

from heimdall.clock import Clock
from heimdall.errors import InvalidInput, Overloaded, QueryCancelled, TooMuchMemory
from heimdall.query.config import QueryConfig
from heimdall.query.estimate import Estimate
from heimdall.query.request import QueryRequest
from heimdall.query.sketches import ERROR as SKETCH_ERROR
from heimdall.query.sketches import sketched
from heimdall.storage.engine import SqlEngine
from heimdall.storage.tiers import Tiers

RUNNING = Gauge("heimdall_query_running", "Queries being answered.")
REFUSED = Counter("heimdall_query_refused", "Queries refused because too many were waiting.")
SCANNED = Counter("heimdall_query_scanned_records", "Records engines read to answer queries.", unit="records")


@dataclass(slots=True)
class Job:
    """One query while it is answered."""

    query_id: str
    started_s: float
    deadline_s: float
    clock: Clock
    scanned_rows: int = 0
    scanned_bytes: int = 0
    """Uncompressed, as the engine counts them."""
    statements: int = 0
    tiers: set[str] = field(default_factory=set)
    notices: list[str] = field(default_factory=list)
    """Why rows are missing from the answer, a sentence each."""
    engine: SqlEngine | None = None
    """Where a statement is running now."""
    cancelled: bool = False
    fresh: bool = False
    """The caller wants nothing from the cache."""
    known_pieces: int = 0
    """Pieces of time taken from the cache."""
    began_s: float = 0.0
    """When its turn came."""
    memory_bytes: int = 0
    scan_bytes: int = 0
    """What is left of the bytes it may read; 0 = any number."""
    estimate: Estimate | None = None
    """What it was expected to cost."""
    expensive: bool = False
    background: bool = False
    """Nobody waits for it: it is over as soon as somebody asks something."""
    exact: bool = False
    """It may not be estimated."""
    error: float | None = None
    """Relative error its answer may have; None while everything in it is exact."""
    extra: dict[str, object] = field(default_factory=dict)
    """What its answer says beside its rows."""

    @property
    def left_s(self) -> float:
        return self.deadline_s - self.clock.monotonic()

    @property
    def ran_ms(self) -> float:
        """Since its turn came."""
        return (self.clock.monotonic() - self.began_s) * 1e3

    @property
    def took_ms(self) -> float:
        return (self.clock.monotonic() - self.started_s) * 1e3

    def check(self) -> None:
        """
        Raises:
            QueryCancelled: cancelled, or past the deadline.
        """
        if self.cancelled:
            raise QueryCancelled("query was cancelled")
        if self.left_s <= 0:
            raise QueryCancelled("query ran past its time limit; narrow the time range or raise the limit")


class Executor:
    """Safe from several threads; each caller's thread runs its own query."""

    def __init__(self, tiers: Tiers, clock: Clock, config: QueryConfig) -> None:
        self.tiers = tiers
        self._clock = clock
        self._config = config
        self._slots = threading.Semaphore(config.concurrent)
        self._expensive = threading.Semaphore(max(1, config.concurrent // 2))
        self._lock = threading.Lock()
        self._waiting = 0
        self._name = uuid.uuid4().hex[:12]
        self._numbers = itertools.count(1)
        self._jobs: dict[str, list[Job]] = {}

    @contextmanager
    def job(self, request: QueryRequest, estimate: Estimate | None = None) -> Iterator[Job]:
        """Wait for a turn, then hold it for the block. Expensive ones wait for each other first, so that however many
        there are, half of the turns are left to the rest.

        Raises:
            InvalidInput: it would read far more than it may.
            Overloaded: too many queries are waiting already.
            QueryCancelled: the deadline passed, or `cancel` was called, before its turn came.
        """
        started_s = self._clock.monotonic()
        timeout_s = min(request.timeout_s or self._config.timeout_s, self._config.max_timeout_s)
        job = Job(
            request.query_id or f"{self._name}-{next(self._numbers)}", started_s, started_s + timeout_s, self._clock
        )
        job.fresh = request.fresh
        job.exact = request.exact
        job.background = request.background
        job.estimate = estimate
        job.expensive = estimate is not None and estimate.own_ms >= self._config.expensive_ms
        job.memory_bytes = min(request.max_memory_bytes or self._config.memory_bytes, self._config.memory_bytes)
        job.scan_bytes = min(filter(None, (request.max_scan_bytes, self._config.scan_bytes)), default=0)
        _check_budget(job)
        if request.background:
            job.expensive = True  # its statements stand back while others run
        with self._lock:
            if not request.background:
                self._give_way_locked()
            if not request.background and self._waiting >= self._config.queued + self._config.concurrent:
                REFUSED.inc()
                raise Overloaded("too many queries are running; try again in a second", retry_after_s=1.0)
            self._waiting += not request.background
            self._jobs.setdefault(job.query_id, []).append(job)
        RUNNING.inc()
        try:
            with ExitStack() as held:
                for turn in self._turns(job):
                    while not turn.acquire(timeout=0.1):
                        job.check()
                    held.callback(turn.release)
                job.check()
                job.began_s = self._clock.monotonic()
                yield job
        finally:
            RUNNING.dec()
            SCANNED.inc(job.scanned_rows)
            with self._lock:
                self._waiting -= not request.background
                self._jobs[job.query_id].remove(job)
                if not self._jobs[job.query_id]:
                    del self._jobs[job.query_id]

    def _turns(self, job: Job) -> tuple[threading.Semaphore, ...]:
        """What it has to wait for, in order. In the background there is one question at a time, which takes nobody's
        turn."""
        if job.background:
            return ()
        return (self._expensive, self._slots) if job.expensive else (self._slots,)

    def is_quiet(self) -> bool:
        """Whether nobody waits for an answer."""
        with self._lock:
            return self._waiting == 0

    def _give_way_locked(self) -> None:
        """Whatever runs in the background ends with its statement, which stands back until then."""
        for jobs in self._jobs.values():
            for job in jobs:
                job.cancelled = job.cancelled or job.background

    def cancel(self, query_id: str) -> bool:
        """Stop all queries of that name; False when there is none."""
        with self._lock:
            jobs = list(self._jobs.get(query_id, ()))
            for job in jobs:
                job.cancelled = True
        for job in jobs:
            if (engine := job.engine) is not None:
                engine.cancel(query_id)
        return bool(jobs)

    def run(self, job: Job, tier: str, statement: exp.Query, *, estimated: bool = False) -> pa.Table:
        """All rows of a statement on the engine of a tier. With `estimated`, or where the exact answer needs more
        memory than the job has, by sketches; `job.error` says so."""
        sketch: exp.Query | None = None
        if estimated and not job.exact:
            sketch = sketched(statement)
        if sketch is None:
            try:
                return self._run(job, tier, statement)
            except TooMuchMemory:
                if job.exact or (sketch := sketched(statement)) is None:
                    raise
        job.error = SKETCH_ERROR
        return self._run(job, tier, sketch)

    def _run(self, job: Job, tier: str, statement: exp.Query) -> pa.Table:
        engine = self.tiers[tier]
        if not isinstance(engine, SqlEngine):
            raise InvalidInput(f"tier {tier} does not take statements")
        job.check()
        job.engine = engine
        try:
            rows = engine.select(
                statement,
                query_id=job.query_id,
                timeout_s=job.left_s,
                max_memory_bytes=job.memory_bytes,
                max_scan_bytes=max(1, job.scan_bytes - job.scanned_bytes) if job.scan_bytes else 0,
                yields=job.expensive,
            )
            table = pa.Table.from_batches(list(rows), rows.schema)
        finally:
            job.engine = None
        job.check()
        job.scanned_rows += rows.statistics.scanned_rows
        job.scanned_bytes += rows.statistics.scanned_bytes
        job.statements += 1
        job.tiers.update(rows.statistics.tiers or (tier,))
        job.notices += [notice for notice in rows.statistics.notices if notice not in job.notices]
        return table


FAR_MORE = 4.0
"""An estimate beyond its bound by this factor refuses a query unread; below it the engine counts what it reads."""


def _check_budget(job: Job) -> None:
    if job.estimate is not None and job.scan_bytes and job.estimate.bytes > FAR_MORE * job.scan_bytes:
        expected = f"{job.estimate.bytes / 2**20:,.0f} MiB in {job.estimate.ms:,.0f} ms"
        raise InvalidInput(
            f"the query would read about {expected} and may read {job.scan_bytes / 2**20:,.0f} MiB; "
            "narrow its time range or raise the bound"
        )

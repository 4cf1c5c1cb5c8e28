"""The `Engine` port: keeps the batches of one tier and finds them again by time and filter."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import pyarrow as pa
from sqlglot import exp

from heimdall.model.batch import LogBatch, TenantId
from heimdall.storage.rollups import Rollup
from heimdall.storage.selection import Age, Selection


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanRequest:
    """Rows of one tenant in the half-open range [start_ns, end_ns)."""

    tenant: TenantId
    start_ns: int
    end_ns: int
    fields: Sequence[str]
    """Columns to return, in this order: names of LOG_SCHEMA, `position` or `template_id`."""
    batch_rows: int = 65_536
    newest_first: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class TierStatistics:
    rows: int
    size_bytes: int
    """On disk, compressed, indexes included; 0 where nothing is on disk."""
    oldest_ns: int | None
    newest_ns: int | None


class Engine(Protocol):
    """All methods may be called from several threads at once."""

    def append(self, batch: LogBatch) -> None:
        """Make `batch` durable in this tier and visible to scans that start later.

        `batch` carries `position` and `template_id`. Rows need not be sorted. No reference to it is kept.
        A batch whose (tenant, origin) is already stored changes nothing.

        Raises:
            EngineUnavailable: unknown whether it was kept; append the same span again later.
            BatchRefused: nothing was kept; this batch can never be stored here (schema or size).
        """

    def scan(self, request: ScanRequest) -> Iterator[pa.RecordBatch]:
        """Yield matching rows ordered by (timestamp, position), in batches of at most `request.batch_rows` rows.

        Closing the iterator early releases what it holds.
        """

    def statistics(self, tenant: TenantId | None = None) -> TierStatistics:
        """What lies in this tier, from metadata where possible: cheap enough for every `/metrics` read."""

    def version(self, tenant: TenantId | None, start_ns: int | None, end_ns: int | None) -> str | None:
        """State of a tenant's records (None: of all) in [start_ns, end_ns); None as a bound = no bound.

        As long as it gives the same text, every question about the range has the same answer. Each append, expiry or
        move inside the range gives it another, never used before, not even by an earlier process. None: a change is
        under way. Cheap enough to ask before every question; see `heimdall.storage.versions`.
        """

    def ages(self, before_ns: int, last_position: int, named: tuple[str, ...]) -> list[Age]:
        """Records up to a bus position whose own and observed times lie before `before_ns`, counted by tenant, policy,
        kept day and hour. A policy that is none of `named` counts as ''."""

    def count(self, selection: Selection) -> Mapping[int, int]:
        """Records of a selection by observed minute, ns since 1970."""

    def remove(self, selection: Selection) -> None:
        """Drop exactly the records of a selection; those that are gone already are no error."""

    def close(self) -> None:
        """Flush and release files. Called once, last."""


@dataclass(frozen=True, slots=True)
class SelectStatistics:
    """What a statement cost, as the engine itself counted it."""

    scanned_rows: int
    scanned_bytes: int
    elapsed_s: float
    tiers: tuple[str, ...] = ()
    """Tiers that were read; () where the engine is one tier."""
    notices: tuple[str, ...] = ()
    """Why rows are missing, a sentence each; () when none are."""


class Rows(Protocol):
    """Result of a statement: an iterator of record batches; `statistics` is complete once it is exhausted."""

    schema: pa.Schema
    statistics: SelectStatistics

    def __iter__(self) -> Iterator[pa.RecordBatch]: ...


@runtime_checkable
class SqlEngine(Engine, Protocol):
    """An engine that runs a whole query as one statement of ClickHouse's dialect."""

    table: str
    """Name of the table that holds the records; its columns are documented in `storage/engines/clickhouse`."""

    rollups: Sequence[Rollup]
    """Counts a statement gets for little when it groups by their columns and `heimdall.storage.rollups.minute_of`."""

    @property
    def unused(self) -> frozenset[str]:
        """Columns in which no record has a value. One that was built without them and ran while this shrank may lack
        values of records that came meanwhile."""

    def select(
        self,
        statement: exp.Query,
        *,
        query_id: str,
        timeout_s: float,
        max_memory_bytes: int,
        max_scan_bytes: int = 0,
        yields: bool = False,
    ) -> Rows:
        """Run a read-only statement, which is no longer the caller's afterwards.

        `max_scan_bytes`: of the records, uncompressed; 0 = no bound. `yields`: it stands back while others run.

        Raises:
            QueryCancelled: `cancel(query_id)` was called or `timeout_s` is over.
            TooMuchMemory: it needs more than `max_memory_bytes`.
            InvalidInput: the statement asks for something the data cannot give (type clash, bytes).
            EngineUnavailable: the engine did not answer.
        """

    def cancel(self, query_id: str) -> bool:
        """Stop a running statement; False when there is none of that id."""

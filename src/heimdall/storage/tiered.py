"""`TieredEngine`: hot, warm and cold as one engine. What is appended lies in the hot tier; what is asked spans all."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial

import pyarrow as pa
import pyarrow.compute as pc
from sqlglot import exp

from heimdall.errors import EngineUnavailable
from heimdall.model.batch import LogBatch, TenantId
from heimdall.storage.archive import Archive
from heimdall.storage.catalogue import Catalogue, Snapshot, Unit
from heimdall.storage.engine import ScanRequest, TierStatistics
from heimdall.storage.engines.clickhouse import ClickHouseEngine
from heimdall.storage.engines.clickhouse.engine import FetchedRows, scan_statement
from heimdall.storage.engines.clickhouse.gate import Gate
from heimdall.storage.engines.clickhouse.warm import WarmTable
from heimdall.storage.engines.parquet.files import READ_SETTINGS, ColdFiles
from heimdall.storage.profile import HOUR_NS, Profile, Reading
from heimdall.storage.schedule import ORDER, Tier
from heimdall.storage.selection import Age, Selection
from heimdall.storage.spanning import Spanned, span

LATE_WAIT_S = 5.0
"""How long an append of old positions waits for the move in hand. Only replayed dead letters are so old."""


MOST_HOURS_OF_A_UNIT = 10_000
"""A unit is a day of arrival; a record of 1970 in it must not make a planner count hours since then."""


class TieredEngine:
    """A `SqlEngine`. Which units it reads, the catalogue decides, one version a statement."""

    def __init__(
        self,
        hot: ClickHouseEngine,
        catalogue: Catalogue,
        *,
        warm: WarmTable | None = None,
        cold: ColdFiles | None = None,
        archive: Archive | None = None,
    ) -> None:
        self.hot = hot
        self.warm = warm
        self.cold = cold
        self.catalogue = catalogue
        self.archive = archive
        self.table = hot.table
        self.rollups = hot.rollups
        self._indexed = {Tier.HOT: hot.with_indexes}
        if warm is not None:
            self._indexed[Tier.WARM] = warm.wording.indexed
        self.gate = Gate()
        self.moving = threading.Lock()
        """Held by the mover while it copies records of the hot tier, so that none slips in behind the copy."""

    # ------------------------------------------------------------------ appending

    def append(self, batch: LogBatch) -> None:
        with self.gate.shared():  # a move begins behind every append that was let through
            if batch.origin is None or batch.origin.first > self.catalogue.horizon:
                self.hot.append(batch)
                return
        self._append_late(batch)

    def _append_late(self, batch: LogBatch) -> None:
        """Positions that a move may have passed already: store exactly those that lie nowhere."""
        if not self.moving.acquire(timeout=LATE_WAIT_S):
            raise EngineUnavailable("records are being moved to another tier; try again in a minute")
        try:
            if any(move.selection is not None for move in self.catalogue.moves()):
                raise EngineUnavailable("records are being removed from the hot tier; try again in a minute")
            missing = self._nowhere(batch)
            if missing.num_rows:
                self.hot.append(LogBatch(batch.tenant, missing))
        finally:
            self.moving.release()

    def _nowhere(self, batch: LogBatch) -> pa.Table:
        times = pc.min_max(batch.table.column("timestamp").cast(pa.int64())).as_py()
        if times["min"] is None:
            return batch.table
        positions = batch.table.column("position")
        request = ScanRequest(
            tenant=batch.tenant, start_ns=times["min"], end_ns=min(times["max"] + 1, 2**63 - 1), fields=("position",)
        )
        ends = pc.min_max(positions).as_py()
        between = exp.Between(
            this=exp.column("position", table="r"),
            low=exp.Literal.number(ends["min"]),
            high=exp.Literal.number(ends["max"]),
        )
        known = [part.column(0) for part in self._stream(scan_statement(request).where(between), request)]
        if not known:
            return batch.table
        return batch.table.filter(pc.invert(pc.is_in(positions, value_set=pa.chunked_array(known).combine_chunks())))

    # ------------------------------------------------------------------ reading

    @property
    def unused(self) -> frozenset[str]:
        """What comes into any tier came through the hot one."""
        return self.hot.unused

    def scan(self, request: ScanRequest) -> Iterator[pa.RecordBatch]:
        yield from self._stream(scan_statement(request), request)

    def _stream(self, statement: exp.Query, request: ScanRequest) -> Iterator[pa.RecordBatch]:
        with self.catalogue.pin() as snapshot:
            yield from self.hot.stream(self._span(statement, snapshot)[0].statement, request, READ_SETTINGS)

    def select(
        self,
        statement: exp.Query,
        *,
        query_id: str,
        timeout_s: float,
        max_memory_bytes: int,
        max_scan_bytes: int = 0,
        yields: bool = False,
    ) -> FetchedRows:
        with self.catalogue.pin() as snapshot:
            spanned, notices = self._span(statement, snapshot)
            run = partial(
                self.hot.run,
                spanned.statement if spanned.changed else self.hot.with_indexes(statement),
                query_id=query_id,
                timeout_s=timeout_s,
                max_memory_bytes=max_memory_bytes,
                max_scan_bytes=max_scan_bytes,
                yields=yields,
            )
            rows = run(more=READ_SETTINGS) if spanned.changed else run()
        tiers = tuple(tier.value for tier in ORDER if tier in spanned.tiers)
        return replace(rows, statistics=replace(rows.statistics, tiers=tiers, notices=notices))

    def _span(self, statement: exp.Query, snapshot: Snapshot) -> tuple[Spanned, tuple[str, ...]]:
        notices: list[str] = []

        def available(units: Sequence[Unit]) -> list[Unit]:
            if self.archive is None:
                return list(units)
            readable, said = self.archive.readable(units)
            notices.extend(said)
            return readable

        return span(statement, snapshot, self.cold, available, self._indexed), tuple(dict.fromkeys(notices))

    def cancel(self, query_id: str) -> bool:
        return self.hot.cancel(query_id)

    # ------------------------------------------------------------------ what a planner asks

    def profile(self) -> Profile:
        """Of the hot tier, with what the catalogue says about the records of the others: how many, and when."""
        hot = self.hot.profile()
        hours = {tenant: dict(counts) for tenant, counts in hot.hours.items()}
        rows = hot.rows
        for tier in (Tier.WARM, Tier.COLD):
            for unit in self.catalogue.units(tier):
                rows += unit.rows
                _spread(unit, hours.setdefault(unit.tenant, {}))
        return replace(hot, rows=rows, hours=hours)

    def as_read(self, statement: exp.Query) -> exp.Query:
        return self.hot.as_read(statement)

    def reading(self, statement: exp.Query) -> Reading:
        with self.catalogue.pin() as snapshot:
            spanned, _ = self._span(statement, snapshot)
            if not spanned.changed:
                return self.hot.reading(statement)
            found = self.hot.reading_as_is(spanned.statement, READ_SETTINGS)
            # ClickHouse estimates its own tables alone; of a file the catalogue knows the rows.
            files = [unit for unit in spanned.units if unit.tier is Tier.COLD]
            return Reading(rows=found.rows + sum(unit.rows for unit in files), ranges=found.ranges + len(files))

    # ------------------------------------------------------------------ keeping house

    def statistics(self, tenant: TenantId | None = None) -> TierStatistics:
        return merged([self.hot.statistics(tenant), *self.unit_statistics(tenant).values()])

    def unit_statistics(self, tenant: TenantId | None = None) -> dict[Tier, TierStatistics]:
        """What lies in the tiers behind the hot one."""
        found: dict[Tier, TierStatistics] = {}
        for tier, there in ((Tier.WARM, self.warm), (Tier.COLD, self.cold)):
            if there is None:
                continue
            units = [unit for unit in self.catalogue.units(tier) if tenant is None or unit.tenant == tenant]
            found[tier] = TierStatistics(
                rows=sum(unit.rows for unit in units),
                size_bytes=sum(unit.size_bytes for unit in units),
                oldest_ns=min((unit.oldest_ns for unit in units), default=None),
                newest_ns=max((unit.newest_ns for unit in units), default=None),
            )
        return found

    def version(self, tenant: TenantId | None, start_ns: int | None, end_ns: int | None) -> str | None:
        """A move between tiers changes it, though no answer: whatever lies behind the hot tier is in the catalogue."""
        behind = self.catalogue.snapshot.version
        hot = self.hot.version(tenant, start_ns, end_ns)
        return None if hot is None else f"{hot}.{behind}"

    def ages(self, before_ns: int, last_position: int, named: tuple[str, ...]) -> list[Age]:
        return self.hot.ages(before_ns, last_position, named)

    def count(self, selection: Selection) -> Mapping[int, int]:
        return self.hot.count(selection)

    def remove(self, selection: Selection) -> None:
        self.hot.remove(selection)

    def close(self) -> None:
        self.hot.close()
        self.catalogue.close()


def _spread(unit: Unit, hours: dict[int, int]) -> None:
    """Add a unit's records to the hours it covers, evenly."""
    first, last = unit.oldest_ns // HOUR_NS, unit.newest_ns // HOUR_NS
    if last - first > MOST_HOURS_OF_A_UNIT:
        first = last - MOST_HOURS_OF_A_UNIT
    for hour in range(first, last + 1):
        hours[hour] = hours.get(hour, 0) + unit.rows // (last - first + 1)


def merged(parts: Sequence[TierStatistics]) -> TierStatistics:
    """Several tiers as one."""
    return TierStatistics(
        rows=sum(part.rows for part in parts),
        size_bytes=sum(part.size_bytes for part in parts),
        oldest_ns=min((part.oldest_ns for part in parts if part.oldest_ns is not None), default=None),
        newest_ns=max((part.newest_ns for part in parts if part.newest_ns is not None), default=None),
    )

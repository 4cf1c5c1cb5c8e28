"""The ledger: accepted = stored + dead-lettered + expired, per tenant and minute, always.

A record's minute is that of its `observed_timestamp`: the door sets it, storage keeps it, and retention counts by it,
so every entry speaks about the same records. Counts change in the transaction that commits the span they belong to.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import polars as pl
import pyarrow as pa

from heimdall.model.batch import TenantId
from heimdall.pipeline.state import PipelineState

MINUTE_NS = 60_000_000_000


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    tenant: TenantId
    minute_ns: int
    accepted: int
    stored: int
    dead_lettered: int
    expired: int

    @property
    def balanced(self) -> bool:
        """True when no record of this minute is unaccounted for. `stored` counts what storage holds now."""
        return self.accepted == self.stored + self.dead_lettered + self.expired


def count_by_minute(table: pa.Table) -> dict[int, int]:
    """Number of records by observed minute, ns since 1970. Those that lack the time, which no door should let in and no
    engine keeps, count as of 1970: they are on their way to the dead letters, and must not stop the pipeline there."""
    if "observed_timestamp" not in table.column_names:
        return {0: table.num_rows} if table.num_rows else {}
    observed = pl.Series(values=table.column("observed_timestamp").cast(pa.int64())).fill_null(0)
    counts = (observed // MINUTE_NS).value_counts()
    return {int(minute) * MINUTE_NS: int(n) for minute, n in counts.iter_rows()}


class Ledger:
    """Reads and changes the counts kept in `PipelineState`."""

    def __init__(self, state: PipelineState) -> None:
        self._state = state

    def entries(self, start_ns: int | None = None, end_ns: int | None = None) -> list[LedgerEntry]:
        """Entries of the half-open range of minutes, newest first."""
        rows = self._state.rows(
            "SELECT tenant, minute_ns, accepted, stored, dead_lettered, expired FROM ledger"
            " WHERE minute_ns >= ? AND minute_ns < ? ORDER BY minute_ns DESC, tenant",
            (
                -(2**63) if start_ns is None else max(-(2**63), start_ns // MINUTE_NS * MINUTE_NS),
                2**63 - 1 if end_ns is None else end_ns,
            ),
        )
        return [LedgerEntry(TenantId(str(tenant)), *(int(str(n)) for n in counts)) for tenant, *counts in rows]

    def expire(self, key: str, dropped: Mapping[tuple[TenantId, int], int]) -> None:
        """Move records that retention dropped from stored to expired, once for each `key`.

        Storage says it again, with the same key, until it knows that the counts are durable.
        """
        with self._state.transaction() as transaction:
            if not transaction.execute("INSERT OR IGNORE INTO expiry VALUES (?)", (key,)).rowcount:
                return
            for (tenant, minute_ns), count in dropped.items():
                add(transaction, tenant, {minute_ns: count}, expired=1, stored=-1)


def add(
    transaction: sqlite3.Connection,
    tenant: TenantId,
    counts: Mapping[int, int],
    *,
    accepted: int = 0,
    stored: int = 0,
    dead_lettered: int = 0,
    expired: int = 0,
) -> None:
    """Add `counts` (records by minute), multiplied by 1, 0 or -1, to each of the four columns."""
    rows: Iterable[tuple[object, ...]] = (
        (minute, tenant, n * accepted, n * stored, n * dead_lettered, n * expired) for minute, n in counts.items()
    )
    transaction.executemany(
        "INSERT INTO ledger (minute_ns, tenant, accepted, stored, dead_lettered, expired) VALUES (?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (minute_ns, tenant) DO UPDATE SET accepted = accepted + excluded.accepted,"
        " stored = stored + excluded.stored, dead_lettered = dead_lettered + excluded.dead_lettered,"
        " expired = expired + excluded.expired",
        rows,
    )

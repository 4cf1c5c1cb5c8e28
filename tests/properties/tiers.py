"""A node's tiers for tests: opened in a folder, closed, opened again as after a crash."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from heimdall.clock import ManualClock
from heimdall.model.batch import LogBatch, Origin, TenantId
from heimdall.storage import ScanRequest, open_engine
from heimdall.storage.catalogue import Catalogue
from heimdall.storage.config import StorageConfig
from heimdall.storage.engines.clickhouse import ClickHouseEngine
from heimdall.storage.mover import Dropped, Mover
from heimdall.storage.opening import spread_behind
from heimdall.storage.tiered import TieredEngine
from properties.engines import SCHEMA, START_NS, Record

DAY_NS = 86_400 * 10**9
BASE = START_NS // DAY_NS * DAY_NS


class Crash(BaseException):
    """The process ends here: nothing that comes later is done."""


class Node:
    """Tiers, mover and a ledger that forgets nothing. The engine's directory stays open over a `restart`; a real
    process that is killed has a test of its own (tests/e2e/test_tier_kill.py)."""

    def __init__(self, data: Path, config: StorageConfig) -> None:
        self.data = data
        self.config = config
        self.clock = ManualClock(BASE)
        self.settled = 0
        self.taken: dict[str, Mapping[tuple[TenantId, int], int]] = {}
        hot = open_engine(f"clickhouse+embedded://{data}/storage", self.clock)
        assert isinstance(hot, ClickHouseEngine)
        self._hot = hot
        self._open()

    def _open(self) -> None:
        self.catalogue = Catalogue(self.data / "tiers" / "catalogue.db")
        self.engine: TieredEngine = spread_behind(self._hot, self.catalogue, self.config, self.clock, self.data)

    def restart(self) -> None:
        self.catalogue.close()
        self._open()

    def mover(self, on_step: Callable[[str], None] = lambda step: None, move_rows: int = 10**6) -> Mover:
        return Mover(
            self.engine,
            self.catalogue,
            self.config.schedule(),
            self.clock,
            settled=lambda: self.settled,
            on_expired=self._take,
            on_step=on_step,
            move_rows=move_rows,
        )

    def _take(self, key: str, dropped: Dropped) -> None:
        assert self.taken.setdefault(key, dropped) == dropped, "one key, two counts"

    @property
    def expired(self) -> int:
        return sum(sum(counts.values()) for counts in self.taken.values())

    def append(self, tenant: TenantId, records: list[Record], first: int) -> None:
        """As the pipeline does: append, then commit."""
        self.engine.append(as_batch(tenant, records, first))
        self.settled = max(self.settled, first + len(records) - 1)

    def positions(self, tenant: TenantId) -> Counter[int]:
        request = ScanRequest(tenant=tenant, start_ns=-(2**63), end_ns=2**63 - 1, fields=("position",))
        found: Counter[int] = Counter()
        for part in self.engine.scan(request):
            found.update(part.column(0).to_pylist())
        return found

    def where(self) -> dict[str, int]:
        """Records by tier."""
        units = self.engine.unit_statistics()
        return {"hot": self._hot.statistics().rows} | {tier.value: found.rows for tier, found in units.items()}

    def close(self) -> None:
        self.engine.close()


def as_batch(tenant: TenantId, records: list[dict[str, Any]], first: int) -> LogBatch:
    rows = [
        {"severity_number": 0, "template_id": 0, "observed_timestamp": row["timestamp"], "position": first + n, **row}
        for n, row in enumerate(records)
    ]
    table = pa.Table.from_pylist(rows, schema=SCHEMA)
    return LogBatch(tenant, table, Origin(first, first + len(records) - 1))


def configured(base: StorageConfig = StorageConfig(), **changes: Any) -> StorageConfig:  # noqa: B008 - frozen
    return replace(base, **changes)

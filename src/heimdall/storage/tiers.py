"""`Tiers`: the engines of a node by name, newest data first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from heimdall.model.batch import LogBatch, TenantId
from heimdall.storage.engine import Engine, TierStatistics


class Tiers:
    """Ordered from hot to cold. The first tier takes what is appended; queries visit them in this order."""

    def __init__(self, engines: Mapping[str, Engine]) -> None:
        if not engines:
            raise ValueError("a node needs at least one tier")
        self._engines = dict(engines)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._engines)

    @property
    def hot(self) -> Engine:
        return next(iter(self._engines.values()))

    def __getitem__(self, name: str) -> Engine:
        return self._engines[name]

    def __iter__(self) -> Iterator[tuple[str, Engine]]:
        return iter(self._engines.items())

    def append(self, batch: LogBatch) -> None:
        """Keep `batch` in the hot tier; see `Engine.append`."""
        self.hot.append(batch)

    def version(self, tenant: TenantId | None, start_ns: int | None, end_ns: int | None) -> str | None:
        """State of a range in all tiers together; see `Engine.version`. A move between tiers moves it too."""
        found = [engine.version(tenant, start_ns, end_ns) for engine in self._engines.values()]
        return None if None in found else " ".join(map(str, found))

    def statistics(self, tenant: TenantId | None = None) -> dict[str, TierStatistics]:
        return {name: engine.statistics(tenant) for name, engine in self._engines.items()}

    def close(self) -> None:
        for engine in self._engines.values():
            engine.close()

"""The node's own metrics over time: those of `/metrics`, taken at intervals and kept in memory.

Every node has it, few are ever asked: what belongs to PromQL is imported when it is used.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from prometheus_client import CollectorRegistry

from heimdall.clock import Clock
from heimdall.query.logql.series import Labels, labels_from

if TYPE_CHECKING:
    from heimdall.query.promql.source import Metadata, Series, Wanted

INTERVAL_S = 15.0
"""Between two samples, as Prometheus' usual scrape interval."""

SAMPLES = 1_440
"""Samples of a series: 6 hours of them."""

MAX_SERIES = 2_000
"""Series at most; later ones are left out. With `SAMPLES` of 8 bytes each: 23 MB when all are there."""

_FIRST_S = 1.0


class OwnMetrics:
    """A ring of samples for every series of a registry. `start` and `stop` are called once each."""

    def __init__(self, registry: CollectorRegistry, clock: Clock, own_labels: Mapping[str, str]) -> None:
        self._registry = registry
        self._clock = clock
        self._own = dict(own_labels)
        self._lock = threading.Lock()
        self._times = np.zeros(SAMPLES, dtype=np.int64)
        self._rings: dict[Labels, npt.NDArray[np.float64]] = {}
        self._metadata: dict[str, Metadata] = {}
        self._taken = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="own-metrics", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout=5)

    def _run(self) -> None:
        wait_s = _FIRST_S
        while not self._stop.wait(wait_s):
            self.take()
            wait_s = INTERVAL_S

    def take(self) -> None:
        """One more sample of every series."""
        from heimdall.query.languages.promql.ast import NAME
        from heimdall.query.promql.source import Metadata

        found: list[tuple[Labels, float]] = []
        metadata: dict[str, Metadata] = {}
        for metric in self._registry.collect():
            kind = metric.type if metric.type in ("counter", "gauge", "histogram", "summary") else "unknown"
            name = f"{metric.name}_total" if kind == "counter" else metric.name
            metadata[name] = Metadata(kind, metric.documentation, metric.unit)
            for sample in metric.samples:
                if not sample.name.endswith("_created"):
                    labels = labels_from({**sample.labels, **self._own, NAME: sample.name})
                    found.append((labels, float(sample.value)))
        now_ns = self._clock.time_ns() // 10**6 * 10**6
        with self._lock:
            if self._taken and now_ns <= self._times[(self._taken - 1) % SAMPLES]:
                return  # the clock was set back: samples of the past stay as they are
            place = self._taken % SAMPLES
            self._times[place] = now_ns
            self._taken += 1
            self._metadata = metadata
            for ring in self._rings.values():
                ring[place] = np.nan
            for labels, value in found:
                known = self._rings.get(labels)
                if known is None:
                    if len(self._rings) >= MAX_SERIES:
                        continue
                    known = self._rings[labels] = np.full(SAMPLES, np.nan)
                known[place] = value

    # ---- SeriesSource ----

    def select(self, wanted: Wanted) -> list[Series]:
        from heimdall.query.promql.source import Series, chosen

        with self._lock:
            order = self._order()
            times = self._times[order]
            inside = (times > wanted.after_ns) & (times <= wanted.until_ns)
            found = []
            for labels, ring in self._rings.items():
                if not chosen(wanted.matchers, labels):
                    continue
                values = ring[order]
                there = inside & ~np.isnan(values)
                if there.any():
                    found.append(Series(labels, times[there], values[there]))
            return found

    def labels(self, wanted: Wanted) -> list[Labels]:
        return [series.labels for series in self.select(wanted)]

    def metadata(self) -> Mapping[str, Metadata]:
        return self._metadata

    def _order(self) -> npt.NDArray[np.int64]:
        """Places of the rings, oldest sample first."""
        first = max(0, self._taken - SAMPLES)
        return np.arange(first, self._taken, dtype=np.int64) % SAMPLES

"""The template stage: every record leaves with the id of the template behind its message."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa

from heimdall.model.batch import TEMPLATE_FIELD, LogBatch, TenantId
from heimdall.model.template import CATALOGUE_SCHEMA, TemplateNames
from heimdall.pipeline.stages.template.mask import mask
from heimdall.pipeline.stages.template.miner import Miner, MinerLimits

_VERSION = 1


class TemplateStage:
    """Adds `template_id` (`TEMPLATE_FIELD`) to every batch; learns templates per tenant.

    Deterministic: state changes only inside `process`, by the batch alone, and what a batch teaches shows in the next.
    So a snapshot need not be taken after every span. Take one every few seconds at a span's border, and after a crash
    process the spans behind it again with the same bounds: they get the same ids. A snapshot costs about a
    millisecond per 1,000 templates.

    Templates that turn out to be one are merged by an entry in the catalogue, never by rewriting records: a reader
    replaces an id by its `merged_into` where that is not 0. `process`, `snapshot` and `restore` are called by one
    thread at a time; `catalogue`, `templates` and `names` by any thread at any time.
    """

    name = "template"

    def __init__(self, limits: MinerLimits | None = None) -> None:
        self._limits = limits or MinerLimits()
        self._miners: dict[str, Miner] = {}
        self._lock = threading.Lock()
        self.catalogue = StageCatalogue(self)

    def process(self, batch: LogBatch) -> LogBatch:
        """The same records in the same order with a template id each, 1 ≤ id < 2**53."""
        messages = batch.table.column("message").combine_chunks()
        ids = np.zeros(0, np.uint64)
        if len(messages):
            ids = self._assign(batch, pl.Series("message", messages, pl.String).fill_null(""))
        column = pa.array(ids, TEMPLATE_FIELD.type)
        table = batch.table
        if TEMPLATE_FIELD.name in table.column_names:
            table = table.drop_columns([TEMPLATE_FIELD.name])
        return batch.with_table(table.append_column(TEMPLATE_FIELD, column))

    def _assign(self, batch: LogBatch, messages: pl.Series) -> np.ndarray[tuple[int], np.dtype[np.uint64]]:
        times = batch.table.column("timestamp").cast(pa.int64()).to_numpy()
        forms = mask(messages).to_arrow().dictionary_encode()
        codes = forms.indices.to_numpy()
        distinct = forms.dictionary.to_pylist()
        size = len(distinct)
        counts = np.bincount(codes, minlength=size)
        first_row = np.zeros(size, np.int64)
        first_row[codes[::-1]] = np.arange(len(codes) - 1, -1, -1)
        first_ns = times[first_row].copy()
        last_ns = first_ns.copy()
        np.minimum.at(first_ns, codes, times)
        np.maximum.at(last_ns, codes, times)
        with self._lock:
            miner = self._miners.get(batch.tenant)
            if miner is None:
                miner = self._miners[batch.tenant] = Miner(batch.tenant, self._limits)
            ids = miner.assign(
                distinct,
                counts.tolist(),
                first_ns.tolist(),
                last_ns.tolist(),
                lambda i: str(messages[int(first_row[i])]),
            )
        by_record: np.ndarray[tuple[int], np.dtype[np.uint64]] = np.array(ids, np.uint64)[codes]
        return by_record

    def snapshot(self) -> bytes:
        with self._lock:
            tenants = {tenant: miner.state() for tenant, miner in self._miners.items()}
        return json.dumps({"version": _VERSION, "tenants": tenants}, separators=(",", ":")).encode()

    def restore(self, state: bytes) -> None:
        saved: dict[str, Any] = json.loads(state) if state else {"version": _VERSION, "tenants": {}}
        miners = {tenant: Miner.from_state(tenant, self._limits, own) for tenant, own in saved["tenants"].items()}
        with self._lock:
            self._miners = miners

    def templates(self) -> pa.Table:
        """All templates of all tenants as of the last batch, columns of `CATALOGUE_SCHEMA`."""
        with self._lock:
            rows = [(tenant, row) for tenant, miner in self._miners.items() for row in miner.templates()]
        return pa.table(
            [
                pa.array([tenant for tenant, _ in rows], pa.string()),
                pa.array([row.id for _, row in rows], pa.uint64()),
                pa.array([row.text for _, row in rows], pa.string()),
                pa.array([row.merged_into for _, row in rows], pa.uint64()),
                pa.array([row.count for _, row in rows], pa.uint64()),
                pa.array([row.first_seen_ns for _, row in rows], pa.int64()),
                pa.array([row.last_seen_ns for _, row in rows], pa.int64()),
                pa.array([row.example for _, row in rows], pa.string()),
            ],
            schema=CATALOGUE_SCHEMA,
        )

    def names(self, tenant: TenantId, ids: Iterable[int]) -> TemplateNames:
        """What `templates` says of these; costs a microsecond an id, however many templates there are."""
        with self._lock:
            miner = self._miners.get(tenant)
            return TemplateNames({}, {}) if miner is None else miner.names(ids)


class StageCatalogue:
    """Satisfies `Catalogue` of the query package."""

    def __init__(self, stage: TemplateStage) -> None:
        self._stage = stage

    def __call__(self) -> pa.Table:
        return self._stage.templates()

    def names(self, tenant: TenantId, ids: Iterable[int]) -> TemplateNames:
        return self._stage.names(tenant, ids)

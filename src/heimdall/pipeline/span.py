"""A span: whole frames of the bus that go through the stages and into storage together.

Its bounds decide the deduplication token, so they are durable before storage sees the span, and a replay after a crash
uses the same bounds again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from heimdall.bus.port import Frame
from heimdall.model.batch import POSITION_FIELD, LogBatch, Origin, TenantId


@dataclass(frozen=True, slots=True)
class Span:
    first: int
    last: int
    batches: tuple[LogBatch, ...]
    """One a tenant, with `position`, in order of first appearance."""
    lost: tuple[tuple[int, int], ...] = ()
    """Acknowledged positions the bus could not read back, as (first, last)."""

    @property
    def records(self) -> int:
        return sum(batch.num_rows for batch in self.batches)


def make_span(first: int, last: int, frames: Sequence[Frame]) -> Span:
    """Group frames that cover positions [first, last] by tenant; positions no frame covers are `lost`."""
    tables: dict[TenantId, list[pa.Table]] = {}
    lost: list[tuple[int, int]] = []
    expected = first
    for frame in frames:
        if frame.first > expected:
            lost.append((expected, frame.first - 1))
        positions = pa.array(np.arange(frame.first, frame.first + frame.count, dtype=np.uint64))
        table = frame.batch.table.append_column(POSITION_FIELD, positions)
        tables.setdefault(frame.tenant, []).append(table)
        expected = frame.first + frame.count
    if expected <= last:
        lost.append((expected, last))
    origin = Origin(first, last)
    batches = tuple(
        LogBatch(tenant, pa.concat_tables(parts, promote_options="default"), origin) for tenant, parts in tables.items()
    )
    return Span(first, last, batches, tuple(lost))

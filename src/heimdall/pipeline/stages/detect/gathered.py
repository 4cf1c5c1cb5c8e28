"""Records of small batches, until there are enough to look at their values and their order: a look costs the same for a
hundred as for a thousand, and sees more of a session."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa

from heimdall.insight.conformal import Rows
from heimdall.pipeline.stages.detect.fieldvalues import MOST_RECORDS

COLUMNS: Final = (
    "severity_number", "service", "instance", "region", "environment", "attributes", "template_id", "message",
    "trace_id", "request_id", "session_id",
)  # fmt: skip
"""All that is looked at of a table."""


@dataclass(frozen=True, slots=True)
class Records:
    """In the order in which they came."""

    table: pa.Table
    times: Rows
    """Of each record, ns since 1970;"""
    steps: Rows
    """its step,"""
    services: Rows
    """and the row of its service."""


class Gathered:
    """At most `MOST_RECORDS` and a batch. Not safe from several threads."""

    def __init__(self) -> None:
        self._parts: list[Records] = []
        self._records = 0
        self.oldest = 0
        """Step of the oldest record, where there is any."""

    def add(self, records: Records) -> None:
        """At least one."""
        table = records.table
        table = table.select([name for name in COLUMNS if name in table.column_names])
        first = int(records.steps.min())
        self.oldest = min(self.oldest, first) if self._parts else first
        self._parts.append(Records(table, records.times, records.steps, records.services))
        self._records += table.num_rows

    @property
    def is_full(self) -> bool:
        """There are as many as are looked at."""
        return self._records >= MOST_RECORDS

    def take(self) -> Records | None:
        """All of them, which are gathered no longer; None where there are none."""
        parts, self._parts, self._records = self._parts, [], 0
        if len(parts) < 2:
            return parts[0] if parts else None
        table = pa.concat_tables([part.table for part in parts], promote_options="permissive")
        times, steps, services = (
            np.concatenate([getattr(part, name) for part in parts]) for name in ("times", "steps", "services")
        )
        return Records(table, times, steps, services)

"""Payloads nothing more is known of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import polars as pl
import pyarrow as pa


@dataclass(frozen=True, slots=True)
class PlainPayloads:
    """Satisfies `heimdall.ingest.decode.payloads.Envelopes`."""

    values: Sequence[bytes]

    @property
    def member_names(self) -> Sequence[str]:
        return ()

    def at(self, places: Sequence[int]) -> Self:
        return type(self)([self.values[i] for i in places])

    def members(self) -> pl.Series:
        return pl.Series([None], dtype=pl.String).new_from_index(0, len(self.values))

    def filled(self, table: pa.Table, *, now_ns: int, in_order: bool) -> pa.Table:
        return table

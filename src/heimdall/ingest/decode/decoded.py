"""What every decoder hands back: columns of the records it could read, and why it could not read the rest."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Generic, TypeVar

import numpy as np
import pyarrow as pa

MAX_REJECTED_LISTED = 100
"""Rejections kept with their reason per body: enough to mend a sender, and a hostile body cannot fill memory."""

MAX_EXCERPT_CHARS = 200
"""Of a rejected line; the sender has the rest."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """A line (or record) that will not be stored. `line` counts from 1 in the body it came in."""

    line: int
    reason: str
    excerpt: str

    @staticmethod
    def of(line: int, reason: str, raw: bytes | str) -> Rejected:
        """Cut `raw` to an excerpt; bytes that are no UTF-8 are shown as U+FFFD."""
        text = raw[: MAX_EXCERPT_CHARS * 4].decode("utf-8", "replace") if isinstance(raw, bytes) else raw
        return Rejected(line, reason, text[:MAX_EXCERPT_CHARS])


@dataclass(frozen=True, slots=True)
class Decoded:
    """Records of one body.

    `table` has columns of `heimdall.model.batch.LOG_SCHEMA`, in its types and order; those that are null throughout
    may be missing. `rejected` lists the first rejections; `rejected_count` counts all of them.
    """

    table: pa.Table
    rejected: tuple[Rejected, ...] = ()
    rejected_count: int = field(default=-1)

    def __post_init__(self) -> None:
        if self.rejected_count < 0:
            object.__setattr__(self, "rejected_count", len(self.rejected))

    @property
    def num_rows(self) -> int:
        return int(self.table.num_rows)


@dataclass(frozen=True, slots=True)
class Numbered(Decoded):
    """Records of a body whose sender is told about each of them."""

    numbers: pa.Array | None = None
    """Place in the body of each row, from 1; None = none was rejected, and they are in order."""

    def kept(self, places: Sequence[int]) -> Sequence[int]:
        """Of `places`, one for each record of the body, those of the rows."""
        return places if self.numbers is None else [places[number - 1] for number in self.numbers.to_pylist()]


D = TypeVar("D", bound=Decoded)


@dataclass(frozen=True, slots=True)
class Together(Generic[D]):
    """Several bodies decoded as one."""

    table: pa.Table
    parts: Sequence[D | None]
    """What each body comes to: rows of `table`, one body's after the other's. None = it must be decoded alone, and none
    of its records are in `table`."""


def split(table: pa.Table, counts: Sequence[int]) -> Together[Decoded]:
    """`counts`: rows of each body; one without any is left to be decoded alone."""
    ends = accumulate(counts)
    parts = [
        Decoded(table.slice(end - count, count)) if count else None for count, end in zip(counts, ends, strict=True)
    ]
    return Together(table, parts)


def split_singles(table: pa.Table, places: Sequence[int], bodies: int) -> Together[Decoded]:
    """`split` where a body is one row: `places` of those that have theirs."""
    counts = np.zeros(bodies, np.int64)
    counts[places] = 1
    return split(table, counts.tolist())


class RejectedList:
    """Gathers rejections while a body is read: keeps the first `MAX_REJECTED_LISTED`, counts all."""

    __slots__ = ("_count", "_listed")

    def __init__(self) -> None:
        self._listed: list[Rejected] = []
        self._count = 0

    def add(self, line: int, reason: str, raw: bytes | str) -> None:
        self._count += 1
        if len(self._listed) < MAX_REJECTED_LISTED:
            self._listed.append(Rejected.of(line, reason, raw))

    def extend(self, listed: Iterable[Rejected], count: int) -> None:
        self._count += count
        self._listed.extend(listed)
        del self._listed[MAX_REJECTED_LISTED:]

    def decoded(self, table: pa.Table) -> Decoded:
        return Decoded(table, self._sorted(), self._count)

    def numbered(self, table: pa.Table, numbers: pa.Array | None) -> Numbered:
        return Numbered(table, self._sorted(), self._count, numbers)

    def _sorted(self) -> tuple[Rejected, ...]:
        return tuple(sorted(self._listed, key=lambda r: r.line))

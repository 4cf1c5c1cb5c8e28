"""The port of a kind: rows that matched in, hits out, and a state that is JSON."""

from __future__ import annotations

from collections.abc import Callable, Iterator, MutableMapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray
from prometheus_client import Counter

from heimdall.insight.rules.columns import NO_ROWS, Rows, RuleColumns

Key = tuple[str, ...]
V = TypeVar("V")

MAX_TRACKED_KEYS = 10_000
"""Keys one rule remembers. About 300 bytes each; beyond it the ones quiet for longest are forgotten."""
FORGOTTEN = Counter("heimdall_rules_forgotten_keys", "Keys rules forgot because there were too many of them.")


@dataclass(frozen=True, slots=True)
class Hit:
    """The condition holds for `key`."""

    key: Key
    value: float
    started_ns: int
    detected_ns: int
    rows: Rows = field(default_factory=lambda: NO_ROWS)
    """Of this batch; a few of them at least."""
    records: int = 0
    resolved: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """A batch as one rule sees it."""

    columns: RuleColumns
    times: NDArray[np.int64]
    rows: Sequence[Rows]
    """Per search of the rule."""
    group_by: tuple[str, ...]
    watermark_ns: int
    """No record older than this is waited for."""
    newest_ns: int

    def keyed(self, rows: Rows) -> tuple[NDArray[np.int64], list[Key]]:
        """(place of each row's key, the different keys)."""
        return keys_of(self.columns, self.group_by, rows)


class Kind(Protocol):
    """Called for every batch, by one thread. What it keeps is bounded."""

    def step(self, found: Found) -> Iterator[Hit]: ...

    @property
    def idle(self) -> bool:
        """Nothing can come of a batch without matching rows."""

    def snapshot(self) -> Any:
        """Plain JSON values."""

    def restore(self, state: Any) -> None: ...


def keys_of(columns: RuleColumns, group_by: tuple[str, ...], rows: Rows) -> tuple[NDArray[np.int64], list[Key]]:
    """Rows grouped by the text of some fields; a missing value is ""."""
    if not group_by:
        return np.zeros(len(rows), np.int64), [()]
    places, names = zip(*(columns.texts(name, rows) for name in group_by), strict=True)
    packed = places[0]
    for place, own in zip(places[1:], names[1:], strict=True):
        packed = np.unique(packed, return_inverse=True)[1].ravel() * len(own) + place
    _, first, codes = np.unique(packed, return_index=True, return_inverse=True)
    keys = [tuple(own[place[row]] for place, own in zip(places, names, strict=True)) for row in first.tolist()]
    return codes.ravel(), keys


def forget_oldest(kept: MutableMapping[Key, V], age: Callable[[V], int], limit: int = MAX_TRACKED_KEYS) -> None:
    """Down to nine tenths of the limit when it is passed."""
    if len(kept) <= limit:
        return
    oldest = sorted(kept, key=lambda key: (age(kept[key]), key))[: len(kept) - limit * 9 // 10]
    FORGOTTEN.inc(len(oldest))
    for key in oldest:
        del kept[key]

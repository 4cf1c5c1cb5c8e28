"""The `Cache` port: tables by what they answer and by the state of the records they were made from."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import pyarrow as pa


@dataclass(frozen=True, slots=True)
class CacheKey:
    """Two keys are equal only when their answers are."""

    plan: str
    """Digest of everything asked: the tree of the query, tenant, range, scope and whatever else changes the answer."""
    version: str
    """`Engine.version` of the range, read before the answer was computed."""


@dataclass(frozen=True, slots=True)
class Entry:
    """`table` is never changed by anyone; `note` is what the table cannot hold, as bytes."""

    table: pa.Table
    note: bytes = b""
    made_at_ns: int = 0
    """When it was computed, ns since 1970."""

    @property
    def size_bytes(self) -> int:
        """Bytes of every buffer this entry keeps alive, each counted once, whole even where a slice shows a part."""
        return int(self.table.get_total_buffer_size()) + len(self.note)


class Cache(Protocol):
    """Forgets what it likes when it likes; never gives anything but what was put under the very key.

    All methods may be called from several threads, and none raises for a reason of the cache's own: a cache that does
    not work is one that finds nothing.
    """

    def get(self, keys: Sequence[CacheKey]) -> Mapping[CacheKey, Entry]:
        """Those of `keys` that are known. Costs milliseconds at the most, whatever the state of the cache."""

    def put(self, entries: Mapping[CacheKey, Entry]) -> None:
        """Keep entries for later. May drop them silently, and may do so in the background."""

    def close(self) -> None:
        """Release what it holds. Called once, last."""


class NoCache:
    """Keeps nothing."""

    def get(self, keys: Sequence[CacheKey]) -> Mapping[CacheKey, Entry]:
        return {}

    def put(self, entries: Mapping[CacheKey, Entry]) -> None: ...

    def close(self) -> None: ...


def digest(*parts: object) -> str:
    """A name for these parts. They tell themselves apart by `repr`, as nodes of a query do: 1, 1.0, true and "1" are
    four parts, and places in the text are none."""
    return hashlib.blake2b(repr(parts).encode("utf-8", "surrogatepass"), digest_size=20).hexdigest()

"""`LayeredCache`: a near cache before a farther one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from heimdall.query.cache.port import Cache, CacheKey, Entry


class LayeredCache:
    """Asks level by level for what is still missing, and brings what it finds nearer."""

    def __init__(self, levels: Sequence[Cache]) -> None:
        self._levels = tuple(levels)

    def get(self, keys: Sequence[CacheKey]) -> Mapping[CacheKey, Entry]:
        found: dict[CacheKey, Entry] = {}
        for place, level in enumerate(self._levels):
            missing = [key for key in keys if key not in found]
            if not missing:
                break
            new = level.get(missing)
            for nearer in self._levels[:place]:
                nearer.put(new)
            found.update(new)
        return found

    def put(self, entries: Mapping[CacheKey, Entry]) -> None:
        for level in self._levels:
            level.put(entries)

    def close(self) -> None:
        for level in self._levels:
            level.close()

"""So many matching records within a window, by key; and the share of some records in others.

Time is counted in sixtieths of the window: a window is exact to that, and what a key remembers is bounded by it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from heimdall.insight.rules.columns import Rows
from heimdall.insight.rules.kinds.kind import Found, Hit, Key, forget_oldest
from heimdall.insight.rules.rule import Rule

PARTS = 60
_SWEEP_EVERY = 64


class Matches:
    """A threshold of one record: nothing to remember."""

    idle = True

    def step(self, found: Found) -> Iterator[Hit]:
        rows = found.rows[0]
        codes, keys = found.keyed(rows)
        order = np.argsort(codes, kind="stable")
        bounds = np.searchsorted(codes[order], np.arange(len(keys) + 1))
        for code, key in enumerate(keys):
            own = rows[order[bounds[code] : bounds[code + 1]]]
            times = found.times[own]
            yield Hit(key, len(own), int(times.min()), int(times.max()), own, len(own))

    def snapshot(self) -> Any:
        return None

    def restore(self, state: Any) -> None:
        pass


class Windows:
    """Threshold and ratio: two counts a key and part of the window."""

    idle = True

    def __init__(self, rule: Rule, *, ratio: bool) -> None:
        self._ratio = ratio
        self._threshold = rule.ratio if ratio else rule.threshold
        self._min_count = rule.min_count
        self._part_ns = max(rule.window_ns // PARTS, 1)
        self._keys: dict[Key, dict[int, list[int]]] = {}
        self._steps = 0

    def step(self, found: Found) -> Iterator[Hit]:
        touched: dict[Key, set[int]] = {}
        for place, rows in enumerate(found.rows):
            if len(rows):
                self._add(found, place, rows, touched)
        oldest = found.newest_ns // self._part_ns - 2 * PARTS
        for key, parts in touched.items():
            counts = self._keys[key]
            hit = self._best(counts, parts)
            if hit is not None:
                yield self._hit(found, key, *hit)
            for part in [part for part in counts if part < oldest]:
                del counts[part]
        self._steps += 1
        if self._steps % _SWEEP_EVERY == 0:
            for key in [key for key, counts in self._keys.items() if not counts or max(counts) < oldest]:
                del self._keys[key]
        forget_oldest(self._keys, lambda counts: max(counts, default=0))

    def _add(self, found: Found, place: int, rows: Rows, touched: dict[Key, set[int]]) -> None:
        codes, keys = found.keyed(rows)
        parts = found.times[rows] // self._part_ns
        first = int(parts.min())
        span = int(parts.max()) - first + 1
        pairs, amounts = np.unique(codes * span + (parts - first), return_counts=True)
        for pair, amount in zip(pairs.tolist(), amounts.tolist(), strict=True):
            key, part = keys[pair // span], first + pair % span
            self._keys.setdefault(key, {}).setdefault(part, [0, 0])[place] += amount
            touched.setdefault(key, set()).add(part)

    def _hit(self, found: Found, key: Key, value: float, end: int) -> Hit:
        codes, keys = found.keyed(found.rows[0])
        own = found.rows[0][codes == keys.index(key)] if key in keys else found.rows[0][:0]
        started_ns = (end - PARTS + 1) * self._part_ns
        detected_ns = int(found.times[own].max()) if len(own) else (end + 1) * self._part_ns
        return Hit(key, value, min(started_ns, detected_ns), detected_ns, own, len(own))

    def _best(self, counts: dict[int, list[int]], parts: set[int]) -> tuple[float, int] | None:
        """The highest value of a window that a new part lies in, and the part it ends with; None below the mark."""
        ordered = sorted(counts)
        first, last = min(parts), max(parts) + PARTS - 1
        found: tuple[float, int] | None = None
        low = matching = total = 0
        for end in ordered:
            matching += counts[end][0]
            total += counts[end][1]
            while ordered[low] <= end - PARTS:
                matching -= counts[ordered[low]][0]
                total -= counts[ordered[low]][1]
                low += 1
            if not first <= end <= last:
                continue
            value = self._value(matching, total)
            if value is not None and value >= self._threshold and (found is None or value > found[0]):
                found = (value, end)
        return found

    def _value(self, matching: int, total: int) -> float | None:
        if not self._ratio:
            return matching
        return matching / total if total >= max(self._min_count, 1) and matching else None

    def snapshot(self) -> Any:
        return [[list(key), [[part, *count] for part, count in counts.items()]] for key, counts in self._keys.items()]

    def restore(self, state: Any) -> None:
        self._keys = {tuple(key): {part: [a, b] for part, a, b in counts} for key, counts in state}


class Distinct:
    """So many different values of a field within a window."""

    idle = True

    def __init__(self, rule: Rule) -> None:
        self._field = rule.distinct
        self._threshold = rule.threshold
        self._window_ns = rule.window_ns
        self._part_ns = max(rule.window_ns // PARTS, 1)
        self._most = int(rule.threshold) * 4 + 100
        """Values remembered a key: far beyond the threshold more tell nothing."""
        self._keys: dict[Key, dict[str, int]] = {}

    def step(self, found: Found) -> Iterator[Hit]:
        rows = found.rows[0]
        if not len(rows):
            return
        codes, keys = found.keyed(rows)
        places, values = found.columns.texts(self._field, rows)
        parts = found.times[rows] // self._part_ns
        order = np.lexsort((places, codes, parts))
        fresh = np.concatenate(
            ([True], (np.diff(codes[order]) != 0) | (np.diff(places[order]) != 0) | (np.diff(parts[order]) != 0))
        )
        best: dict[Key, Hit] = {}
        for place in order[fresh].tolist():
            value, key = values[places[place]], keys[codes[place]]
            if not value:
                continue
            time_ns = int(found.times[rows[place]])
            seen = self._keys.setdefault(key, {})
            seen[value] = max(seen.get(value, time_ns), time_ns)
            alive = [at for at in seen.values() if time_ns - self._window_ns < at <= time_ns]
            if len(alive) >= self._threshold and (key not in best or len(alive) > best[key].value):
                own = rows[codes == codes[place]]
                best[key] = Hit(key, len(alive), min(alive), int(found.times[own].max()), own, len(own))
            if len(seen) > self._most:
                for old in sorted(seen, key=lambda name: (seen[name], name))[: len(seen) - self._most * 3 // 4]:
                    del seen[old]
        yield from best.values()
        forget_oldest(self._keys, lambda seen: max(seen.values()))

    def snapshot(self) -> Any:
        return [[list(key), seen] for key, seen in self._keys.items()]

    def restore(self, state: Any) -> None:
        self._keys = {tuple(key): dict(seen) for key, seen in state}

"""Records of several conditions for one key within a window: in order, in any order, or without the last.

A record whose key is missing belongs to nobody and is left out. Of a run of records of the same step only the first
and the last count: the others can neither begin nor end anything that these do not.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from heimdall.insight.rules.kinds.kind import Found, Hit, Key, forget_oldest
from heimdall.insight.rules.rule import Rule

_Event = tuple[int, int, int]
"""(time, step, row)"""
_MOST_PENDING = 100


def events_of(found: Found) -> dict[Key, list[_Event]]:
    """By key, in order of time; a record that is two steps counts as the later one first, so never as both in a row."""
    lengths = [len(rows) for rows in found.rows]
    if not sum(lengths):
        return {}
    rows = np.concatenate(found.rows)
    steps = np.repeat(np.arange(len(found.rows)), lengths)
    codes, keys = found.keyed(rows)
    times = found.times[rows]
    order = np.lexsort((-steps, rows, times, codes))
    rows, steps, codes, times = rows[order], steps[order], codes[order], times[order]
    changes = (np.diff(codes) != 0) | (np.diff(steps) != 0)
    kept = np.concatenate(([True], changes)) | np.concatenate((changes, [True]))
    events: dict[Key, list[_Event]] = {}
    usable = [all(key) for key in keys]
    for code, time_ns, step, row in zip(
        codes[kept].tolist(), times[kept].tolist(), steps[kept].tolist(), rows[kept].tolist(), strict=True
    ):
        if usable[code]:
            events.setdefault(keys[code], []).append((time_ns, step, row))
    return events


class Sequence:
    """All steps in order."""

    idle = True

    def __init__(self, rule: Rule) -> None:
        self._last = len(rule.steps) - 1
        self._window_ns = rule.window_ns
        self._begun: dict[Key, list[int | None]] = {}
        """By key and step: the latest start of a run of steps up to it."""

    def step(self, found: Found) -> Iterator[Hit]:
        for key, events in events_of(found).items():
            begun = self._begun.setdefault(key, [None] * self._last)
            hit: Hit | None = None
            times_hit = 0
            for time_ns, step, row in events:
                start = time_ns if step == 0 else begun[step - 1]
                if start is None or not 0 <= time_ns - start <= self._window_ns:
                    continue
                if step < self._last:
                    begun[step] = max(start, begun[step] or start)
                    continue
                times_hit += 1
                hit = Hit(key, times_hit, hit.started_ns if hit else start, time_ns, np.array([row]), times_hit)
                begun[:] = [None] * self._last
            if hit is not None:
                yield hit
            if not any(begun):
                del self._begun[key]
        oldest = found.watermark_ns - self._window_ns
        for key in [key for key, begun in self._begun.items() if max(at or 0 for at in begun) < oldest]:
            del self._begun[key]
        forget_oldest(self._begun, lambda begun: max(at or 0 for at in begun))

    def snapshot(self) -> Any:
        return [[list(key), begun] for key, begun in self._begun.items()]

    def restore(self, state: Any) -> None:
        self._begun = {tuple(key): list(begun) for key, begun in state}


class Join:
    """All steps, in any order."""

    idle = True

    def __init__(self, rule: Rule) -> None:
        self._size = len(rule.steps)
        self._window_ns = rule.window_ns
        self._seen: dict[Key, list[int | None]] = {}

    def step(self, found: Found) -> Iterator[Hit]:
        for key, events in events_of(found).items():
            seen = self._seen.setdefault(key, [None] * self._size)
            hit: Hit | None = None
            times_hit = 0
            for time_ns, step, row in events:
                seen[step] = max(time_ns, seen[step] or time_ns)
                known = [at for at in seen if at is not None]
                if len(known) < self._size or max(known) - min(known) > self._window_ns:
                    continue
                times_hit += 1
                hit = Hit(key, times_hit, hit.started_ns if hit else min(known), time_ns, np.array([row]), times_hit)
                seen[:] = [None] * self._size
            if hit is not None:
                yield hit
            if not any(seen):
                del self._seen[key]
        oldest = found.watermark_ns - self._window_ns
        for key in [key for key, seen in self._seen.items() if max(at or 0 for at in seen) < oldest]:
            del self._seen[key]
        forget_oldest(self._seen, lambda seen: max(at or 0 for at in seen))

    def snapshot(self) -> Any:
        return [[list(key), seen] for key, seen in self._seen.items()]

    def restore(self, state: Any) -> None:
        self._seen = {tuple(key): list(seen) for key, seen in state}


class Unanswered:
    """The steps but the last in order, and then not the last within the window."""

    def __init__(self, rule: Rule) -> None:
        self._answer = len(rule.steps) - 1
        self._window_ns = rule.window_ns
        self._begun: dict[Key, list[int | None]] = {}
        self._waiting: dict[Key, list[int]] = {}
        """By key: when the steps before the answer were complete, rising."""

    @property
    def idle(self) -> bool:
        return not self._waiting

    def step(self, found: Found) -> Iterator[Hit]:
        overdue: dict[Key, list[tuple[int, int]]] = {}
        for key, events in events_of(found).items():
            for time_ns, step, row in events:
                if step == self._answer:
                    self._answered(key, time_ns, row, overdue)
                elif self._complete(key, time_ns, step):
                    waiting = self._waiting.setdefault(key, [])
                    if len(waiting) < _MOST_PENDING:
                        waiting.append(time_ns)
        for key in list(self._waiting):
            late = [at for at in self._waiting[key] if at + self._window_ns <= found.watermark_ns]
            overdue.setdefault(key, []).extend((at, -1) for at in late)
            self._waiting[key] = [at for at in self._waiting[key] if at + self._window_ns > found.watermark_ns]
            if not self._waiting[key]:
                del self._waiting[key]
        for key, missed in overdue.items():
            if missed:
                rows = np.array([row for _, row in missed if row >= 0][:3], np.int64)
                last_ns = max(at for at, _ in missed) + self._window_ns
                yield Hit(key, len(missed), min(at for at, _ in missed), last_ns, rows, len(missed))
        forget_oldest(self._waiting, lambda waiting: waiting[-1])
        forget_oldest(self._begun, lambda begun: max(at or 0 for at in begun))

    def _complete(self, key: Key, time_ns: int, step: int) -> bool:
        """Whether this record ends the steps before the answer."""
        if self._answer == 1:
            return True
        begun = self._begun.setdefault(key, [None] * (self._answer - 1))
        start = time_ns if step == 0 else begun[step - 1]
        if start is None or not 0 <= time_ns - start <= self._window_ns:
            return False
        if step < self._answer - 1:
            begun[step] = max(start, begun[step] or start)
            return False
        del self._begun[key]
        return True

    def _answered(self, key: Key, time_ns: int, row: int, overdue: dict[Key, list[tuple[int, int]]]) -> None:
        for at in self._waiting.pop(key, []):
            if at > time_ns:
                self._waiting.setdefault(key, []).append(at)
            elif at + self._window_ns < time_ns:
                overdue.setdefault(key, []).append((at, row))

    def snapshot(self) -> Any:
        return {
            "begun": [[list(key), begun] for key, begun in self._begun.items()],
            "waiting": [[list(key), waiting] for key, waiting in self._waiting.items()],
        }

    def restore(self, state: Any) -> None:
        self._begun = {tuple(key): list(begun) for key, begun in state["begun"]}
        self._waiting = {tuple(key): list(waiting) for key, waiting in state["waiting"]}

"""What stops coming, and what comes for the first time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from heimdall.insight.rules.kinds.kind import Found, Hit, Key, forget_oldest
from heimdall.insight.rules.rule import Rule

FORGET_NS = 7 * 86_400 * 10**9
"""A key that has been missing for so long has left."""
MAX_TEMPLATES = 50_000


class Absence:
    """No matching record for as long as the window, by the time of the records that do come. Without fields to group
    by the clock starts with the first batch; a key is expected from its first record on."""

    idle = False

    def __init__(self, rule: Rule) -> None:
        self._window_ns = rule.window_ns
        self._expected = not rule.group_by
        self._last: dict[Key, int] = {}
        self._missing: dict[Key, int] = {}

    def step(self, found: Found) -> Iterator[Hit]:
        if self._expected and () not in self._last:
            self._last[()] = found.newest_ns
        yield from self._seen(found)
        for key, last_ns in list(self._last.items()):
            overdue_ns = found.watermark_ns - last_ns - self._window_ns
            if overdue_ns > FORGET_NS:
                del self._last[key]
                self._missing.pop(key, None)
            elif overdue_ns >= 0 and key not in self._missing:
                self._missing[key] = last_ns
                silent_s = (found.watermark_ns - last_ns) / 1e9
                yield Hit(key, round(silent_s, 3), last_ns, last_ns + self._window_ns)
        forget_oldest(self._last, lambda last_ns: last_ns)
        for key in self._missing.keys() - self._last.keys():
            del self._missing[key]

    def _seen(self, found: Found) -> Iterator[Hit]:
        rows = found.rows[0]
        if not len(rows):
            return
        codes, keys = found.keyed(rows)
        newest = np.full(len(keys), np.iinfo(np.int64).min)
        np.maximum.at(newest, codes, found.times[rows])
        for code, key in enumerate(keys):
            time_ns = int(newest[code])
            if time_ns <= self._last.get(key, 0):
                continue
            self._last[key] = time_ns
            if key in self._missing:
                started_ns = self._missing.pop(key)
                yield Hit(key, 0, started_ns, time_ns, rows[codes == code][:3], 1, resolved=True)

    def snapshot(self) -> Any:
        return {
            "last": [[list(key), at] for key, at in self._last.items()],
            "missing": [[list(key), at] for key, at in self._missing.items()],
        }

    def restore(self, state: Any) -> None:
        self._last = {tuple(key): at for key, at in state["last"]}
        self._missing = {tuple(key): at for key, at in state["missing"]}


class NewTemplate:
    """A matching record whose template its key never had."""

    idle = True

    def __init__(self, rule: Rule) -> None:
        self._learn_ns = rule.learn_ns
        self._since_ns: int | None = None
        self._known: dict[Key, int] = {}
        """By key and template id: when it was seen last."""

    def step(self, found: Found) -> Iterator[Hit]:
        rows = found.rows[0]
        if not len(rows) or "template_id" not in found.columns.table.column_names:
            return
        if self._since_ns is None:
            self._since_ns = int(found.times[rows].min())
        codes, keys = found.keyed(rows)
        templates = found.columns.table.column("template_id").to_numpy()[rows]
        distinct, template = np.unique(templates, return_inverse=True)
        pairs, first = np.unique(codes * len(distinct) + template.ravel(), return_index=True)
        for pair, place in zip(pairs.tolist(), first.tolist(), strict=True):
            key = keys[pair // len(distinct)]
            known = (*key, str(distinct[pair % len(distinct)]))
            time_ns = int(found.times[rows[place]])
            if known not in self._known and time_ns - self._since_ns >= self._learn_ns:
                yield Hit(key, 1, time_ns, time_ns, rows[place : place + 1], 1)
            self._known[known] = max(time_ns, self._known.get(known, 0))
        forget_oldest(self._known, lambda at: at, MAX_TEMPLATES)

    def snapshot(self) -> Any:
        return {"since": self._since_ns, "known": [[list(key), at] for key, at in self._known.items()]}

    def restore(self, state: Any) -> None:
        self._since_ns = state["since"]
        self._known = {tuple(key): at for key, at in state["known"]}

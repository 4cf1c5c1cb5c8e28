"""A bounded memory of answers: the recently asked stay."""

from __future__ import annotations

from sys import getsizeof

from heimdall.pipeline.stages.template.merge import Entry

SLOT_BYTES = 100
"""What a remembered form costs in a table besides the string itself; a table is up to twice as large as it need be."""


class FormCache:
    """Two halves: asked for again, an answer moves to the young half; when that is full, the old half is dropped.

    As good as a least-recently-used list here and costs nothing per hit on the young half. A half is full when it
    holds half of `capacity_bytes`, however long the forms are that somebody sends.
    """

    def __init__(self, capacity_bytes: int) -> None:
        self._half_bytes = capacity_bytes // 2
        self._young_bytes = 0
        self._young: dict[str, Entry] = {}
        self._old: dict[str, Entry] = {}

    def get(self, form: str) -> Entry | None:
        entry = self._young.get(form)
        if entry is None:
            entry = self._old.pop(form, None)
            if entry is not None:
                self.put(form, entry)
        return entry

    def put(self, form: str, entry: Entry) -> None:
        if self._young_bytes >= self._half_bytes:
            self._old, self._young, self._young_bytes = self._young, {}, 0
        self._young[form] = entry
        self._young_bytes += getsizeof(form) + SLOT_BYTES

    def clear(self) -> None:
        self._young, self._old, self._young_bytes = {}, {}, 0

    def __len__(self) -> int:
        return len(self._young) + len(self._old)

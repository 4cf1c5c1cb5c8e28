"""A bounded memory of answers: the recently asked stay."""

from __future__ import annotations

from heimdall.pipeline.stages.template.merge import Entry


class FormCache:
    """Two halves: asked for again, an answer moves to the young half; when that is full, the old half is dropped.

    As good as a least-recently-used list here and costs nothing per hit on the young half.
    """

    def __init__(self, capacity: int) -> None:
        self._half = max(capacity // 2, 1)
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
        if len(self._young) >= self._half:
            self._old, self._young = self._young, {}
        self._young[form] = entry

    def clear(self) -> None:
        self._young, self._old = {}, {}

    def __len__(self) -> int:
        return len(self._young) + len(self._old)

"""Fields of many protobuf messages, as columns: what `protobuf.Wire` finds and decoders ask."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import numpy as np
import numpy.typing as npt

Places = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

VARINT, FIXED64, LENGTH, FIXED32 = 0, 1, 2, 5


@dataclass(frozen=True, slots=True)
class Part:
    """Some fields; `number` and `kind` are one integer where all of them have the same."""

    message: Places
    number: Places | int
    kind: Places | int
    start: Places
    end: Places
    value: npt.NDArray[np.uint64]
    a_message: bool
    """There is one for each message, in their order."""

    def of(self, number: int, kind: int) -> Part | None:
        """Those of one number and kind."""
        if isinstance(self.number, int) and isinstance(self.kind, int):
            return self if (self.number, self.kind) == (number, kind) else None
        rows = np.flatnonzero((self.number == number) & (self.kind == kind))
        if not len(rows):
            return None
        return Part(self.message[rows], number, kind, self.start[rows], self.end[rows], self.value[rows], False)

    def whole(self, name: str) -> Places:
        """A column, also where it is one integer."""
        values = getattr(self, name)
        return np.full(len(self.message), values, np.int64) if isinstance(values, int) else cast(Places, values)


@dataclass(frozen=True, slots=True)
class Selected:
    """Fields of one number, ordered by message."""

    message: Places
    start: Places
    end: Places
    each: int
    """How many every message has; 0 = it differs."""

    def __len__(self) -> int:
        return len(self.message)


class WireFields:
    """Fields of `count` messages. Those of one message are in the order they were sent."""

    __slots__ = ("_parts", "_whole", "broken", "count")

    def __init__(self, count: int, parts: list[Part], broken: Mask) -> None:
        self.count = count
        self.broken = broken
        """Messages that end inside a field, or are no messages; what was read of them before is there."""
        self._parts = parts
        self._whole: dict[str, Places] = {}

    @property
    def message(self) -> Places:
        """Whose each field is; this and the following have one row a field."""
        return self._column("message")

    @property
    def number(self) -> Places:
        return self._column("number")

    @property
    def kind(self) -> Places:
        return self._column("kind")

    @property
    def start(self) -> Places:
        """Where the content lies, for LENGTH."""
        return self._column("start")

    @property
    def end(self) -> Places:
        return self._column("end")

    @property
    def value(self) -> npt.NDArray[np.uint64]:
        """The content, for the other kinds."""
        return self._column("value").view(np.uint64)

    def _column(self, name: str) -> Places:
        known = self._whole.get(name)
        if known is None:
            parts = [part.whole(name).view(np.int64) for part in self._parts]
            known = self._whole[name] = np.concatenate(parts) if parts else np.zeros(0, np.int64)
        return known

    def select(self, number: int, kind: int) -> Selected:
        """A repeated field."""
        parts = self._of(number, kind)
        if parts and all(part.a_message for part in parts):
            start = np.stack([part.start for part in parts], axis=1).ravel()
            end = np.stack([part.end for part in parts], axis=1).ravel()
            return Selected(np.repeat(np.arange(self.count), len(parts)), start, end, len(parts))
        nothing = [np.zeros(0, np.int64)]
        owners = np.concatenate([part.message for part in parts] or nothing)
        start = np.concatenate([part.start for part in parts] or nothing)
        end = np.concatenate([part.end for part in parts] or nothing)
        if len(owners) > 1 and bool((owners[1:] < owners[:-1]).any()):
            order = np.argsort(owners, kind="stable")
            owners, start, end = owners[order], start[order], end[order]
        return Selected(owners, start, end, self._each(owners))

    def _each(self, owners: Places) -> int:
        each, rest = divmod(len(owners), max(self.count, 1))
        if not each or rest or bool((owners != np.repeat(np.arange(self.count), each)).any()):
            return 0
        return each

    def span(self, number: int) -> tuple[Places, Places]:
        """For each message where the content of a field lies (its last one); empty at 0 where there is none."""
        parts = self._of(number, LENGTH)
        if parts and parts[-1].a_message:
            return parts[-1].start, parts[-1].end
        start, end = np.zeros(self.count, np.int64), np.zeros(self.count, np.int64)
        for part in parts:
            start[part.message], end[part.message] = part.start, part.end
        return start, end

    def scalar(self, number: int, kind: int) -> npt.NDArray[np.uint64]:
        """For each message the value of a field (its last one); 0 where there is none."""
        parts = self._of(number, kind)
        if parts and parts[-1].a_message:
            return parts[-1].value
        found = np.zeros(self.count, np.uint64)
        for part in parts:
            found[part.message] = part.value
        return found

    def _of(self, number: int, kind: int) -> list[Part]:
        return [found for part in self._parts if (found := part.of(number, kind)) is not None]

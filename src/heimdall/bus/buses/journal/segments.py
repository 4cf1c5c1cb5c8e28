"""The segments that hold acknowledged frames, and where they end. Shared by the committer, readers and `release`."""

from __future__ import annotations

import threading
from array import array
from bisect import bisect_right
from typing import NamedTuple

from heimdall.bus.buses.journal.layout import FIRST_FRAME

_INDEX_STEP = 256 * 1024
"""Bytes of frames per index entry: a reader passes over at most this much to find its place; 4 KiB a segment."""
_SUFFIX = ".journal"


def file_name(number: int) -> str:
    return f"{number:016d}{_SUFFIX}"


def number_of(name: str) -> int | None:
    """Number of a segment file; None for other files."""
    stem, dot, suffix = name.partition(".")
    return int(stem) if dot + suffix == _SUFFIX and stem.isdecimal() else None


class Segment:
    """What is in one file: runs of good frames, one unless the disk has damaged something.

    Changed by one thread, under the lock of `Segments` once it is listed there.
    """

    __slots__ = ("crc", "end", "end_offset", "first", "number", "runs", "_index_offsets", "_index_positions")

    def __init__(self, number: int, first: int, crc: int) -> None:
        self.number = number
        self.first = first
        self.end = first
        """Position after the last record."""
        self.end_offset = FIRST_FRAME
        self.crc = crc
        """Checksum of the last frame."""
        self.runs: list[list[int]] = []
        """[offset, end offset] of frames that follow each other without a hole."""
        self._index_positions = array("Q")
        self._index_offsets = array("Q")

    def add(self, first: int, stop: int, offset: int, end_offset: int, crc: int) -> None:
        """A frame; offsets and positions rise from call to call."""
        if self.runs and self.runs[-1][1] == offset:
            self.runs[-1][1] = end_offset
        else:
            self.runs.append([offset, end_offset])
        if not self._index_offsets or offset - self._index_offsets[-1] >= _INDEX_STEP:
            self._index_positions.append(first)
            self._index_offsets.append(offset)
        self.end, self.end_offset, self.crc = stop, end_offset, crc

    def adopt(self, other: Segment) -> None:
        """Frames that were gathered apart, all of them after ours."""
        for start, stop in other.runs:
            if self.runs and self.runs[-1][1] == start:
                self.runs[-1][1] = stop
            else:
                self.runs.append([start, stop])
        self._index_positions.extend(other._index_positions)
        self._index_offsets.extend(other._index_offsets)
        self.end, self.end_offset, self.crc = other.end, other.end_offset, other.crc

    def offset_before(self, position: int) -> int:
        """Offset of a frame at or before the one that holds `position`."""
        place = bisect_right(self._index_positions, position) - 1
        return self._index_offsets[max(place, 0)] if self._index_offsets else FIRST_FRAME


class View(NamedTuple):
    """What a reader needs of one segment; stays true while the segment grows."""

    number: int
    first: int
    runs: tuple[tuple[int, int], ...]
    end: int


class Segments:
    def __init__(self, segments: list[Segment], end: int) -> None:
        self._list = segments
        self._end = end
        self._grown = threading.Condition()

    @property
    def end(self) -> int:
        """One past the last acknowledged record."""
        return self._end

    @property
    def last(self) -> Segment | None:
        """The newest that holds records."""
        return next((segment for segment in reversed(self._list) if segment.end > segment.first), None)

    def __len__(self) -> int:
        return len(self._list)

    def publish(self, segment: Segment, frames: list[tuple[int, int, int, int, int]]) -> None:
        """Frames (as `Segment.add` takes them) have reached the disk: show them to readers."""
        with self._grown:
            if not self._list or self._list[-1] is not segment:
                self._list.append(segment)
            for frame in frames:
                segment.add(*frame)
            self._end = segment.end
            self._grown.notify_all()

    def admit(self, segment: Segment) -> None:
        """A file that is of no use any more, so that it is deleted in its turn."""
        with self._grown:
            if segment not in self._list:
                self._list.append(segment)

    def wait_for(self, position: int, timeout_s: float) -> bool:
        with self._grown:
            return self._grown.wait_for(lambda: self._end > position, timeout_s)

    def view(self, position: int) -> View | None:
        """The segment that holds `position`, or the next one that holds anything; None at the end."""
        with self._grown:
            for segment in self._list:
                if segment.end > position and segment.runs:
                    begin = segment.offset_before(position)
                    runs = tuple((max(start, begin), stop) for start, stop in segment.runs if stop > begin)
                    return View(segment.number, segment.first, runs, segment.end)
        return None

    def oldest_below(self, position: int) -> Segment | None:
        """The oldest segment if it lies wholly below `position`. The newest that holds records always stays, for it is
        known to be on the disk and so keeps the position that comes next."""
        with self._grown:
            oldest = self._list[0] if self._list and self._list[0] is not self.last else None
            return oldest if oldest is not None and oldest.end <= position else None

    def drop(self, segment: Segment) -> None:
        """Its file is gone."""
        with self._grown:
            self._list.remove(segment)

"""Records that lie one after the other without an index, found by reading every place that may be a beginning."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from heimdall.ingest.decode.protobuf_fields import Places


@dataclass(frozen=True, slots=True)
class Followed:
    chosen: Places
    """Which of the places that were read are records, in their order."""
    _place: Places

    @property
    def count(self) -> int:
        return len(self.chosen)

    def of(self, places: Places) -> tuple[Places, Places]:
        """Of some places that were read: the number of its record for each that is one, and which those are."""
        rows = self._place[places]
        real = np.flatnonzero(rows >= 0)
        return rows[real], real


def beginnings(body: bytes, head: bytes, most: int) -> Places | None:
    """Where the bytes stand that each record begins with, the first at 0; None if there are more than `most`."""
    places = list[int]()
    at = 0
    while at >= 0:
        if len(places) == most:
            return None
        places.append(at)
        at = body.find(head, at + 1)
    return np.array(places, np.int64)


def followed(starts: Places, ends: Places, size: int, longest: int) -> Followed | None:
    """Those that come one after the other, from the first to the end of the body; `ends` is −1 where none is.

    None: there is no such row of them, or one is longer than `longest` bytes.
    """
    chosen = _chain(starts, ends, size)
    if chosen is None or int((ends - starts)[chosen].max()) > longest:
        return None
    place = np.full(len(starts), -1, np.int64)
    place[chosen] = np.arange(len(chosen))
    return Followed(chosen, place)


def _chain(starts: Places, ends: Places, size: int) -> Places | None:
    if bool((ends[:-1] == starts[1:]).all()) and ends[-1] == size:
        return np.arange(len(starts))
    following = np.searchsorted(starts, ends)
    there = (ends > starts) & (following < len(starts)) & (starts[np.minimum(following, len(starts) - 1)] == ends)
    step, at, found = np.where(there, following, -1).tolist(), 0, list[int]()
    ending = set(np.flatnonzero(ends == size).tolist())
    while True:
        found.append(at)
        if at in ending:
            return np.array(found, np.int64)
        if (at := step[at]) < 0:
            return None

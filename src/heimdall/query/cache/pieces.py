"""A time range cut along the clock, so that ranges which overlap share most of their pieces."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from heimdall.storage.versions import BUCKET_NS

HOUR_NS = 3_600 * 10**9
SIZES_NS = (BUCKET_NS, HOUR_NS, 24 * HOUR_NS)
"""Five minutes at the ragged ends, hours and days between: "the last 24 h", moved by a minute, keeps 22 hours and
all but two of its five minutes."""

MOST_PIECES = 500
"""Of one range; a longer one is asked as a whole. 500 days have as many."""


@dataclass(frozen=True, slots=True)
class Piece:
    start_ns: int
    end_ns: int
    size_ns: int
    """Of the clock's grid it lies in: `start_ns // size_ns` is one number for all its moments."""

    @property
    def whole(self) -> bool:
        """A piece as every other range is cut, worth keeping; not the ragged end of this one."""
        return self.end_ns - self.start_ns == self.size_ns


def cut(start_ns: int, end_ns: int, sizes_ns: Sequence[int] = SIZES_NS) -> list[Piece]:
    """Adjacent pieces that together are [start_ns, end_ns), as large as fit; none when they would be too many."""
    if not sizes_ns or end_ns - start_ns < 2 * sizes_ns[0]:
        return []
    if (end_ns - start_ns) // sizes_ns[-1] > MOST_PIECES:
        return []
    pieces = _cut(start_ns, end_ns, sizes_ns)
    return pieces if len(pieces) <= MOST_PIECES else []


def runs(pieces: Sequence[Piece]) -> list[list[Piece]]:
    """Neighbours of one size: one statement computes them together."""
    found: list[list[Piece]] = []
    for piece in pieces:
        last = found[-1][-1] if found else None
        if last is not None and last.end_ns == piece.start_ns and last.size_ns == piece.size_ns:
            found[-1].append(piece)
        else:
            found.append([piece])
    return found


def _cut(start_ns: int, end_ns: int, sizes_ns: Sequence[int]) -> list[Piece]:
    if start_ns >= end_ns:
        return []
    *finer, size_ns = sizes_ns
    first_ns, last_ns = -(-start_ns // size_ns) * size_ns, end_ns // size_ns * size_ns
    if finer and last_ns - first_ns < size_ns:
        return _cut(start_ns, end_ns, finer)
    if not finer:  # what is left over at the ends lies in a cell of the grid, too
        borders = sorted({start_ns, end_ns, *range(first_ns, last_ns + 1, size_ns)})
        return [Piece(a, b, size_ns) for a, b in zip(borders, borders[1:], strict=False)]
    whole = [Piece(at_ns, at_ns + size_ns, size_ns) for at_ns in range(first_ns, last_ns, size_ns)]
    return [*_cut(start_ns, first_ns, finer), *whole, *_cut(last_ns, end_ns, finer)]

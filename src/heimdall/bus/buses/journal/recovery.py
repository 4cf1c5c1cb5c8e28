"""What the files of a journal hold after a stop of any kind, decided from their bytes alone.

Positions and three statements in the headers settle every case:

- A segment's `first` voids whatever earlier segments hold at or after it: that was never acknowledged. Nothing is ever
  appended to a segment of an earlier life or to one whose write failed; the next segment's header seals it.
- `durable_before` of any frame, and `first` of any segment, say that all positions below had reached the disk. A hole
  below the highest of them is damage of acknowledged records: reported, quarantined, passed over by readers.
- Above it lies the last group of a commit, which may or may not have been acknowledged. A frame of it with a sector
  that was never written cannot have been: the log is cut there. A frame whose sectors are all written and yet wrong was
  damaged later: reported like any other.

What is kept of the last group is written and synced once more before anyone may read it, since after a failed sync the
system's cache can show pages that the disk never got.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from heimdall.bus.buses.journal.disk import QUARANTINE, Disk
from heimdall.bus.buses.journal.layout import FIRST_FRAME
from heimdall.bus.buses.journal.quarantine import Damage, known_losses
from heimdall.bus.buses.journal.segments import Segment, file_name, number_of
from heimdall.bus.buses.journal.survey import Scanned, survey
from heimdall.bus.buses.journal.verdict import Verdict
from heimdall.errors import Misconfigured

_COPY_STEP = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoveryReport:
    segments: int
    frames: int
    records: int
    scanned_bytes: int
    cut: tuple[int, int] | None
    """Segment and offset from which on bytes were left out as never acknowledged."""
    damages: tuple[Damage, ...]
    healed: int
    """Damaged header copies whose twin was whole."""
    elapsed_s: float


@dataclass(slots=True)
class Recovered:
    segments: list[Segment]
    end: int
    next_number: int
    leftovers: list[str]
    """Files without anything of use: spares and headers that never held an acknowledged frame."""
    report: RecoveryReport
    producers: dict[bytes, tuple[int, int]]
    """Of each producer the last epoch and sequence that is in the log."""


def recover(disk: Disk) -> Recovered:
    """Read and check everything, make sure the last group is on the disk.

    Raises:
        OSError: the disk could not be read or written; nothing was changed that a second try would miss.
        Misconfigured: nothing that can be read tells which position comes next; the message says what to do.
    """
    started = time.perf_counter()
    numbers = sorted(number for name in disk.names() if (number := number_of(name)) is not None)
    scanned: list[Scanned] = []
    void_from: int | None = None
    for number in reversed(numbers):  # newest first: each says what is void in those before
        found = survey(disk, number, void_from)
        scanned.append(found)
        if found.first is not None:
            void_from = found.first if void_from is None else min(void_from, found.first)
    scanned.reverse()
    durable = max((max(s.durable_before, s.header.first if s.header else 0) for s in scanned), default=0)
    verdict = Verdict(scanned, durable)
    losses = known_losses(disk)
    reported = max((stop for _, stop in losses), default=1)
    if verdict.unknowable is not None and not any(first == stop for first, stop in losses):
        raise Misconfigured(
            f"journal: {file_name(verdict.unknowable)} is damaged beyond reading, and no other file tells which "
            f"position comes next; move it away and make an empty file {QUARANTINE}/N-N.json, N being above every "
            "position stored so far"
        )
    if verdict.cut is not None and not verdict.strangers:
        _zero(disk, *verdict.cut)
    _write_again(disk, verdict.segments, durable)
    disk.sync_names()
    useful = {segment.number for segment in verdict.segments}
    report = RecoveryReport(
        segments=len(verdict.segments),
        frames=verdict.frames,
        records=verdict.records,
        scanned_bytes=sum(s.size for s in scanned),
        cut=verdict.cut,
        damages=tuple(verdict.damages),
        healed=sum(s.healed for s in scanned),
        elapsed_s=time.perf_counter() - started,
    )
    sealed = max((s.number for s in scanned if s.header is not None), default=0)
    leftovers = [
        file_name(s.number)
        for s in scanned
        if s.blank and s.number not in useful and (not s.items or s.number < sealed)
    ]
    return Recovered(
        verdict.segments,
        max(verdict.position, reported),
        max(numbers, default=0) + 1,
        leftovers,
        report,
        verdict.producers,
    )


def _zero(disk: Disk, number: int, offset: int) -> None:
    """Make sure that what was left out once stays out, whatever happens to the bytes before it later."""
    file = disk.open(file_name(number))
    try:
        for at in range(offset, file.size, _COPY_STEP):
            piece = file.read(at, min(_COPY_STEP, file.size - at))
            if piece.count(0) != len(piece):
                file.write(at, [bytes(len(piece))])
        file.sync()
    finally:
        file.close()


def _write_again(disk: Disk, segments: list[Segment], durable: int) -> None:
    """What no later statement proves to be on the disk: write the same bytes once more, and sync.

    The last header is part of it, frames or not: it may void frames of the segment before, and they must not come back.
    """
    for segment in segments:
        if segment is not segments[-1] and (segment.end <= durable or not segment.runs):
            continue
        file = disk.open(file_name(segment.number))
        try:
            file.write(0, [file.read(0, FIRST_FRAME)])
            begin = segment.offset_before(durable)
            for start, stop in segment.runs:
                for offset in range(max(start, begin), stop, _COPY_STEP):
                    file.write(offset, [file.read(offset, min(_COPY_STEP, stop - offset))])
            file.sync()
        finally:
            file.close()

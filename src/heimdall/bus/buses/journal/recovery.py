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
from collections.abc import Iterator
from dataclasses import dataclass, field

from heimdall.bus.buses.journal.disk import Disk, File
from heimdall.bus.buses.journal.layout import (
    FIRST_FRAME,
    MAX_RECORDS,
    FrameHeader,
    SegmentHeader,
    chain_seed,
    parse_segment_header,
)
from heimdall.bus.buses.journal.quarantine import Damage, known_losses
from heimdall.bus.buses.journal.scan import Hole, strangers_in, walk
from heimdall.bus.buses.journal.segments import Segment, file_name, number_of

_COPY_STEP = 1 << 20
_STRANGER_RANGE = 16 * MAX_RECORDS
"""A misdirected frame further ahead than this is none: a sender could have put its bytes into a message."""


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
class Run:
    """Frames that follow each other in bytes and positions."""

    segment: Segment
    end: int
    frames: int = 0
    records: int = 0
    producers: dict[bytes, tuple[int, int]] = field(default_factory=dict)
    """Epoch and sequence of each producer's last frame."""

    @property
    def first(self) -> int:
        return self.segment.first


@dataclass(slots=True)
class Scanned:
    """One file as found."""

    number: int
    size: int
    header: SegmentHeader | None
    blank: bool
    """Its header was never written: a spare, or a first commit that did not get through."""
    items: list[Run | Hole] = field(default_factory=list)
    later_groups: bool = False
    """It holds frames of a second commit. The first one writes the segment header, too: without a second, a blank
    header says that the first did not get through."""
    strangers: tuple[FrameHeader, ...] = ()
    """Frames found before the first place where one may be."""
    durable_before: int = 0
    healed: int = 0

    @property
    def first(self) -> int | None:
        """Position of its first record, from the header or, should that be gone, the first frame. None for a file
        that holds nothing anyone was told of."""
        if self.header is not None:
            return self.header.first
        if self.blank and not self.later_groups:
            return None
        return next((item.first for item in self.items if isinstance(item, Run)), None)


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
    """
    started = time.perf_counter()
    numbers = sorted(number for name in disk.names() if (number := number_of(name)) is not None)
    scanned: list[Scanned] = []
    void_from: int | None = None
    for number in reversed(numbers):  # newest first: each says what is void in those before
        found = _scan(disk, number, void_from)
        scanned.append(found)
        if found.first is not None:
            void_from = found.first if void_from is None else min(void_from, found.first)
    scanned.reverse()
    durable = max((max(s.durable_before, s.header.first if s.header else 0) for s in scanned), default=0)
    verdict = _Verdict(scanned, durable)
    reported = max((stop for _, stop in known_losses(disk)), default=1)
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


def _scan(disk: Disk, number: int, void_from: int | None) -> Scanned:
    file = disk.open(file_name(number))
    try:
        region = file.read(0, FIRST_FRAME)
        header, intact = parse_segment_header(region)
        if header is not None and header.segment != number:
            header = None
        found = Scanned(number, file.size, header, not any(region), healed=int(header is not None and not intact))
        if not intact and not found.blank:
            found.strangers = strangers_in(file, number, 0, FIRST_FRAME)
        found.items = list(_runs(file, number, void_from, found))
        return found
    finally:
        file.close()


def _runs(file: File, number: int, void_from: int | None, found: Scanned) -> Iterator[Run | Hole]:
    run: Run | None = None
    for item in walk(file, number, FIRST_FRAME, file.size, previous_crc=chain_seed(number)):
        frame = item.header
        if frame is not None:
            later = 0 < found.durable_before != frame.durable_before
            later = later or (frame.first == frame.durable_before and frame.offset > FIRST_FRAME)
            found.later_groups = found.later_groups or later
            found.durable_before = max(found.durable_before, frame.durable_before)
        if frame is not None and void_from is not None and frame.stop > void_from:
            break
        if isinstance(item, Hole):
            if run is not None:
                yield run
                run = None
            yield item
            continue
        found.healed += item.healed
        frame = item.header
        if run is not None and run.end != frame.first:
            yield run
            run = None
        if run is None:
            run = Run(Segment(number, frame.first, 0), frame.first)
        run.segment.add(frame.first, frame.stop, frame.offset, frame.end, frame.crc)
        run.end = frame.stop
        run.frames += 1
        run.records += frame.records
        if frame.producer is not None:
            run.producers[frame.producer.producer_id] = (frame.producer.epoch, frame.producer.sequence)
    if run is not None:
        yield run


class _Verdict:
    """Walks over everything found, oldest first, and settles each hole."""

    def __init__(self, scanned: list[Scanned], durable: int) -> None:
        self.segments: list[Segment] = []
        self.damages: list[Damage] = []
        self.cut: tuple[int, int] | None = None
        self.frames = self.records = 0
        self.strangers: list[FrameHeader] = []
        self._durable = durable
        self.position = next((s.first for s in scanned if s.first is not None), 1)
        self._holes: list[tuple[int, Hole]] = []
        self.producers: dict[bytes, tuple[int, int]] = {}
        for found in scanned:
            if found.first is None or self.cut is not None:
                continue
            if found.header is not None:
                if found.header.first > self.position:
                    self._lose(found.header.first, found.number)
                self._holes.clear()
            if not self.segments:
                self._begin(found, scanned)
            self._read(found)
        self._settle_tail(scanned)

    def _begin(self, found: Scanned, scanned: list[Scanned]) -> None:
        """The oldest segment: is anything missing before it, or before its first frame? How much is not known."""
        if found.header is not None:
            before = next((s for s in scanned if s.number == found.header.previous_segment), None)
            if before is None:
                return
            number, hole = before.number, next((item for item in before.items if isinstance(item, Hole)), None)
        else:
            number, first = found.number, found.items[0]
            if not isinstance(first, Hole):
                return
            hole = first
        stop, self.position = self.position, max(1, self.position - MAX_RECORDS)
        if hole is not None:
            self._holes.append((number, hole))
        if self.position < stop:
            self._lose(stop, number, exact=False)

    def _read(self, found: Scanned) -> None:
        kept = Segment(found.number, self.position, chain_seed(found.number))
        self.segments.append(kept)
        for item in found.items:
            if isinstance(item, Hole):
                self._hole(found.number, item)
            elif item.first >= self.position:
                if item.first > self.position and not self._was_acknowledged():
                    self._cut_at(found.number, item.segment.runs[0][0])
                elif item.first > self.position:
                    self._lose(item.first, found.number)
                if self.cut is None:
                    self._keep(kept, item)
            if self.cut is not None:
                return

    def _hole(self, number: int, hole: Hole) -> None:
        frame = hole.header
        if frame is not None and frame.first > self.position:
            if not self._was_acknowledged():
                self._cut_at(number, hole.offset)
                return
            self._lose(frame.first, number)
        if frame is None or frame.first < self.position:
            self._holes.append((number, hole))
        elif hole.unwritten and self.position >= self._durable:
            self._cut_at(number, hole.offset)
        else:
            self._holes.append((number, hole))
            self._lose(frame.stop, number)

    def _was_acknowledged(self) -> bool:
        """Whether the records that are missing at `position` were."""
        return self.position < self._durable or bool(self._holes and not self._holes[0][1].unwritten)

    def _keep(self, kept: Segment, run: Run) -> None:
        kept.adopt(run.segment)
        self.position = run.end
        self.frames += run.frames
        self.records += run.records
        self.producers |= run.producers
        self._holes.clear()

    def _lose(self, stop: int, number: int, *, exact: bool = True) -> None:
        """Records from `position` up to `stop` are gone."""
        number, hole = self._holes[0] if self._holes else (number, None)
        frame = hole.header if hole and hole.header and hole.header.stop == stop else None
        self.damages.append(
            Damage(
                segment=number,
                offset=hole.offset if hole else 0,
                length=hole.end - hole.offset if hole else 0,
                first=self.position,
                stop=stop,
                exact=exact and stop - self.position < MAX_RECORDS,  # more is a jump made by an earlier recovery
                reason=hole.reason if hole else "missing",
                tenant=frame.tenant if frame else None,
                accepted_at_ns=frame.accepted_at_ns if frame else None,
            )
        )
        self.position = stop
        self._holes.clear()

    def _cut_at(self, number: int, offset: int) -> None:
        self.cut = (number, offset)

    def _settle_tail(self, scanned: list[Scanned]) -> None:
        """After the last good frame: damage whose extent is unknown, or an end like any other."""
        if not scanned:
            return
        if self.cut is None and self._holes:
            number, hole = self._holes[0]
            if hole.unwritten:
                self._cut_at(number, hole.offset)
            else:
                self._lose(self.position + MAX_RECORDS, number, exact=False)
        self.strangers = [frame for s in scanned for frame in s.strangers]
        for found in scanned:
            self.strangers += [frame for item in found.items if isinstance(item, Hole) for frame in item.strangers]
        near = self.position + _STRANGER_RANGE
        stop = max((frame.stop for frame in self.strangers if frame.stop <= near), default=0)
        if stop > self.position:
            self._lose(stop, scanned[-1].number, exact=False)


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

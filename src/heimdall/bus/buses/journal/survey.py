"""What each file of a journal holds, before anything is concluded from it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from heimdall.bus.buses.journal.disk import Disk, File
from heimdall.bus.buses.journal.layout import (
    FIRST_FRAME,
    FrameHeader,
    SegmentHeader,
    chain_seed,
    parse_segment_header,
)
from heimdall.bus.buses.journal.scan import Hole, strangers_in, walk
from heimdall.bus.buses.journal.segments import Segment, file_name


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
        for item in self.items:
            if isinstance(item, Run):
                return item.first
            if item.header is not None:
                return item.header.first
        return None

    @property
    def destroyed(self) -> bool:
        """Something was written, perhaps in the wrong place, and not even one position can be read from it."""
        return self.first is None and not self.blank


def survey(disk: Disk, number: int, void_from: int | None) -> Scanned:
    """Read and check one file, up to the first frame that reaches beyond position `void_from`.

    Raises:
        OSError: the disk could not be read.
    """
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
        if header is not None and file.size < header.segment_bytes:
            found.items.append(
                Hole(file.size, header.segment_bytes, None, False, "the file is shorter than it was made")
            )
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

"""What a journal's files mean together: which frames stand, what is lost, where the log goes on."""

from __future__ import annotations

from heimdall.bus.buses.journal.layout import FrameHeader, chain_seed
from heimdall.bus.buses.journal.quarantine import Damage
from heimdall.bus.buses.journal.scan import Hole
from heimdall.bus.buses.journal.segments import Segment
from heimdall.bus.buses.journal.survey import Run, Scanned
from heimdall.bus.codec import MAX_RECORDS

_STRANGER_RANGE = 16 * MAX_RECORDS
"""A misdirected frame further ahead than this is none: a sender could have put its bytes into a message."""


class Verdict:
    """Walks over everything found, oldest first, and settles each hole by the rules of `recovery`."""

    def __init__(self, scanned: list[Scanned], durable: int) -> None:
        self.segments: list[Segment] = []
        self.damages: list[Damage] = []
        self.cut: tuple[int, int] | None = None
        self.frames = self.records = 0
        self.strangers: list[FrameHeader] = []
        self.unknowable: int | None = None
        """Segment that is destroyed and the only one: nothing tells which position comes next."""
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
            if not isinstance(first, Hole) or (first.header is not None and first.header.first == self.position):
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
        newest = self.segments[-1].number if self.segments else 0
        destroyed = next((s for s in scanned if s.destroyed and s.number > newest), None)
        if destroyed is not None and not self.segments and not self.damages:
            self.unknowable = destroyed.number
        elif destroyed is not None:
            self._lose(self.position + MAX_RECORDS, destroyed.number, exact=False)

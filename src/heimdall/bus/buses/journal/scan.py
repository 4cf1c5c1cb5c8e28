"""Walk over the frames of a segment file, checking each; what does not check out becomes a hole."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from google_crc32c import value

from heimdall.bus.buses.journal.disk import File
from heimdall.bus.buses.journal.layout import (
    FRAME_MAGIC,
    HEADER_COPY,
    SECTOR,
    ZERO_SECTOR,
    FrameHeader,
    padded,
    parse_frame_header,
)

_STEP = 1 << 20
"""Bytes looked at in one piece when searching for the next frame after a hole."""
_READ_AHEAD = 64 * 1024
"""Bytes read together with a header, so that small frames cost one system call for many."""


class Good(NamedTuple):
    header: FrameHeader
    payload: bytes
    """Empty for frames that were only passed over."""
    healed: bool
    """One of the two header copies is damaged; nothing is lost."""


class Hole(NamedTuple):
    """Bytes [offset, end) that should be frames and are not."""

    offset: int
    end: int
    header: FrameHeader | None
    """Known when the damage is in the payload: the hole is exactly this frame."""
    unwritten: bool
    """A sector of it was never written, as after a power cut in the middle of a write."""
    reason: str
    strangers: tuple[FrameHeader, ...] = ()
    """Frames found inside that belong elsewhere: a write went to the wrong place."""


def walk(
    file: File, segment: int, offset: int, stop: int, *, previous_crc: int | None, from_position: int = 0
) -> Iterator[Good | Hole]:
    """Frames in [offset, stop), in order. Ends where only zeros follow.

    `previous_crc`: checksum of the frame before, None when unknown. Payloads of frames wholly before `from_position`
    are neither read nor checked.

    Raises:
        OSError: the disk could not be read.
    """
    window, window_at = b"", 0
    while offset < stop:
        if not window_at <= offset <= offset + SECTOR <= window_at + len(window):
            window, window_at = file.read(offset, min(_READ_AHEAD, stop - offset)), offset
        begin = offset - window_at
        header, intact = parse_frame_header(window[begin : begin + SECTOR])
        if header is None or header.segment != segment or header.offset != offset or header.end > stop:
            hole = _search(file, segment, offset, stop)
            if hole is None:
                return
            yield hole
            offset, previous_crc = hole.end, None
            continue
        if header.stop <= from_position:
            yield Good(header, b"", not intact)
        else:
            size = padded(header.payload_bytes)
            begin += SECTOR
            cached = begin + size <= len(window)
            payload = window[begin : begin + size] if cached else file.read(offset + SECTOR, size)
            if value(payload) != header.payload_crc or len(payload) != size:
                zeros = sum(payload[at : at + SECTOR] == ZERO_SECTOR for at in range(0, len(payload), SECTOR))
                strangers = strangers_in(file, segment, offset + SECTOR, header.end)
                yield Hole(
                    offset, header.end, header, zeros > header.zero_sectors, "payload checksum differs", strangers
                )
            elif previous_crc is not None and header.previous_crc != previous_crc:
                yield Hole(offset, header.end, header, False, "does not follow the frame before it")
            else:
                yield Good(header, payload[: header.payload_bytes], not intact)
        previous_crc, offset = header.crc, header.end


def strangers_in(file: File, segment: int, offset: int, stop: int) -> tuple[FrameHeader, ...]:
    """Frames in [offset, stop) of `file` that belong elsewhere."""
    hole = _search(file, segment, offset, stop)
    return hole.strangers if hole is not None else ()


def _search(file: File, segment: int, offset: int, stop: int) -> Hole | None:
    """The hole from `offset` to the next frame that belongs where it is; None if nothing but zeros follows."""
    strangers: list[FrameHeader] = []
    blank = True
    unwritten = False
    for at in range(offset, stop, _STEP):
        piece = file.read(at, min(_STEP, stop - at))
        if at == offset:
            unwritten = piece[:SECTOR] == ZERO_SECTOR
        if piece.count(0) == len(piece):
            continue
        blank = False
        found = piece.find(FRAME_MAGIC)
        while found >= 0:
            if found % HEADER_COPY == 0:
                begin = found // SECTOR * SECTOR
                header, _ = parse_frame_header(piece[begin : begin + SECTOR])
                if header is not None:
                    if header.segment == segment and header.offset == at + begin and header.end <= stop:
                        return Hole(offset, at + begin, None, unwritten, _reason(strangers), tuple(strangers))
                    if not strangers or strangers[-1] != header:
                        strangers.append(header)
            found = piece.find(FRAME_MAGIC, found + 1)
    return None if blank else Hole(offset, stop, None, unwritten, _reason(strangers), tuple(strangers))


def _reason(strangers: list[FrameHeader]) -> str:
    return "holds frames that belong elsewhere" if strangers else "frame header unreadable"

"""One file on its way: what was read, what of it can be sent, and what is kept already."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from heimdall.bus.port import ProducerKey
from heimdall.ingest.decode.text import MAX_RECORD_BYTES, Cut
from heimdall.ingest.sources.checkpoints import Checkpoint
from heimdall.ingest.sources.content import HEAD_BYTES, TAIL_BYTES, Content, digest
from heimdall.ingest.sources.record_ends import closed_records_end
from heimdall.ingest.sources.sink import Chunk

CHUNK_BYTES = 4 << 20
"""Sent at a time: some 20,000 lines, decoded in a fifth of a second. Larger: more memory, a longer wait on retry."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long a file must not have grown before its open end is sent, s."""

    record_s: float = 0.5
    """For the last record, which lines yet to come may continue. Larger: later in search, fewer records cut in two."""
    line_s: float = 5.0
    """For a last line without a newline."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A chunk, and what is true once it is kept."""

    chunk: Chunk
    after: Checkpoint
    rest: bytes
    tail: bytes


@dataclass(slots=True)
class _LongLine:
    """A line longer than a chunk: its beginning is kept (one byte over the limit, so that it is seen to be cut), the
    rest counted."""

    head: bytes
    length: int
    last: bytes


class TailedFile:
    """Driven by one thread: `next_piece`, and after its chunk is kept `advance`."""

    def __init__(self, path: Path, content: Content, checkpoint: Checkpoint, patience: Patience, now: float) -> None:
        self.path = path
        self.content = content
        self.checkpoint = checkpoint
        self.grown_at = now
        self.at_end = False
        self._patience = patience
        self._buffer = b""
        self._tail = content.read(max(0, checkpoint.offset - TAIL_BYTES), min(TAIL_BYTES, checkpoint.offset))
        self._long: _LongLine | None = None
        self._held = -1
        """Length of the buffer when last no record in it was closed."""

    @property
    def read_to(self) -> int:
        """Offset up to which the content was read."""
        return self.checkpoint.offset + (self._long.length if self._long else 0) + len(self._buffer)

    def move_to(self, content: Content) -> None:
        """Go on in another file that holds the same bytes (a rotated copy); the old content is the caller's again."""
        self.content = content

    def next_piece(self, now: float, *, ended: bool) -> Piece | None:
        """What can be sent now; the same again until `advance`. `ended`: nothing will be added any more."""
        if self.checkpoint.pending is not None:
            again = self._pending_piece(self.checkpoint.pending)
            if again is not None:
                return again
            self.checkpoint = replace(self.checkpoint, pending=None)  # the bytes are gone
        if self._long is None:
            self._read(now)
        if self._long is not None:
            return self._long_piece(now, ended=ended)
        end = self._end(now, ended=ended)
        return self._piece(self._buffer[:end], end) if end else None

    def advance(self, piece: Piece) -> None:
        self.checkpoint = piece.after
        self._buffer, self._tail, self._long, self._held = piece.rest, piece.tail, None, -1

    def intent(self, piece: Piece) -> Checkpoint:
        """To be on disk before the chunk is sent."""
        return replace(self.checkpoint, pending=piece.after.offset)

    def _read(self, now: float) -> None:
        wanted = CHUNK_BYTES - len(self._buffer)
        found = self.content.read(self.read_to, wanted) if wanted > 0 else b""
        self.at_end = len(found) < wanted
        if found:
            self._buffer += found
            self.grown_at = now
        if len(self._buffer) >= CHUNK_BYTES and b"\n" not in self._buffer:
            self._long = _LongLine(self._buffer[: MAX_RECORD_BYTES + 1], len(self._buffer), self._buffer[-TAIL_BYTES:])
            self._buffer = b""

    def _end(self, now: float, *, ended: bool) -> int:
        """How much of the buffer can be sent."""
        quiet_s = now - self.grown_at if self.at_end else 0.0
        if self.at_end and (ended or quiet_s >= self._patience.line_s):
            return len(self._buffer)
        lines = self._buffer.rfind(b"\n") + 1
        if self.at_end and quiet_s >= self._patience.record_s:
            return lines
        if len(self._buffer) >= CHUNK_BYTES:
            return closed_records_end(self._buffer[:lines]) or lines
        if lines == 0 or self._held == len(self._buffer):
            return 0
        end = closed_records_end(self._buffer[:lines])
        if end == 0:
            self._held = len(self._buffer)
        return end

    def _piece(self, data: bytes, end: int) -> Piece:
        tail = (self._tail + data)[-TAIL_BYTES:]
        return self._made(data, self.checkpoint.offset + end, self._buffer[end:], tail)

    def _long_piece(self, now: float, *, ended: bool) -> Piece | None:
        long = self._long
        assert long is not None  # the caller looked
        while True:
            window = self.content.read(self.checkpoint.offset + long.length, MAX_RECORD_BYTES)
            if not window:
                self.at_end = True
                if ended or now - self.grown_at >= self._patience.line_s:
                    return self._cut_piece(long, self.checkpoint.offset + long.length, b"", long.last)
                return None
            self.grown_at = now
            newline = window.find(b"\n")
            if newline >= 0:
                last = (long.last + window[: newline + 1])[-TAIL_BYTES:]
                line = _LongLine(long.head, long.length + newline, last)
                end = self.checkpoint.offset + line.length + 1
                return self._cut_piece(line, end, window[newline + 1 :], last)
            long.length += len(window)
            long.last = (long.last + window)[-TAIL_BYTES:]

    def _cut_piece(self, long: _LongLine, end: int, rest: bytes, tail: bytes) -> Piece:
        return self._made(long.head + b"\n", end, rest, tail, (Cut(line=0, original_bytes=long.length),))

    def _pending_piece(self, end: int) -> Piece | None:
        """The chunk that was on its way when the process stopped, byte for byte."""
        offset = self.checkpoint.offset
        last = self.content.read(max(offset, end - TAIL_BYTES), end - max(offset, end - TAIL_BYTES))
        if offset + len(last) < end and len(last) < TAIL_BYTES:
            return None
        if end - offset > CHUNK_BYTES:
            length = end - offset - last.endswith(b"\n")
            head = self.content.read(offset, MAX_RECORD_BYTES + 1)
            return self._made(head + b"\n", end, b"", last, (Cut(line=0, original_bytes=length),))
        data = self.content.read(offset, end - offset)
        return self._made(data, end, b"", (self._tail + data)[-TAIL_BYTES:]) if len(data) == end - offset else None

    def _made(self, data: bytes, end: int, rest: bytes, tail: bytes, cut: tuple[Cut, ...] = ()) -> Piece:
        known = self.checkpoint
        key = ProducerKey(bytes.fromhex(known.producer), known.epoch, end)
        after = replace(known, offset=end, pending=None, tail=digest(tail), path=str(self.path))
        if known.head_bytes < HEAD_BYTES and known.head_bytes < end:
            head = self.content.read(0, min(HEAD_BYTES, end)) if hasattr(self.content, "stat") else b""
            if len(head) > known.head_bytes:
                after = replace(after, head_bytes=len(head), head=digest(head))
        return Piece(Chunk(data, key, str(self.path), cut), after, rest, tail)

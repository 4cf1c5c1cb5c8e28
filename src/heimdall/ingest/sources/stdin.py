"""Lines from a pipe or terminal. What has gone through is gone: nothing is resumed after a restart."""

from __future__ import annotations

import os
import secrets
import select
import threading
from collections.abc import Callable
from pathlib import Path

from heimdall.clock import Clock
from heimdall.ingest.sources.checkpoints import Checkpoint
from heimdall.ingest.sources.content import digest
from heimdall.ingest.sources.rewriting import Rewriting, is_undecided, rewriting_of
from heimdall.ingest.sources.sink import Outcome, Sink, send_until_kept
from heimdall.ingest.sources.tailed_file import Patience, TailedFile

_POLL_S = 0.1
"""Between looks whether the last record may be sent."""


class PipeContent:
    """What has arrived, made into lines; read forward only."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._head: bytes | None = b""
        """What came before it was known whether it has to be rewritten; None from then on."""
        self._rewriting: Rewriting | None = None
        self._ready = b""
        self.ended = False

    def read(self, _offset: int, size: int) -> bytes:
        while len(self._ready) < size and not self.ended and self.wait(0):
            part = os.read(self._descriptor, min(size, 1 << 20))
            self.ended = not part
            self._ready += self._lines(part)
        found, self._ready = self._ready[:size], self._ready[size:]
        return found

    def finish(self) -> None:
        """Nothing more is read; what has arrived is given out."""
        if not self.ended:
            self.ended = True
            self._ready += self._lines(b"")

    def _lines(self, part: bytes) -> bytes:
        if self._head is not None:
            part = self._head + part
            if is_undecided(part) and not self.ended:
                self._head = part
                return b""
            self._head = None
            self._rewriting = rewriting_of(part)
        return part if self._rewriting is None else self._rewriting.feed(part, final=self.ended)

    def wait(self, timeout_s: float) -> bool:
        """Whether there is something to read, or the end."""
        poll = select.poll()  # not `select`, which takes no descriptor above 1,023
        poll.register(self._descriptor, select.POLLIN)
        return bool(poll.poll(timeout_s * 1e3))

    def close(self) -> None:
        """The descriptor is the caller's."""


class StdinSource:
    """Driven by one thread. Keys name what was sent, so that a chunk the receiver answered too late is kept once."""

    def __init__(
        self,
        descriptor: int,
        sink: Sink,
        clock: Clock,
        *,
        patience: Patience | None = None,
        new_id: Callable[[], bytes] = lambda: secrets.token_bytes(16),
        on_progress: Callable[[int], None] = lambda _: None,
    ) -> None:
        """`on_progress` is told how many bytes are kept."""
        self._content = PipeContent(descriptor)
        self._sink = sink
        self._clock = clock
        self._on_progress = on_progress
        checkpoint = Checkpoint(
            producer=new_id().hex(), path="-", device=0, inode=0, head_bytes=0, head=digest(b""), tail=digest(b"")
        )
        self._stream = TailedFile(Path("-"), self._content, checkpoint, patience or Patience(), clock.monotonic())
        self.refused_chunks = 0
        """Chunks the receiver would never take; they were passed over."""

    def run(self, stop: threading.Event | None = None) -> None:
        """Until the end of the stream, or until `stop` is set; what was read by then is sent."""
        stop = stop or threading.Event()
        while not stop.is_set():
            ended = self._content.ended  # before the read: what comes with the end is sent by the next turn
            if not self._send_next(stop, ended=ended):
                if ended:
                    return
                self._content.wait(_POLL_S)
        self._content.finish()
        while self._send_next(stop, ended=True):
            pass

    def _send_next(self, stop: threading.Event, *, ended: bool) -> bool:
        piece = self._stream.next_piece(self._clock.monotonic(), ended=ended)
        if piece is None:
            return False
        outcome = send_until_kept(self._sink, piece.chunk, stop)
        if outcome is Outcome.STOPPED:
            return False
        self.refused_chunks += outcome is Outcome.REFUSED
        self._stream.advance(piece)
        self._on_progress(self._stream.checkpoint.offset)
        return True

"""Log files: found by glob, read to the end, followed, through rotation and restarts; no line twice, none lost.

A file is known by device, inode and its first bytes, not by its name. What can happen to it:

- renamed and made anew (`create`): the open file is read to its end, then the new one from its beginning
- copied and truncated (`copytruncate`): what was written between the last look and the truncation is read from the
  copy, then the file anew under a higher epoch
- compressed after rotation: the compressed file begins with the same bytes, and only what follows is read
- rewritten in place: its first or last known bytes differ; it is read anew

What is compressed, a JSON array, CSV or UTF-16 is made into lines while it is read, from its beginning to its end.
"""

from __future__ import annotations

import errno
import glob
import logging
import os
import secrets
import stat
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from heimdall.clock import Clock
from heimdall.ingest.sources.checkpoints import Checkpoint, CheckpointStore
from heimdall.ingest.sources.content import (
    HEAD_BYTES,
    TAIL_BYTES,
    CompressedContent,
    Content,
    PlainContent,
    digest,
    is_binary,
    is_compressed,
    open_content,
)
from heimdall.ingest.sources.sink import Outcome, Sink, send_until_kept
from heimdall.ingest.sources.tailed_file import Patience, Piece, TailedFile

_LOG = logging.getLogger(__name__)

_COPY_HEAD_BYTES = 24
"""Least common beginning of a file and its copy: a time. Shorter ones may be alike by chance."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FilesConfig:
    """How files are read."""

    poll_s: float = 0.25
    """Between looks at the files for growth. Larger: later in search, less work while idle."""
    scan_s: float = 2.0
    """Between looks for new files."""
    rotated_grace_s: float = 5.0
    """How long a file that lost its name is kept open: writers go on for a while before they open the new one."""
    skip_binary: bool = False
    """Whether files that begin with anything but text are passed over."""
    patience: Patience = field(default_factory=Patience)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far one file is."""

    path: Path
    offset: int
    """Bytes kept (of a compressed file: decompressed)."""
    size: int | None
    """Bytes there; None for a compressed file."""


class FileSource:
    """Driven by one thread: `run` to follow, `drain` to read what is there and stop."""

    def __init__(
        self,
        patterns: Sequence[str],
        sink: Sink,
        clock: Clock,
        *,
        config: FilesConfig | None = None,
        checkpoint_dir: Path | None = None,
        new_id: Callable[[], bytes] = lambda: secrets.token_bytes(16),
        on_progress: Callable[[Progress], None] = lambda _: None,
    ) -> None:
        """`patterns`: paths or globs (`**` included). `checkpoint_dir` None: each start reads from the beginning.

        Raises:
            Misconfigured: the checkpoints cannot be kept there.
        """
        self._patterns = tuple(patterns)
        self._descends = any("**" in pattern for pattern in self._patterns)
        self._sink = sink
        self._clock = clock
        self._config = config or FilesConfig()
        self._store = CheckpointStore(checkpoint_dir)
        self._new_id = new_id
        self._on_progress = on_progress
        self._known: dict[str, Checkpoint] = {c.producer: c for c in self._store.load()}
        self._open: dict[tuple[int, int], TailedFile] = {}
        self._rotated_at: dict[tuple[int, int], float] = {}
        self._looked: dict[tuple[int, int], tuple[int, int]] = {}
        self._elsewhere: set[tuple[int, int]] = set()
        self._passed: dict[tuple[int, int], tuple[int, int]] = {}
        """Files that need no look before they change: size and time of change when they were read out."""
        self._following = False
        self._scanned_at = float("-inf")
        self._recovered = False
        self.refused_chunks = 0
        """Chunks the receiver would never take; they were passed over."""
        self.damaged: dict[Path, str] = {}
        """Compressed files that could be read in part only, and why."""
        self.binary: set[Path] = set()
        """Files that were passed over because they are no text."""
        self.unreadable: dict[Path, str] = {}
        """Files and folders that are there and cannot be read, and why."""

    # --- driving

    def run(self, stop: threading.Event) -> None:
        """Follow until `stop` is set."""
        while not stop.is_set():
            if not self.poll(stop):
                stop.wait(self._config.poll_s)
        self.close()

    def drain(self, stop: threading.Event | None = None) -> None:
        """Read all that is there, open ends included, and close."""
        stop = stop or threading.Event()
        self._recover(stop)
        self._scan(stop)
        for identity in list(self._open):
            if not stop.is_set():
                file = self._open[identity]
                self._read_out(file, stop)
                damaged = isinstance(file.content, CompressedContent) and self._report_damage(file, file.content)
                self._close(identity, done=isinstance(file.content, CompressedContent) and not damaged)
        self.close()

    def poll(self, stop: threading.Event | None = None) -> bool:
        """Look once at every file; whether anything was sent."""
        stop = stop or threading.Event()
        self._following = True
        now = self._clock.monotonic()
        if now - self._scanned_at >= self._config.scan_s:
            self._recover(stop)
            for identity, file in list(self._open.items()):  # before their copies are found
                if isinstance(file.content, PlainContent) and self._began_anew(identity, file, file.content):
                    self._start_over(identity, file, stop)
            self._scan(stop)
            self._scanned_at = now
        sent = False
        for identity in list(self._open):
            if stop.is_set():
                break
            sent |= self._look_at(identity, stop)
        return sent

    def close(self) -> None:
        for identity in list(self._open):
            self._close(identity, done=False)
        self._store.close()

    # --- one file

    def _look_at(self, identity: tuple[int, int], stop: threading.Event) -> bool:
        file = self._open[identity]
        if isinstance(file.content, CompressedContent):
            sent = self._send_next(file, stop, ended=True)
            if not sent and not stop.is_set():
                damaged = self._report_damage(file, file.content)
                self._close(identity, done=not damaged)
            return sent
        if self._began_anew(identity, file, file.content):
            self._start_over(identity, file, stop)
            return True
        sent = self._send_next(file, stop, ended=False)
        if not sent and file.at_end and self._is_rotated_out(identity, file):
            self._read_out(file, stop)
            if not stop.is_set():
                self._close(identity, done=True)
        return sent

    def _send_next(self, file: TailedFile, stop: threading.Event, *, ended: bool) -> bool:
        piece = file.next_piece(self._clock.monotonic(), ended=ended)
        return piece is not None and self._deliver(file, piece, stop)

    def _read_out(self, file: TailedFile, stop: threading.Event) -> None:
        """Send all there is of a file to which nothing will be added."""
        while not stop.is_set() and self._send_next(file, stop, ended=True):
            pass

    def _deliver(self, file: TailedFile, piece: Piece, stop: threading.Event) -> bool:
        """Until it is kept; False when told to stop before."""
        self._store.save(file.intent(piece), durable=True)
        outcome = send_until_kept(self._sink, piece.chunk, stop)
        if outcome is Outcome.STOPPED:
            return False
        self.refused_chunks += outcome is Outcome.REFUSED
        file.advance(piece)
        self._keep(file.checkpoint)
        self._on_progress(Progress(file.path, file.checkpoint.offset, _size(file.content)))
        return True

    def _keep(self, checkpoint: Checkpoint) -> None:
        self._known[checkpoint.producer] = checkpoint
        self._store.save(checkpoint, durable=False)

    def _close(self, identity: tuple[int, int], *, done: bool) -> None:
        file = self._open.pop(identity)
        self._rotated_at.pop(identity, None)
        self._looked.pop(identity, None)
        file.content.close()
        if done and file.checkpoint.pending is None:
            self._keep(replace(file.checkpoint, done=True))
        self._store.release(identity[1])

    def _report_damage(self, file: TailedFile, content: CompressedContent) -> bool:
        """Whether there is more in the file than can be read, and said so."""
        if content.broken is None:
            return False
        status = file.path.stat()
        self._passed[file.checkpoint.device, file.checkpoint.inode] = (status.st_size, status.st_mtime_ns)
        self.damaged[file.path] = content.broken
        _LOG.warning("%s is damaged or unfinished after %d bytes: %s", file.path, file.read_to, content.broken)
        return True

    # --- rotation

    def _began_anew(self, identity: tuple[int, int], file: TailedFile, content: Content) -> bool:
        """Whether the file no longer holds what was read of it."""
        assert isinstance(content, PlainContent)  # compressed files are read once
        status = content.stat()
        if status.st_size < file.read_to:
            return True
        looked = (status.st_size, status.st_mtime_ns)
        if self._looked.get(identity) == looked:
            return False
        self._looked[identity] = looked
        return not holds(content, file.checkpoint)

    def _start_over(self, identity: tuple[int, int], file: TailedFile, stop: threading.Event) -> None:
        """Read the rest of what was there from a copy, if there is one, then begin at the beginning."""
        own = file.content  # its name may be another file's by now
        copy = self._find_copy(file.checkpoint, at_least=file.read_to)
        file.move_to(_Nothing() if copy is None else copy[1])
        self._read_out(file, stop)
        checkpoint = file.checkpoint
        if copy is not None:
            status = copy[0].stat()
            self._keep(
                replace(
                    checkpoint, producer=self._new_id().hex(), device=status.st_dev, inode=status.st_ino,
                    path=str(copy[0]), pending=None, done=True,
                )
            )  # fmt: skip
        file.content.close()
        del self._open[identity]
        self._looked.pop(identity, None)
        if stop.is_set():
            own.close()
            return
        head = own.read(0, HEAD_BYTES)
        again = replace(
            checkpoint, epoch=checkpoint.epoch + 1, offset=0, pending=None, tail=digest(b""),
            head_bytes=len(head), head=digest(head),
        )  # fmt: skip
        self._keep(again)
        self._track(file.path, own, again)

    def _is_rotated_out(self, identity: tuple[int, int], file: TailedFile) -> bool:
        """Whether its name belongs to another file, or to none, for so long that no writer is left."""
        try:
            status = file.path.stat()
            if (status.st_dev, status.st_ino) == identity:
                self._rotated_at.pop(identity, None)
                return False
        except OSError:
            pass
        now = self._clock.monotonic()
        since = max(self._rotated_at.setdefault(identity, now), file.grown_at)
        return now - since >= self._config.rotated_grace_s

    def _find_copy(self, checkpoint: Checkpoint, *, at_least: int) -> tuple[Path, Content] | None:
        """A file beside it that begins with what was read, and goes at least as far."""
        if checkpoint.head_bytes < _COPY_HEAD_BYTES:
            return None
        original = Path(checkpoint.path)
        for path in _beside(original):
            if path == original or not _is_related(path.name, original.name):
                continue
            with suppress(OSError):
                content = open_content(path)
                if holds(content, checkpoint) and (at_least == 0 or content.read(at_least - 1, 1)):
                    return path, content
                content.close()
        return None

    # --- finding files

    def _scan(self, stop: threading.Event) -> None:
        for path in self._paths():
            if stop.is_set():
                return
            try:
                status = path.stat()
                if stat.S_ISREG(status.st_mode):
                    self._found(path, status)
                elif self._descends and stat.S_ISDIR(status.st_mode) and not os.access(path, os.R_OK | os.X_OK):
                    raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))  # what lies in it was not found
            except FileNotFoundError:
                self.unreadable.pop(path, None)  # gone since it was found
            except OSError as exc:
                self._report_unreadable(path, exc)
            else:
                self.unreadable.pop(path, None)

    def _report_unreadable(self, path: Path, exc: OSError) -> None:
        """Once, not at every look."""
        why = exc.strerror or str(exc)
        if self.unreadable.get(path) != why:
            self.unreadable[path] = why
            _LOG.warning("%s cannot be read: %s", path, why)

    def _paths(self) -> Iterator[Path]:
        seen: set[Path] = set()
        for pattern in self._patterns:
            for path in self.matches(pattern):
                if path not in seen:
                    seen.add(path)
                    yield path

    def matches(self, pattern: str) -> list[Path]:
        """What a path or glob names now."""
        if not glob.has_magic(pattern):
            return [Path(pattern)]
        # pathlib has no glob for patterns that may be absolute
        return [Path(name) for name in sorted(glob.glob(pattern, recursive=True))]  # noqa: PTH207

    def _found(self, path: Path, status: os.stat_result) -> None:
        identity = (status.st_dev, status.st_ino)
        if identity in self._open:
            self._open[identity].path = path if identity not in self._rotated_at else self._open[identity].path
            return
        state = (status.st_size, status.st_mtime_ns)
        if self._passed.get(identity) == state:
            return
        if not self._store.claim(status.st_ino):
            self._elsewhere.add(identity)  # another process reads it, and says there how far it is
            return
        if identity in self._elsewhere:
            self._elsewhere.discard(identity)
            self._known |= {c.producer: c for c in self._store.load()}
        known = [c for c in self._known.values() if (c.device, c.inode) == identity]
        try:
            content = open_content(path, growing=self._following)
        except OSError:
            self._store.release(status.st_ino)
            raise
        if any(c.done and _is_read_out(path, content, status, c) for c in known):
            content.close()
            self._passed[identity] = state
            self._store.release(status.st_ino)
            return
        for checkpoint in known:
            if holds(content, checkpoint):
                self._track(path, content, replace(checkpoint, done=False))
                return
        head = content.read(0, HEAD_BYTES)
        if self._config.skip_binary and is_binary(head):
            content.close()
            self.binary.add(path)
            self._passed[identity] = state
            self._store.release(status.st_ino)
            return
        begun = self._begun_elsewhere(path, content, head)
        if isinstance(begun, TailedFile):
            content.close()  # a copy of a file that is being read; looked at again when that one is done
            return
        offset, tail = (begun.offset, begun.tail) if begun is not None else (0, digest(b""))
        fresh = Checkpoint(
            producer=self._new_id().hex(), path=str(path), device=status.st_dev, inode=status.st_ino,
            head_bytes=len(head), head=digest(head), tail=tail, offset=offset,
        )  # fmt: skip
        self._track(path, content, fresh)

    def _begun_elsewhere(self, path: Path, content: Content, head: bytes) -> Checkpoint | TailedFile | None:
        """The file this one is a copy of: still being read, or how far it was.

        Should this one hold more than the other, which is read to its end, it is the one that goes on.
        """
        for file in self._open.values():
            if _may_be_copy(path, content, head, file.checkpoint):
                goes_on = _size(file.content) == file.checkpoint.offset and content.read(file.checkpoint.offset, 1)
                return file.checkpoint if goes_on else file
        read = [c for c in self._known.values() if c.offset and _may_be_copy(path, content, head, c)]
        return max((c for c in read if holds(content, c)), key=lambda c: c.offset, default=None)

    def _track(self, path: Path, content: Content, checkpoint: Checkpoint) -> None:
        file = TailedFile(path, content, checkpoint, self._config.patience, self._clock.monotonic())
        self._known[checkpoint.producer] = checkpoint
        self._open[checkpoint.device, checkpoint.inode] = file

    def _recover(self, stop: threading.Event) -> None:
        """Once, at the start: read out the files that were rotated away while nobody looked."""
        if self._recovered:
            return
        self._recovered = True
        for checkpoint in list(self._known.values()):
            path = Path(checkpoint.path)
            if checkpoint.done or stop.is_set() or _is(path, checkpoint) or not self._store.claim(checkpoint.inode):
                continue
            moved = next((p for p in _beside(path) if _is(p, checkpoint)), None)
            found = (moved, open_content(moved)) if moved else self._find_copy(checkpoint, at_least=checkpoint.offset)
            if found is None:
                continue
            place, content = found
            status = place.stat()
            there = replace(checkpoint, path=str(place), device=status.st_dev, inode=status.st_ino)
            self._keep(there)  # whoever is stopped here goes on there
            file = TailedFile(place, content, there, self._config.patience, self._clock.monotonic())
            self._read_out(file, stop)
            content.close()
            if not stop.is_set():
                self._keep(replace(file.checkpoint, done=True))


class _Nothing:
    """Content that is gone: what was read of it already is all there is."""

    def read(self, _offset: int, _size: int) -> bytes:
        return b""

    def close(self) -> None: ...


def holds(content: Content, checkpoint: Checkpoint) -> bool:
    """Whether the content begins as the checkpoint's file did, and has the same bytes before the offset."""
    head = content.read(0, checkpoint.head_bytes)
    if len(head) < checkpoint.head_bytes or digest(head) != checkpoint.head:
        return False
    size = min(TAIL_BYTES, checkpoint.offset)
    return digest(content.read(checkpoint.offset - size, size)) == checkpoint.tail


def _is_read_out(path: Path, content: Content, status: os.stat_result, checkpoint: Checkpoint) -> bool:
    if isinstance(content, PlainContent):
        return checkpoint.offset == status.st_size and holds(content, checkpoint)
    if not is_compressed(path):
        return holds(content, checkpoint) and not content.read(checkpoint.offset, 1)
    return digest(content.read(0, checkpoint.head_bytes)) == checkpoint.head  # to look at its end means to unpack it


def _may_be_copy(path: Path, content: Content, head: bytes, checkpoint: Checkpoint) -> bool:
    """Same folder, a name of the same family, the same beginning, and not more than begun to be written."""
    original = Path(checkpoint.path)
    if path.parent != original.parent or not _is_related(path.name, original.name):
        return False
    if checkpoint.head_bytes < _COPY_HEAD_BYTES or digest(head[: checkpoint.head_bytes]) != checkpoint.head:
        return False
    return holds(content, checkpoint) or not content.read(checkpoint.offset - 1, 1)


def _is(path: Path, checkpoint: Checkpoint) -> bool:
    """Whether the checkpoint's own file lies at `path`."""
    try:
        status = path.stat()
        if (status.st_dev, status.st_ino) != (checkpoint.device, checkpoint.inode):
            return False
        content = open_content(path)
    except OSError:
        return False
    try:
        return holds(content, checkpoint)
    finally:
        content.close()


def _beside(path: Path) -> Iterable[Path]:
    try:
        return sorted(entry for entry in path.parent.iterdir() if entry.is_file())
    except OSError:
        return ()


def _is_related(name: str, original: str) -> bool:
    """`app.log.1`, `app.log-20261122.gz` and `app-20261122.log` are of the family of `app.log`."""
    stem = original.partition(".")[0].partition("-")[0]
    return bool(stem) and name.startswith(stem)


def _size(content: Content) -> int | None:
    return content.stat().st_size if isinstance(content, PlainContent) else None

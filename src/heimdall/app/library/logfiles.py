"""Which files of a folder are logs, and whether an index still says what they say."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from heimdall.errors import NotFound
from heimdall.ingest.sources.checkpoints import Checkpoint
from heimdall.ingest.sources.content import Content, is_compressed, open_content
from heimdall.ingest.sources.files import holds

_LOOKED_AT_BYTES = 4096
"""Of a file's beginning, to see whether it is text."""


@dataclass(frozen=True, slots=True)
class Skipped:
    path: Path
    reason: str


@dataclass(frozen=True, slots=True)
class LogFiles:
    """Files behind paths, folders and globs, found anew at each look."""

    sources: tuple[Path, ...]

    def find(self) -> tuple[list[Path], list[Skipped]]:
        """Log files in a stable order, and what lies among them but is none.

        Folders are searched through and through, hidden names and what is no text left out; a file that is named is
        taken as it is.

        Raises:
            NotFound: a path that does not exist, or a glob that names nothing.
        """
        found: dict[Path, None] = {}
        skipped: list[Skipped] = []
        for source in self.sources:
            if source.is_dir():
                for path in _below(source):
                    reason = _not_text(path)
                    if reason is None:
                        found[path] = None
                    else:
                        skipped.append(Skipped(path, reason))
            elif source.exists():
                found[source] = None
            else:
                found |= dict.fromkeys(_matching(source))
        return list(found), skipped


def _matching(pattern: Path) -> list[Path]:
    names = glob.glob(str(pattern), recursive=True) if glob.has_magic(str(pattern)) else []  # noqa: PTH207 (absolute)
    paths = [path for path in map(Path, sorted(names)) if path.is_file()]
    if not paths:
        raise NotFound(f"there is no file or folder {pattern}")
    return paths


def _below(folder: Path) -> Iterator[Path]:
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            path = Path(place) / name
            if not name.startswith(".") and path.is_file():
                yield path


def _not_text(path: Path) -> str | None:
    try:
        content = open_content(path)
    except OSError:
        return None  # it may be text: whoever reads it says that it cannot be read
    try:
        head = content.read(0, _LOOKED_AT_BYTES)
    finally:
        content.close()
    if b"\0" in head or head.startswith(b"%PDF-"):
        return "not text"
    return None


# ---- whether what was read is still there --------------------------------------------------------------------------


def lost_since(checkpoints: Iterable[Checkpoint], files: Sequence[Path]) -> str | None:
    """Why an index says more than, or something else than, the files do; None when they only grew.

    Each file that was read is looked for under its name, by its inode (renamed), and by its content (copied,
    compressed).
    """
    by_identity = {(status.st_dev, status.st_ino): path for path in files if (status := _status(path)) is not None}
    for checkpoint in checkpoints:
        if checkpoint.offset == 0:
            continue
        own = by_identity.get((checkpoint.device, checkpoint.inode))
        candidates = files if own is None else [own]
        if not any(_still(path, checkpoint, same=path == own) for path in candidates):
            return f"{checkpoint.path} is gone, or no longer holds what was read of it"
    return None


def _status(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except OSError:
        return None


def _still(path: Path, checkpoint: Checkpoint, *, same: bool) -> bool:
    """Whether the file begins with what was read, and its first new line begins a record of its own."""
    if same and is_compressed(path):
        return True  # its size and time of change are compared; its end could only be seen by unpacking all of it
    try:
        content = open_content(path)
    except OSError:
        return False
    try:
        return holds(content, checkpoint) and not _goes_on(content, checkpoint.offset)
    finally:
        content.close()


def _goes_on(content: Content, offset: int) -> bool:
    """Whether the record that was last when it was read has grown since."""
    following = content.read(offset, 1)
    return bool(following) and (content.read(offset - 1, 1) != b"\n" or following in (b" ", b"\t"))

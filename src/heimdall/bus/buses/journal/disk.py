"""All the journal asks of a disk. `PosixDisk` is the real one; the crash tests run the same journal on a simulated one.

Everything here may raise `OSError`, and nothing else.
"""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

from heimdall.durable import replacing
from heimdall.errors import BusUnavailable, Misconfigured

QUARANTINE = "quarantine"
_ZEROS = bytes(1 << 20)
_MAX_PARTS = 1024
"""IOV_MAX on Linux: buffers one `pwritev` takes."""


class Space(NamedTuple):
    free_bytes: int
    total_bytes: int


class File(Protocol):
    """An open file of fixed size. One thread writes; reads may come from others at the same time."""

    size: int

    def read(self, offset: int, size: int) -> bytes:
        """Exactly `size` bytes, fewer only at the end of the file."""

    def write(self, offset: int, parts: Sequence[bytes]) -> None:
        """Write all parts one after the other from `offset` on. After an error nothing is known about the range."""

    def sync(self) -> None:
        """Return when everything written has reached the disk.

        After an error the written pages may be lost although they can still be read; trying again proves nothing.
        """

    def close(self) -> None: ...


class Disk(Protocol):
    """One folder. Names hold no slash."""

    def names(self) -> list[str]:
        """Files of the folder, in any order."""

    def create(self, name: str, size: int) -> File:
        """A new file of `size` zero bytes, contents synced. Its name survives a crash only after `sync_names`."""

    def open(self, name: str) -> File:
        """An existing file, for reading and writing."""

    def remove(self, name: str) -> None: ...

    def sync_names(self) -> None:
        """Return when files made and removed so far stay so after a crash."""

    def space(self) -> Space: ...

    def keep(self, name: str, content: bytes) -> None:
        """Write a file into the folder beside for what is never deleted by us; does nothing when it exists."""

    def kept(self) -> list[str]:
        """Names of what `keep` has written."""

    def close(self) -> None: ...


class PosixFile:
    def __init__(self, path: Path, flags: int) -> None:
        self._fd = os.open(path, flags | os.O_CLOEXEC, 0o640)
        self.size = os.fstat(self._fd).st_size

    def read(self, offset: int, size: int) -> bytes:
        data = os.pread(self._fd, size, offset)
        while len(data) < size:
            more = os.pread(self._fd, size - len(data), offset + len(data))
            if not more:
                break
            data += more
        return data

    def write(self, offset: int, parts: Sequence[bytes]) -> None:
        for begin in range(0, len(parts), _MAX_PARTS):
            views = [memoryview(part) for part in parts[begin : begin + _MAX_PARTS]]
            while views:
                written = os.pwritev(self._fd, views, offset)
                if written == 0:
                    raise OSError(errno.EIO, "wrote nothing")
                offset += written
                while views and written >= views[0].nbytes:
                    written -= views.pop(0).nbytes
                if written:
                    views[0] = views[0][written:]

    def sync(self) -> None:
        os.fdatasync(self._fd)

    def close(self) -> None:
        os.close(self._fd)

    def fill(self, size: int) -> None:
        """Reserve and zero-fill, so that later syncs change no metadata and unwritten sectors are known to be zero.

        In small synced steps: a commit beside it waits for one of them, not for the whole file.
        """
        os.posix_fallocate(self._fd, 0, size)
        for offset in range(0, size, len(_ZEROS)):
            self.write(offset, [_ZEROS[: min(len(_ZEROS), size - offset)]])
            os.fdatasync(self._fd)
        os.fsync(self._fd)
        self.size = size


class PosixDisk:
    """A folder of a local file system, held by one process at a time."""

    def __init__(self, directory: Path) -> None:
        """Make the folder if need be and lock it.

        Raises:
            Misconfigured: it cannot be used: another process has it, or permissions.
        """
        self._directory = directory
        try:
            directory.mkdir(parents=True, exist_ok=True)
            self._lock = os.open(directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        except OSError as exc:
            raise Misconfigured(f"bus.journal.directory {directory} cannot be used: {exc.strerror}") from exc
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as exc:
            os.close(self._lock)
            raise Misconfigured(f"bus.journal.directory {directory} is in use by another process") from exc
        try:
            self._folder = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as exc:
            os.close(self._lock)
            raise BusUnavailable(f"journal folder {directory} cannot be read: {exc.strerror}") from exc

    def names(self) -> list[str]:
        return [entry.name for entry in os.scandir(self._directory) if entry.is_file()]

    def create(self, name: str, size: int) -> PosixFile:
        file = PosixFile(self._directory / name, os.O_RDWR | os.O_CREAT | os.O_EXCL)
        try:
            file.fill(size)
        except OSError:
            file.close()
            (self._directory / name).unlink(missing_ok=True)
            raise
        return file

    def open(self, name: str) -> PosixFile:
        return PosixFile(self._directory / name, os.O_RDWR)

    def remove(self, name: str) -> None:
        (self._directory / name).unlink()

    def sync_names(self) -> None:
        os.fsync(self._folder)

    def space(self) -> Space:
        found = os.fstatvfs(self._folder)
        return Space(found.f_bavail * found.f_frsize, found.f_blocks * found.f_frsize)

    def keep(self, name: str, content: bytes) -> None:
        path = self._directory / QUARANTINE / name
        if path.exists():
            return
        path.parent.mkdir(exist_ok=True)
        with replacing(path) as file:
            file.write(content)

    def kept(self) -> list[str]:
        folder = self._directory / QUARANTINE
        return [path.name for path in folder.iterdir() if path.suffix != ".partial"] if folder.exists() else []

    def close(self) -> None:
        os.close(self._folder)
        os.close(self._lock)

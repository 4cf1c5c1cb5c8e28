"""Files that are replaced wholly or not at all, whatever stops the process or the machine."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


@contextmanager
def replacing(path: Path, *, power_safe: bool = True, private: bool = False) -> Iterator[BinaryIO]:
    """A file to write to, which takes the place of `path` when the block ends without an error.

    `power_safe`: its content and its name are on the disk by then. `private`: nobody else may read it, at any moment.

    Raises:
        OSError: `path` is what it was, unless only its name may not survive a loss of power.
    """
    fresh = path.with_name(path.name + ".partial")
    with contextlib.suppress(FileNotFoundError):
        fresh.unlink()  # of a process that was killed; it may be readable by others
    try:
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600 if private else 0o666), "wb") as file:
            yield file
            if power_safe:
                file.flush()
                os.fsync(file.fileno())
        fresh.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            fresh.unlink()
        raise
    if power_safe:
        _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """The names in it survive a loss of power."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

"""Segment files, the next one made ahead so that a full segment does not stop the commits."""

from __future__ import annotations

import contextlib
import errno
import logging
import threading

from heimdall.bus.buses.journal.disk import Disk, File
from heimdall.bus.buses.journal.segments import file_name

_LOG = logging.getLogger(__name__)


class SpareFile:
    """Files are given out in the order of their numbers. Safe from several threads."""

    def __init__(self, disk: Disk, next_number: int, size: int) -> None:
        self._disk = disk
        self._number = next_number
        self._size = size
        self._ready: tuple[int, File] | None = None
        self._making = threading.Lock()

    def prepare(self) -> None:
        """Have the next file ready. A failure only means that it is made when it is needed."""
        with self._making:
            if self._ready is None:
                try:
                    self._ready = self._create()
                except OSError as exc:
                    _LOG.warning("journal: no spare segment yet: %s", exc)

    def take(self) -> tuple[int, File]:
        """Number and file, empty, its name and its zeros on the disk.

        Raises:
            OSError: none is ready and none can be made.
        """
        with self._making:
            ready, self._ready = self._ready, None
            return ready or self._create()

    def _create(self) -> tuple[int, File]:
        number = self._number
        self._number += 1
        if self._disk.space().free_bytes < self._size:
            raise OSError(errno.ENOSPC, "no room for another segment")
        file = self._disk.create(file_name(number), self._size)
        self._disk.sync_names()
        return number, file

    def discard(self) -> None:
        with self._making:
            if self._ready is not None:
                number, file = self._ready
                self._ready = None
                with contextlib.suppress(OSError):
                    file.close()
                    self._disk.remove(file_name(number))

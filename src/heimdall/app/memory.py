"""What the process no longer needs goes back to the system.

Batches of many megabytes are made and freed by a dozen threads. glibc's malloc gives each of them an arena of its own,
up to eight a core, and keeps what is freed in the middle of one; Arrow's own allocator keeps its share as well, and the
jemallocs in the engine and in polars theirs for five and ten seconds. Nobody else on the machine can use any of it.

Nor does code that ran once, as at the start, need to stay: the engine and polars are hundreds of megabytes of it, and
64 KiB around each function that is called are mapped. What is called again comes back from the page cache.
"""

from __future__ import annotations

import ctypes
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

EVERY_S = 5.0
"""Between two trims. More often: less is held beside what is used, for a few milliseconds of CPU each time."""

ARENAS = 2
"""Of malloc. The threads that allocate most are polars' and the engine's, which have allocators of their own."""

CODE_EVERY_S = 600.0
"""The first question after it takes 7 ms more."""

LEAST_CODE_BYTES = 16 * 1024 * 1024
"""Of a library whose code is given back."""

_M_ARENA_MAX = -8
_MADV_DONTNEED = 4


_DECAY = "dirty_decay_ms:500,muzzy_decay_ms:0"
"""How long jemalloc keeps what was freed. At full ingest 1,400 MiB become 1,295; 0 makes it 1,255 and costs a fifth of
the rate."""

_SETTINGS = {
    "ARROW_DEFAULT_MEMORY_POOL": "system",
    "JE_MALLOC_CONF": _DECAY,  # of the engine
    "_RJEM_MALLOC_CONF": _DECAY,  # of polars
}
"""Variables that the libraries read when they are loaded."""

_MAPS = Path("/proc/self/maps")


def lean() -> None:
    """Few arenas, Arrow's buffers among them, and jemallocs that keep little. What the environment says already wins.

    To be called before threads start and before pyarrow, polars and the engine are imported."""
    for name, value in _SETTINGS.items():
        os.environ.setdefault(name, value)
    libc = _glibc()
    if libc is not None:
        libc.mallopt(_M_ARENA_MAX, ARENAS)


@contextmanager
def trimmed() -> Iterator[None]:
    """Trims memory every `EVERY_S` seconds within the block, and forgets code at first and every `CODE_EVERY_S`."""
    ended = threading.Event()

    def work() -> None:
        forgotten_s = -CODE_EVERY_S
        while not ended.wait(EVERY_S):
            trim()
            if time.monotonic() - forgotten_s >= CODE_EVERY_S:
                forget_code()
                forgotten_s = time.monotonic()

    thread = threading.Thread(target=work, name="trim-memory", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def trim() -> None:
    """Give free memory back: whole pages, wherever they lie."""
    libc = _glibc()
    if libc is not None:
        libc.malloc_trim(0)


def forget_code() -> None:
    """Give back the code of large libraries; of what is called afterwards the system has kept the pages."""
    libc = _glibc()
    if libc is not None:
        for begin, size in _code():
            libc.madvise(ctypes.c_void_p(begin), ctypes.c_size_t(size), _MADV_DONTNEED)


def _code() -> list[tuple[int, int]]:
    """(address, bytes) of the code of large libraries: pages of a file that nobody writes, so none is lost."""
    found = []
    try:
        lines = _MAPS.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:  # no such thing in this container
        return []
    for line in lines:
        place, permissions, _, _, inode, *_ = line.split()
        begin, end = (int(address, 16) for address in place.split("-"))
        if permissions == "r-xp" and inode != "0" and end - begin >= LEAST_CODE_BYTES:
            found.append((begin, end - begin))
    return found


def _glibc() -> ctypes.CDLL | None:
    try:
        libc = ctypes.CDLL(None)
        return libc if hasattr(libc, "gnu_get_libc_version") else None
    except (OSError, TypeError):  # no such thing on this system
        return None

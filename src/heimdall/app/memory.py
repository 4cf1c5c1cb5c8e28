"""What the process no longer needs goes back to the system.

Batches of many megabytes are made and freed by a dozen threads. glibc's malloc gives each of them an arena of its own,
up to eight a core, and keeps what is freed in the middle of one; Arrow's own allocator keeps its share as well, and the
jemallocs in the engine and in polars theirs for five and ten seconds. Nobody else on the machine can use any of it.
"""

from __future__ import annotations

import ctypes
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

EVERY_S = 5.0
"""Between two trims. More often: less is held beside what is used, for a few milliseconds of CPU each time."""

ARENAS = 2
"""Of malloc. The threads that allocate most are polars' and the engine's, which have allocators of their own."""

_M_ARENA_MAX = -8


_DECAY = "dirty_decay_ms:500,muzzy_decay_ms:0"
"""How long jemalloc keeps what was freed. At full ingest 1,400 MiB become 1,295; 0 makes it 1,255 and costs a fifth of
the rate."""

_SETTINGS = {
    "ARROW_DEFAULT_MEMORY_POOL": "system",
    "JE_MALLOC_CONF": _DECAY,  # of the engine
    "_RJEM_MALLOC_CONF": _DECAY,  # of polars
}
"""Variables that the libraries read when they are loaded."""


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
    """Trims memory every `EVERY_S` seconds within the block."""
    ended = threading.Event()

    def work() -> None:
        while not ended.wait(EVERY_S):
            trim()

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


def _glibc() -> ctypes.CDLL | None:
    try:
        libc = ctypes.CDLL(None)
        return libc if hasattr(libc, "gnu_get_libc_version") else None
    except (OSError, TypeError):  # no such thing on this system
        return None

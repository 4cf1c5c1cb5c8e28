"""What the process no longer needs goes back to the system.

Batches of many megabytes are made and freed by a dozen threads. glibc's malloc gives each of them an arena of its own,
up to eight a core, and keeps what is freed in the middle of one; Arrow's own allocator keeps its share as well. Nobody
else on the machine can use either.
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


def lean() -> None:
    """Few arenas, and Arrow's buffers among them. To be called before threads start and before pyarrow is imported;
    without glibc only the latter has an effect. `ARROW_DEFAULT_MEMORY_POOL` in the environment wins."""
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
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

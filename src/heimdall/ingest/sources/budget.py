"""A bound on the bytes that requests hold at one time, whatever they are doing with them."""

from __future__ import annotations

from threading import Lock

from heimdall.errors import Overloaded

_RETRY_AFTER_S = 1.0
"""Requests in flight are done within about a second; longer waits would leave the node idle."""


class ByteBudget:
    """Thread-safe count of bytes in use, up to `limit_bytes`."""

    def __init__(self, limit_bytes: int) -> None:
        self._lock = Lock()
        self._limit = limit_bytes
        self._used = 0

    @property
    def used_bytes(self) -> int:
        return self._used

    def lease(self) -> Lease:
        """An empty lease; close it (or leave its `with`) to give everything back."""
        return Lease(self)

    def _take(self, size: int) -> None:
        with self._lock:
            if self._used + size > self._limit:
                raise Overloaded("too many bytes in flight; send again later", retry_after_s=_RETRY_AFTER_S)
            self._used += size

    def _give(self, size: int) -> None:
        with self._lock:
            self._used -= size


class Lease:
    """Bytes one request holds."""

    __slots__ = ("_budget", "_held")

    def __init__(self, budget: ByteBudget) -> None:
        self._budget = budget
        self._held = 0

    def grow(self, size: int) -> None:
        """Hold `size` more bytes; raises Overloaded when the node has none to give."""
        self._budget._take(size)  # noqa: SLF001
        self._held += size

    def close(self) -> None:
        self._budget._give(self._held)  # noqa: SLF001
        self._held = 0

    def __enter__(self) -> Lease:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

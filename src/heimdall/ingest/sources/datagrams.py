"""Datagrams of a source. UDP knows no back-pressure: what finds no room, here or in the kernel, is lost and counted."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import struct
from collections.abc import Callable

from prometheus_client import Counter

_log = logging.getLogger(__name__)

DROPPED = Counter(
    "heimdall_ingest_dropped_datagrams",
    "Datagrams lost: by the kernel, whose buffer was full; by the node, whose share of memory was; "
    "by the sender or the network (GELF messages of which chunks are missing).",
    ["door", "by"],
)

RECEIVE_BUFFER_BYTES = 16 << 20
"""Asked of the kernel, which gives at most `net.core.rmem_max`: what a burst may be before some of it is lost."""

_MAX_DATAGRAM = 65_535
_AT_ONCE = 512
"""Datagrams read before other senders get a turn."""
_SO_MEMINFO = 55
_DROPS_AT = 8
"""Of the numbers Linux tells about a socket (`include/uapi/linux/sock_diag.h`), the datagrams dropped."""
_LOOK_EVERY_S = 1.0


class DatagramReceiver:
    """Hands what came to `take(datagrams, peers)`, which says whether there was room. Belongs to the running loop."""

    def __init__(
        self, door: str, bound: socket.socket, take: Callable[[list[bytes], list[tuple[str, int]]], bool]
    ) -> None:
        self._door = door
        self._socket = bound
        self._take = take
        self._loop = asyncio.get_running_loop()
        self._kernel_drops = 0
        bound.setblocking(False)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
        self._loop.add_reader(bound.fileno(), self._read)
        self._look = self._loop.call_later(_LOOK_EVERY_S, self._count_kernel_drops)

    def close(self) -> None:
        """What the kernel holds already is still taken."""
        self._loop.remove_reader(self._socket.fileno())
        self._look.cancel()
        while self._read() == _AT_ONCE:
            pass
        self._note_kernel_drops()
        self._socket.close()

    def send(self, data: bytes, peer: tuple[str, int]) -> None:
        """An answer; nothing is known of its fate."""
        with contextlib.suppress(OSError):
            self._socket.sendto(data, peer)

    def _read(self) -> int:
        datagrams: list[bytes] = []
        peers: list[tuple[str, int]] = []
        receive = self._socket.recvfrom
        try:
            for _ in range(_AT_ONCE):
                data, address = receive(_MAX_DATAGRAM)
                datagrams.append(data)
                peers.append(address)
        except OSError:
            pass  # nothing more there
        if datagrams and not self._take(datagrams, peers):
            DROPPED.labels(self._door, "node").inc(len(datagrams))
        return len(datagrams)

    def _count_kernel_drops(self) -> None:
        self._note_kernel_drops()
        self._look = self._loop.call_later(_LOOK_EVERY_S, self._count_kernel_drops)

    def _note_kernel_drops(self) -> None:
        try:
            told = self._socket.getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, 64)
        except OSError:
            return  # not Linux
        numbers = struct.unpack(f"{len(told) // 4}I", told)
        if len(numbers) > _DROPS_AT and numbers[_DROPS_AT] != self._kernel_drops:
            new = (numbers[_DROPS_AT] - self._kernel_drops) % 2**32
            self._kernel_drops = numbers[_DROPS_AT]
            DROPPED.labels(self._door, "kernel").inc(new)
            _log.warning(
                "%s: the kernel dropped %d datagrams; raise net.core.rmem_max or send over TCP", self._door, new
            )

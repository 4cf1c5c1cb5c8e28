"""TCP connections of a source: accepted up to a cap, read only as fast as they are served, TLS on the same port.

What all connections may make the node hold: `max_connections` times two reads, and `max_pending_bytes` of records
that have begun and not ended. A connection that ends its record too late is closed; at the cap the one that was
silent the longest gives way to a newcomer. Half-open peers are found by TCP keep-alive.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import cast

from prometheus_client import Counter, Gauge

from heimdall.clock import Clock

_log = logging.getLogger(__name__)

CONNECTIONS = Gauge("heimdall_ingest_connections", "Connections that are open.", ["door"])
CLOSED = Counter(
    "heimdall_ingest_closed_connections",
    "Connections ended by us: cap (too many), idle (gave way to another one), slow (a record took too long), "
    "memory (too many bytes of unfinished records), tls (no handshake), protocol (what came was no record), "
    "denied (a wrong shared key).",
    ["door", "reason"],
)

READ_BYTES = 64 << 10
_IDLE_S = 60.0
"""Silence after which a connection may have to give way when all are taken."""
_TLS_HANDSHAKE = 0x16
_HANDSHAKE_S = 10.0
_SILENT_S = 1.0
_CLOSE_S = 5.0
"""For last acknowledgements to leave when the node stops."""
_SWEEP_S = 1.0
_KEEP_ALIVE = (("TCP_KEEPIDLE", 60), ("TCP_KEEPINTVL", 15), ("TCP_KEEPCNT", 4))
"""A peer that vanished is noticed after two minutes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionLimits:
    max_connections: int
    max_pending_bytes: int
    """Of all connections together, in records not complete yet."""
    record_timeout_s: float
    """From the first byte of a record to its last."""


class Connection(asyncio.BufferedProtocol):
    """One peer. `read` and `write` belong to the coroutine that serves it."""

    def __init__(self, server: TcpServer, peer: str) -> None:
        self.peer = peer
        self._server = server
        self._transport: asyncio.Transport | None = None
        self._chunks: list[bytes] = []
        self._size = 0
        self._ended = False
        self._wakeup: asyncio.Future[None] | None = None
        self._drained = asyncio.Event()
        self._drained.set()
        self._pending_bytes = 0
        self._pending_since: float | None = None
        self.last_read = server.clock.monotonic()

    async def read(self) -> bytes:
        """What has come since the last call, at least one byte; b"" at the end."""
        while not self._chunks and not self._ended:
            self._wakeup = asyncio.get_running_loop().create_future()
            await self._wakeup
        data = self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)
        self._chunks.clear()
        self._size = 0
        if self._transport is not None and not self._ended and not self._transport.is_reading():
            self._transport.resume_reading()
        return data

    def pending(self, size_bytes: int, *, same_record: bool) -> bool:
        """Tell how much of an unfinished record is held. False when that is more than there is room for: close.

        `same_record`: nothing was completed since the last call, so its time runs on.
        """
        self._server.pending_bytes += size_bytes - self._pending_bytes
        self._pending_bytes = size_bytes
        if not size_bytes:
            self._pending_since = None
        elif self._pending_since is None or not same_record:
            self._pending_since = self._server.clock.monotonic()
        if self._server.pending_bytes <= self._server.limits.max_pending_bytes:
            return True
        self.close("memory")
        return False

    async def write(self, data: bytes) -> None:
        """Waits while the peer does not read what it was sent before."""
        await self._drained.wait()
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    def close(self, reason: str | None = None) -> None:
        """End it; what was read already can still be. `reason` is counted."""
        if self._ended:
            return
        if reason is not None:
            CLOSED.labels(self._server.door, reason).inc()
        self._end()
        if self._transport is not None:
            self._transport.close()

    @property
    def ended(self) -> bool:
        """Nothing more will be read than what was already."""
        return self._ended

    @property
    def opened(self) -> bool:
        return self._transport is not None

    def finish(self) -> None:
        """Nothing more is written; what was goes out."""
        self.close()
        if self._transport is not None:
            self._transport.close()

    def overdue(self, now: float) -> bool:
        return self._pending_since is not None and now - self._pending_since > self._server.limits.record_timeout_s

    def _end(self) -> None:
        self._ended = True
        self._drained.set()
        self._wake()

    def _wake(self) -> None:
        if self._wakeup is not None:
            _resolve(self._wakeup)

    # -- asyncio.BufferedProtocol ------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's transports are no subclasses of it
        if self._ended:
            self._transport.close()

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._server.buffer

    def buffer_updated(self, nbytes: int) -> None:
        self._chunks.append(bytes(self._server.buffer[:nbytes]))
        self._size += nbytes
        self.last_read = self._server.clock.monotonic()
        if self._size >= READ_BYTES and self._transport is not None:
            self._transport.pause_reading()
        self._wake()

    def eof_received(self) -> bool:
        self._end()
        return True  # what is still owed to the peer may be written

    def pause_writing(self) -> None:
        self._drained.clear()

    def resume_writing(self) -> None:
        self._drained.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self._end()


def _resolve(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


class TcpServer:
    """Serves the connections of one listening socket, each by a coroutine `serve(connection)`.

    `tls`: connections that begin with a TLS handshake get one; with `tls_only` the others are closed. `speaks_first`:
    a client may wait for the server's first word, so one that is silent for a second wants no TLS.
    Belongs to the running event loop.
    """

    def __init__(
        self,
        door: str,
        listening: socket.socket,
        serve: Callable[[Connection], Awaitable[None]],
        clock: Clock,
        limits: ConnectionLimits,
        *,
        tls: ssl.SSLContext | None = None,
        tls_only: bool = False,
        speaks_first: bool = False,
    ) -> None:
        self.door = door
        self.clock = clock
        self.limits = limits
        self.buffer = memoryview(bytearray(READ_BYTES))
        self.pending_bytes = 0
        self._listening = listening
        self._serve = serve
        self._tls = tls
        self._tls_only = tls_only
        self._speaks_first = speaks_first
        self._connections: dict[Connection, asyncio.Task[None]] = {}
        self._loop = asyncio.get_running_loop()
        listening.setblocking(False)
        self._tasks = [self._loop.create_task(self._accept()), self._loop.create_task(self._sweep())]

    @property
    def connections(self) -> int:
        return len(self._connections)

    async def refuse(self) -> None:
        """Accept and read nothing more. Connections end by themselves once what they read is taken care of."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._listening.close()
        for connection in list(self._connections):
            self._end(None, connection)
        await asyncio.sleep(0)  # they hand over what they have

    async def close(self) -> None:
        """After `refuse`: wait until every connection has ended, then cut off those that have not."""
        for patience_s in (_CLOSE_S, 0.1):
            serving = list(self._connections.values())
            if serving:
                await asyncio.wait(serving, timeout=patience_s)
            for task in self._connections.values():
                task.cancel()

    async def _accept(self) -> None:
        while True:
            try:
                accepted, address = await self._loop.sock_accept(self._listening)
            except OSError as exc:  # out of file descriptors, or the peer is gone already
                _log.warning("%s: a connection could not be accepted: %s", self.door, exc)
                await asyncio.sleep(0.1)
                continue
            if len(self._connections) >= self.limits.max_connections and not self._make_way():
                CLOSED.labels(self.door, "cap").inc()
                accepted.close()
                continue
            connection = Connection(self, address[0])
            CONNECTIONS.labels(self.door).inc()
            self._connections[connection] = self._loop.create_task(self._run(connection, accepted))

    def _make_way(self) -> bool:
        """Close the connection that was silent the longest, if that is long enough."""
        idle = min(self._connections, key=lambda connection: connection.last_read)
        if self.clock.monotonic() - idle.last_read < _IDLE_S:
            return False
        self._end("idle", idle)
        return True

    def _end(self, reason: str | None, connection: Connection) -> None:
        connection.close(reason)
        if not connection.opened:
            self._connections[connection].cancel()  # it has not sent its first byte

    async def _run(self, connection: Connection, accepted: socket.socket) -> None:
        try:
            if await self._open(connection, accepted):
                await self._serve(connection)
        except OSError as exc:
            _log.debug("%s: %s: %s", self.door, connection.peer, exc)
        except Exception:
            _log.exception("%s: serving %s failed", self.door, connection.peer)
        finally:
            connection.pending(0, same_record=False)
            connection.finish()
            if not connection.opened:
                accepted.close()
            del self._connections[connection]
            CONNECTIONS.labels(self.door).dec()

    async def _open(self, connection: Connection, accepted: socket.socket) -> bool:
        """Plain or TLS, told by the first byte where both may come."""
        accepted.setblocking(False)
        accepted.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in _KEEP_ALIVE:
            if hasattr(socket, name):
                accepted.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
        tls = self._tls
        if tls is not None and await self._first_byte(accepted) != _TLS_HANDSHAKE:
            if self._tls_only:
                connection.close("tls")
                return False
            tls = None
        try:
            await self._loop.connect_accepted_socket(
                lambda: connection, accepted, ssl=tls, ssl_handshake_timeout=_HANDSHAKE_S if tls else None
            )
        except (ssl.SSLError, ConnectionError, TimeoutError) as exc:
            _log.warning("%s: no TLS with %s: %s", self.door, connection.peer, exc)
            connection.close("tls")
            return False
        return True

    async def _first_byte(self, accepted: socket.socket) -> int | None:
        readable = self._loop.create_future()
        self._loop.add_reader(accepted.fileno(), _resolve, readable)
        try:
            async with asyncio.timeout(_SILENT_S if self._speaks_first else None):
                await readable
        except TimeoutError:
            return None
        finally:
            self._loop.remove_reader(accepted.fileno())
        with contextlib.suppress(OSError):
            first = accepted.recv(1, socket.MSG_PEEK)
            return first[0] if first else None
        return None

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(_SWEEP_S)
            now = self.clock.monotonic()
            for connection in list(self._connections):
                if connection.overdue(now):
                    connection.close("slow")

"""The HTTP server: one application on the main port and its aliases."""

from __future__ import annotations

import errno
import logging
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import uvicorn
from starlette.types import ASGIApp

from heimdall.api.http_protocol import BoundedHttpProtocol
from heimdall.app.config import ServerConfig
from heimdall.errors import Misconfigured

if TYPE_CHECKING:
    from heimdall.ingest.sources.otlp_grpc import OtlpGrpc

_log = logging.getLogger(__name__)

_BACKLOG = 2048
_KEEP_ALIVE_S = 75
"""Seconds an idle connection stays open: longer than shippers' usual flush intervals, so that they reuse it."""
_SHUTDOWN_S = 3
"""Seconds open requests (live tails among them) get to end after a stop signal."""


def open_sockets(config: ServerConfig) -> list[socket.socket]:
    """The main port's socket first, then those of the alias ports that are free.

    Raises:
        Misconfigured: the main port is taken or the address is not ours.
    """
    try:
        sockets = [_listen(config.host, config.port)]
    except OSError as exc:
        taken = exc.errno == errno.EADDRINUSE
        hint = "another program listens there; stop it or choose --port" if taken else "choose another address or port"
        raise Misconfigured(f"cannot listen on {config.host}:{config.port}: {exc.strerror}; {hint}") from exc
    for port in config.alias_ports:
        if port == config.otlp_grpc_port:
            continue  # a server of its own: `open_grpc`
        try:
            sockets.append(_listen(config.host, port))
        except OSError as exc:
            _log.warning("port %d is skipped: %s; its senders can use the main port", port, exc.strerror)
    return sockets


def open_grpc(config: ServerConfig, grpc: OtlpGrpc) -> list[int]:
    """Start the gRPC door where it is among the alias ports and free; its port."""
    port = config.otlp_grpc_port
    if port not in config.alias_ports:
        return []
    try:
        return [grpc.start(config.host, port)]
    except Misconfigured:
        _log.warning("port %d is skipped: address in use; its senders can use OTLP over HTTP on the main port", port)
        return []


def port_of(opened: socket.socket) -> int:
    return int(opened.getsockname()[1])


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    opened = socket.socket(family, socket.SOCK_STREAM)
    try:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.bind((host, port))
        opened.listen(_BACKLOG)
    except OSError:
        opened.close()
        raise
    return opened


class Server(uvicorn.Server):
    """Serves until SIGINT or SIGTERM; `on_ready` is called once it accepts connections."""

    def __init__(self, app: ASGIApp, on_ready: Callable[[], None]) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http=BoundedHttpProtocol,
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_keep_alive=_KEEP_ALIVE_S,
                timeout_graceful_shutdown=_SHUTDOWN_S,
            )
        )
        self._on_ready = on_ready

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop on SIGINT and SIGTERM without raising them again: the node still has to drain when this returns."""
        previous = {number: signal.signal(number, self.handle_exit) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._on_ready()

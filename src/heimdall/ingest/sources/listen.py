"""Listening sockets of sources: a port that is taken is named in the log and skipped."""

from __future__ import annotations

import logging
import socket
from collections.abc import Iterable, Iterator
from typing import Literal

from heimdall.ingest.port import Address

_log = logging.getLogger(__name__)

_BACKLOG = 512


def open_ports(
    door: str, host: str, ports: Iterable[int], transports: Iterable[Literal["tcp", "udp"]]
) -> Iterator[tuple[Address, socket.socket]]:
    """Sockets of the ports that are free, for every transport; 0 takes a free port, the same for all transports."""
    for port in ports:
        chosen = port
        for transport in transports:
            try:
                opened = _open(host, chosen, transport)
            except OSError as exc:
                _log.warning(
                    "%s: %s port %d on %s is skipped: %s; another program may listen there",
                    door, transport, chosen, host, exc.strerror,
                )  # fmt: skip
                continue
            chosen = int(opened.getsockname()[1])
            yield Address(transport, host, chosen), opened


def _open(host: str, port: int, transport: Literal["tcp", "udp"]) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    opened = socket.socket(family, socket.SOCK_STREAM if transport == "tcp" else socket.SOCK_DGRAM)
    try:
        if transport == "tcp":
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.bind((host, port))
        if transport == "tcp":
            opened.listen(_BACKLOG)
    except OSError:
        opened.close()
        raise
    return opened

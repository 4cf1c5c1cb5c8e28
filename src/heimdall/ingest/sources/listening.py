"""What listening sources have in common: ports, a loop in a thread, connections, datagrams, the way to the bus."""

from __future__ import annotations

import socket
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Generic, Literal, TypeVar

from heimdall.bus.port import Bus
from heimdall.clock import Clock
from heimdall.ingest.decode.decoded import Decoded
from heimdall.ingest.port import Address
from heimdall.ingest.sources.connections import Connection, ConnectionLimits, TcpServer
from heimdall.ingest.sources.datagrams import DatagramReceiver
from heimdall.ingest.sources.gather import Gatherer, GatherLimits
from heimdall.ingest.sources.listen import open_ports
from heimdall.ingest.sources.loop_thread import LoopThread
from heimdall.ingest.sources.tls import TlsConfig, tls_context

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class ListeningConfig:
    ports: tuple[int, ...]
    """TCP ports, and UDP where the protocol has it; one that is taken is skipped, 0 takes a free one, empty = off."""
    host: str = ""
    """Address to listen on; empty = that of `server.host`."""
    max_record_bytes: int = 1024 * 1024
    """Longest record, or message of several where the protocol has such."""
    max_connections: int = 1024
    """Open at one time; beyond, the one silent the longest (a minute at least) gives way, else the newcomer."""
    max_in_flight_bytes: int = 64 * 1024 * 1024
    """Bytes taken and not durable yet; beyond, connections are not read and datagrams dropped."""
    record_timeout_s: float = 60.0
    """Longest time between the first and the last byte of a record; then the connection is closed."""
    tls: TlsConfig = field(default_factory=TlsConfig)


class ListeningSource(ABC, Generic[T]):
    """A source of `T`s: what one read of a connection, or one turn of datagrams, brought.

    `serve` and `take_datagrams` run in the loop, `decode` in the gatherer's worker thread.
    """

    name: str
    speaks_first: bool = False

    def __init__(self, bus: Bus, clock: Clock, config: ListeningConfig) -> None:
        self._bus = bus
        self._clock = clock
        self._listening = config
        self._tls = tls_context(config.tls)
        self._opened: list[tuple[Address, socket.socket]] = []
        self._servers: list[TcpServer] = []
        self._receivers: list[DatagramReceiver] = []
        self._thread: LoopThread | None = None
        self.gatherer: Gatherer[T]

    @abstractmethod
    async def serve(self, connection: Connection) -> None:
        """Read it to its end."""

    @abstractmethod
    def take_datagrams(self, datagrams: list[bytes], peers: list[tuple[str, int]]) -> bool:
        """False when there was no room for them."""

    @abstractmethod
    def decode(self, items: list[T]) -> Decoded: ...

    @property
    def addresses(self) -> tuple[Address, ...]:
        return tuple(address for address, _ in self._opened)

    def start(self) -> None:
        config = self._listening
        transports: tuple[Literal["tcp", "udp"], ...] = ("tcp",) if config.tls.only else ("tcp", "udp")
        self._opened = list(open_ports(self.name, config.host, config.ports, transports))
        if self._opened:
            self._thread = LoopThread(f"heimdall-{self.name}")
            self._thread.run(self._listen(self._thread))

    def stop(self) -> None:
        if self._thread is not None:
            self._thread.run(self._end())
            self.gatherer.close()
            self._thread.close()

    def send_datagram(self, data: bytes, peer: tuple[str, int]) -> None:
        for receiver in self._receivers[:1]:
            receiver.send(data, peer)

    async def _listen(self, thread: LoopThread) -> None:
        config = self._listening
        gather = GatherLimits(max_in_flight_bytes=config.max_in_flight_bytes)
        limits = ConnectionLimits(
            max_connections=config.max_connections,
            max_pending_bytes=config.max_in_flight_bytes,
            record_timeout_s=config.record_timeout_s,
        )
        self.gatherer = Gatherer(self.name, self._bus, self._clock, thread.loop, self.decode, gather)
        for address, opened in self._opened:
            if address.transport == "udp":
                self._receivers.append(DatagramReceiver(self.name, opened, self.take_datagrams))
            else:
                self._servers.append(
                    TcpServer(
                        self.name,
                        opened,
                        self.serve,
                        self._clock,
                        limits,
                        tls=self._tls,
                        tls_only=config.tls.only,
                        speaks_first=self.speaks_first,
                    )
                )

    async def _end(self) -> None:
        for receiver in self._receivers:
            receiver.close()
        for server in self._servers:
            await server.refuse()
        # what connections still hand over, or wait for, becomes durable while they end
        await self.gatherer.drain()
        for server in self._servers:
            await server.close()
        await self.gatherer.drain()

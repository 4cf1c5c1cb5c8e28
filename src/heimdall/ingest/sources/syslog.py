"""Syslog over UDP (RFC 5426), TCP (RFC 6587) and TLS (RFC 5425): RFC 5424 and RFC 3164, CEF and LEEF inside.

Plain and encrypted connections share a port. Nothing in the protocol acknowledges: a sender over TCP is slowed down
when the node is, one over UDP is not, and what finds no room is counted as dropped.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from heimdall.bus.port import Bus
from heimdall.clock import Clock
from heimdall.errors import Misconfigured
from heimdall.ingest.decode.decoded import Decoded
from heimdall.ingest.decode.hints import Hints
from heimdall.ingest.decode.lines import lines_of
from heimdall.ingest.decode.text import Cut, decode_lines
from heimdall.ingest.port import Address
from heimdall.ingest.sources.connections import Connection, ConnectionLimits, TcpServer
from heimdall.ingest.sources.datagrams import DatagramReceiver
from heimdall.ingest.sources.framing import Frames, SyslogFraming
from heimdall.ingest.sources.gather import Gatherer, GatherLimits
from heimdall.ingest.sources.listen import open_ports
from heimdall.ingest.sources.loop_thread import LoopThread


@dataclass(frozen=True, slots=True, kw_only=True)
class SyslogConfig:
    ports: tuple[int, ...] = (5514,)
    """UDP and TCP ports; one that is taken is skipped, empty = off. Below 1024 needs a privilege."""
    host: str = ""
    """Address to listen on; empty = that of `server.host`."""
    time_zone: str = "UTC"
    """IANA zone of RFC 3164 times, which state none."""
    tls_certificate: Path | None = None
    """PEM file with the certificate chain: TLS is then taken on the same ports, beside plain TCP."""
    tls_key: Path | None = None
    """PEM file with the certificate's key."""
    tls_client_authority: Path | None = None
    """PEM file of the authorities that sign clients' certificates; clients without one are refused."""
    tls_only: bool = False
    """Refuse plain TCP. UDP is then off too."""
    max_record_bytes: int = 256 * 1024
    """Longest record; of a longer one the beginning is kept and marked."""
    max_connections: int = 1024
    """Open at one time; beyond, the one silent the longest (a minute at least) gives way, else the newcomer."""
    max_in_flight_bytes: int = 64 * 1024 * 1024
    """Bytes taken and not durable yet; beyond, connections are not read and datagrams dropped."""
    record_timeout_s: float = 60.0
    """Longest time between the first and the last byte of a record; then the connection is closed."""

    def __post_init__(self) -> None:
        Hints(time_zone=self.time_zone)
        if (self.tls_certificate is None) != (self.tls_key is None):
            raise ValueError("tls_certificate and tls_key belong together")
        if (self.tls_only or self.tls_client_authority is not None) and self.tls_certificate is None:
            raise ValueError("TLS needs tls_certificate and tls_key")


@dataclass(frozen=True, slots=True)
class Received:
    """Records of one peer, or a list of records with a peer each."""

    frames: Frames
    peers: str | list[str]


class SyslogSource:
    name = "syslog"

    def __init__(self, bus: Bus, clock: Clock, config: SyslogConfig) -> None:
        self._bus = bus
        self._clock = clock
        self._config = config
        self._tls = tls_context(config.tls_certificate, config.tls_key, config.tls_client_authority)
        self._opened: list[tuple[Address, socket.socket]] = []
        self._servers: list[TcpServer] = []
        self._receivers: list[DatagramReceiver] = []
        self._thread: LoopThread | None = None
        self._gatherer: Gatherer[Received] | None = None

    @property
    def addresses(self) -> tuple[Address, ...]:
        return tuple(address for address, _ in self._opened)

    def start(self) -> None:
        config = self._config
        self._opened = list(
            open_ports(self.name, config.host, config.ports, ("tcp",) if config.tls_only else ("tcp", "udp"))
        )
        if self._opened:
            self._thread = LoopThread("heimdall-syslog")
            self._thread.run(self._listen())

    def stop(self) -> None:
        if self._thread is not None and self._gatherer is not None:
            self._thread.run(self._end())
            self._gatherer.close()
            self._thread.close()

    async def _listen(self) -> None:
        assert self._thread is not None
        config = self._config
        gather = GatherLimits(max_in_flight_bytes=config.max_in_flight_bytes)
        limits = ConnectionLimits(
            max_connections=config.max_connections,
            max_pending_bytes=config.max_in_flight_bytes,
            record_timeout_s=config.record_timeout_s,
        )
        self._gatherer = Gatherer(self.name, self._bus, self._clock, self._thread.loop, self._decode, gather)
        for address, opened in self._opened:
            if address.transport == "udp":
                self._receivers.append(DatagramReceiver(self.name, opened, self._take_datagrams))
            else:
                server = TcpServer(
                    self.name, opened, self._serve, self._clock, limits, tls=self._tls, tls_only=config.tls_only
                )
                self._servers.append(server)

    async def _end(self) -> None:
        assert self._gatherer is not None
        for receiver in self._receivers:
            receiver.close()
        for server in self._servers:
            await server.close()
        await self._gatherer.drain()

    def _take_datagrams(self, datagrams: list[bytes], peers: list[str]) -> bool:
        assert self._gatherer is not None
        frames = Frames([data.rstrip(b"\r\n\0") for data in datagrams])
        return self._gatherer.offer(Received(frames, peers), frames.size_bytes, len(datagrams))

    async def _serve(self, connection: Connection) -> None:
        framing = SyslogFraming(self._config.max_record_bytes)
        while data := await connection.read():
            complete = framing.feed(data)
            await self._put(complete, connection.peer)
            if not connection.pending(framing.pending_bytes, same_record=not complete):
                break
        await self._put(framing.end(), connection.peer)

    async def _put(self, complete: Sequence[Frames], peer: str) -> None:
        assert self._gatherer is not None
        for frames in complete:
            await self._gatherer.put(Received(frames, peer), frames.size_bytes, frames.count)

    def _decode(self, received: list[Received]) -> Decoded:
        return decode_received(received, now_ns=self._clock.time_ns(), zone=self._config.time_zone)


def decode_received(received: Sequence[Received], *, now_ns: int, zone: str = "UTC") -> Decoded:
    """Every frame is a record; one that names no host has its peer's address as its instance."""
    columns: list[pl.Series] = []
    senders: list[pl.Series] = []
    cut: list[Cut] = []
    first = 0
    for each in received:
        records = each.frames.records
        column = pl.Series("line", records, dtype=pl.Binary) if isinstance(records, list) else lines_of(records)
        columns.append(column.cast(pl.Binary))
        senders.append(
            pl.Series("sender", each.peers, dtype=pl.String)
            if isinstance(each.peers, list)
            else pl.Series("sender", [each.peers], dtype=pl.String).new_from_index(0, len(column))
        )
        cut += [Cut(first + one.line, one.original_bytes) for one in each.frames.cut]
        first += len(column)
    return decode_lines(
        pl.concat(columns), now_ns=now_ns, zone=zone, cut=tuple(cut), join=False, instances=pl.concat(senders)
    )


def tls_context(certificate: Path | None, key: Path | None, client_authority: Path | None) -> ssl.SSLContext | None:
    """TLS 1.2 and newer with the library's own choice of ciphers; None without a certificate.

    Raises:
        Misconfigured: naming the file that cannot be used.
    """
    if certificate is None or key is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(certificate, key)
        if client_authority is not None:
            context.load_verify_locations(client_authority)
            context.verify_mode = ssl.CERT_REQUIRED
    except (OSError, ssl.SSLError) as exc:
        raise Misconfigured(f"TLS with certificate {certificate} and key {key} cannot be set up: {exc}") from exc
    return context

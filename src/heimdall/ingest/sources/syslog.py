"""Syslog over UDP (RFC 5426), TCP (RFC 6587) and TLS (RFC 5425): RFC 5424 and RFC 3164, CEF and LEEF inside.

Plain and encrypted connections share a port. Nothing in the protocol acknowledges: a sender over TCP is slowed down
when the node is, one over UDP is not, and what finds no room is counted as dropped.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from heimdall.bus.port import Bus
from heimdall.clock import Clock
from heimdall.errors import InvalidInput
from heimdall.ingest.decode.decoded import Decoded
from heimdall.ingest.decode.hints import Hints
from heimdall.ingest.decode.lines import lines_of
from heimdall.ingest.decode.text import Cut, decode_lines
from heimdall.ingest.sources.connections import Connection
from heimdall.ingest.sources.framing import Frames, SyslogFraming
from heimdall.ingest.sources.listening import ListeningConfig, ListeningSource


@dataclass(frozen=True, slots=True, kw_only=True)
class SyslogConfig(ListeningConfig):
    ports: tuple[int, ...] = (5514,)
    """UDP and TCP ports; one that is taken is skipped, empty = off. Below 1024 needs a privilege."""
    time_zone: str = "UTC"
    """IANA zone of RFC 3164 times, which state none."""
    max_record_bytes: int = 256 * 1024
    """Longest record; of a longer one the beginning is kept and marked."""

    def __post_init__(self) -> None:
        try:
            Hints(time_zone=self.time_zone)
        except InvalidInput as exc:
            raise ValueError(str(exc)) from exc


@dataclass(frozen=True, slots=True)
class Received:
    """Records of one peer, or a list of records with a peer each."""

    frames: Frames
    peers: str | list[str]


class SyslogSource(ListeningSource[Received]):
    name = "syslog"

    def __init__(self, bus: Bus, clock: Clock, config: SyslogConfig) -> None:
        super().__init__(bus, clock, config)
        self._config = config

    def take_datagrams(self, datagrams: list[bytes], peers: list[tuple[str, int]]) -> bool:
        frames = Frames([data.rstrip(b"\r\n\0") for data in datagrams])
        received = Received(frames, [host for host, *_ in peers])
        return self.gatherer.offer(received, frames.size_bytes, len(datagrams))

    async def serve(self, connection: Connection) -> None:
        framing = SyslogFraming(self._config.max_record_bytes)
        while data := await connection.read():
            complete = framing.feed(data)
            await self._put(complete, connection.peer)
            if not connection.pending(framing.pending_bytes, same_record=not complete):
                break
        await self._put(framing.end(), connection.peer)

    async def _put(self, complete: Sequence[Frames], peer: str) -> None:
        for frames in complete:
            await self.gatherer.put(Received(frames, peer), frames.size_bytes, frames.count)

    def decode(self, items: list[Received]) -> Decoded:
        return decode_received(items, now_ns=self._clock.time_ns(), zone=self._config.time_zone)


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

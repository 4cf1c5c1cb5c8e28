"""GELF over UDP (whole or in chunks, plain, gzip or zlib) and TCP (ended by NUL): Docker, Graylog's clients.

Nothing acknowledges: TCP senders are slowed down, datagrams without room are dropped and counted.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

from heimdall.bus.port import Bus
from heimdall.clock import Clock
from heimdall.ingest.decode.decoded import Decoded
from heimdall.ingest.decode.gelf import decode_gelf
from heimdall.ingest.decode.json_schema import SchemaMemory
from heimdall.ingest.sources.connections import Connection
from heimdall.ingest.sources.datagrams import DROPPED
from heimdall.ingest.sources.listening import ListeningConfig, ListeningSource

CHUNK_MAGIC = b"\x1e\x0f"
_HEADER_BYTES = 12
MAX_CHUNKS = 128
_CHUNKS_WITHIN_S = 5.0
"""Both from the specification."""
MAX_UNFINISHED = 4096
"""Messages of which some chunks are there."""
MAX_UNFINISHED_BYTES = 16 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class GelfConfig(ListeningConfig):
    ports: tuple[int, ...] = (12201,)
    """UDP and TCP ports; one that is taken is skipped, empty = off."""


class GelfSource(ListeningSource[list[bytes]]):
    name = "gelf"

    def __init__(self, bus: Bus, clock: Clock, config: GelfConfig) -> None:
        super().__init__(bus, clock, config)
        self._config = config
        self._schemas = SchemaMemory()
        self._chunks = ChunkAssembler(clock)

    def decode(self, items: list[list[bytes]]) -> Decoded:
        documents = [document for each in items for document in each]
        return decode_gelf(documents, now_ns=self._clock.time_ns(), schemas=self._schemas)

    def take_datagrams(self, datagrams: list[bytes], peers: list[tuple[str, int]]) -> bool:
        documents = [
            whole
            for datagram, (host, *_) in zip(datagrams, peers, strict=True)
            if (whole := self._chunks.add(datagram, host) if datagram[:2] == CHUNK_MAGIC else datagram)
        ]
        lost = self._chunks.expire()
        if lost:
            DROPPED.labels(self.name, "sender").inc(lost)
        return not documents or self.gatherer.offer(documents, sum(map(len, documents)), len(documents))

    async def serve(self, connection: Connection) -> None:
        rest = b""
        while data := await connection.read():
            *complete, rest = (rest + data).split(b"\0")
            await self._put(complete)
            if len(rest) > self._config.max_record_bytes:
                connection.close("protocol")
                await self._put([rest])
                return
            if not connection.pending(len(rest), same_record=not complete):
                break
        await self._put([rest])

    async def _put(self, complete: list[bytes]) -> None:
        documents = [document for document in complete if document.strip()]
        if documents:
            await self.gatherer.put(documents, sum(map(len, documents)), len(documents))


@dataclass(slots=True)
class _Unfinished:
    parts: list[bytes | None]
    began: float
    missing: int
    size_bytes: int = 0


class ChunkAssembler:
    """Chunks → messages. Holds what is unfinished for 5 s, and within bounds: beyond, the oldest is given up."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._unfinished: OrderedDict[tuple[str, bytes], _Unfinished] = OrderedDict()
        self._size_bytes = 0
        self._lost = 0

    @property
    def size_bytes(self) -> int:
        return self._size_bytes

    def add(self, datagram: bytes, peer: str) -> bytes | None:
        """The message whose last chunk this is."""
        place, count = (datagram[10], datagram[11]) if len(datagram) >= _HEADER_BYTES else (0, 0)
        if not 0 < count <= MAX_CHUNKS or place >= count:
            self._lost += 1
            return None
        key = (peer, datagram[2:10])
        unfinished = self._unfinished.get(key)
        if unfinished is None or len(unfinished.parts) != count:
            self._forget(key)
            unfinished = self._unfinished[key] = _Unfinished([None] * count, self._clock.monotonic(), count)
        if unfinished.parts[place] is not None:
            return None  # sent twice
        part = unfinished.parts[place] = datagram[_HEADER_BYTES:]
        unfinished.missing -= 1
        unfinished.size_bytes += len(part)
        self._size_bytes += len(part)
        if not unfinished.missing:
            del self._unfinished[key]
            self._size_bytes -= unfinished.size_bytes
            return b"".join(filter(None, unfinished.parts))
        while len(self._unfinished) > MAX_UNFINISHED or self._size_bytes > MAX_UNFINISHED_BYTES:
            self._forget(next(iter(self._unfinished)))
        return None

    def expire(self) -> int:
        """Messages given up since the last call."""
        latest = self._clock.monotonic() - _CHUNKS_WITHIN_S
        while self._unfinished and next(iter(self._unfinished.values())).began < latest:
            self._forget(next(iter(self._unfinished)))
        lost, self._lost = self._lost, 0
        return lost

    def _forget(self, key: tuple[str, bytes]) -> None:
        unfinished = self._unfinished.pop(key, None)
        if unfinished is not None:
            self._size_bytes -= unfinished.size_bytes
            self._lost += 1

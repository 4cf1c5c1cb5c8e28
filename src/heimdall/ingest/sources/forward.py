"""Fluent Forward over TCP and TLS: what Fluentd, Fluent Bit, Docker's fluentd driver and the fluent loggers speak.

A chunk that asks for it is acknowledged once it is on the disk. With a shared key a client proves it before it is
heard (HELO, PING, PONG). A datagram is a heartbeat, and answered.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
import socket
from dataclasses import dataclass
from typing import Any

import msgpack

from heimdall.bus.port import Bus
from heimdall.clock import Clock
from heimdall.ingest.decode.decoded import Decoded
from heimdall.ingest.decode.forward import decode_forward
from heimdall.ingest.decode.json_schema import SchemaMemory
from heimdall.ingest.sources.connections import Connection
from heimdall.ingest.sources.listening import ListeningConfig, ListeningSource

_RECORD_BYTES = 256
"""A record as msgpack, about: enough to know when a batch is large."""
_NIL = b"\xc0"
_CHUNK_KEY = b"\xa5chunk"
_MAX_HANDSHAKE_BYTES = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class ForwardConfig(ListeningConfig):
    ports: tuple[int, ...] = (24224,)
    """TCP ports, and UDP for heartbeats; one that is taken is skipped, empty = off."""
    max_record_bytes: int = 32 * 1024 * 1024
    """Longest message, as sent. Larger than the senders' chunk limit (Fluentd's is 8 MiB)."""
    shared_key: str = ""
    """What senders have to know (`shared_key` of their configuration); empty = nothing."""


class ForwardSource(ListeningSource[bytes]):
    name = "forward"

    def __init__(self, bus: Bus, clock: Clock, config: ForwardConfig) -> None:
        super().__init__(bus, clock, config)
        self._config = config
        self.speaks_first = bool(config.shared_key)
        self._schemas = SchemaMemory()

    def decode(self, items: list[bytes]) -> Decoded:
        return decode_forward(items, now_ns=self._clock.time_ns(), schemas=self._schemas)

    def take_datagrams(self, datagrams: list[bytes], peers: list[tuple[str, int]]) -> bool:
        for peer in peers:
            self.send_datagram(b"\0", peer)
        return True

    async def serve(self, connection: Connection) -> None:
        messages = MessageStream(self._config.max_record_bytes)
        if self._config.shared_key and not await self._is_admitted(connection):
            connection.close("denied")
            return
        acknowledged: asyncio.Queue[tuple[asyncio.Future[bool], bytes] | None] = asyncio.Queue()
        acknowledging = asyncio.create_task(_acknowledge(acknowledged, connection))
        try:
            while data := await connection.read():
                complete = messages.feed(data)
                for message in complete:
                    chunk = chunk_of(message)
                    records = 1 + len(message) // _RECORD_BYTES
                    durable = await self.gatherer.put(message, len(message), records, awaited=chunk is not None)
                    if chunk is not None:
                        acknowledged.put_nowait((durable, chunk))
                if messages.broken:
                    connection.close("protocol")
                    break
                if not connection.pending(messages.pending_bytes, same_record=not complete):
                    break
            acknowledged.put_nowait(None)
            await acknowledging
        finally:
            acknowledging.cancel()

    async def _is_admitted(self, connection: Connection) -> bool:
        nonce = secrets.token_bytes(16)
        await connection.write(msgpack.packb(["HELO", {"nonce": nonce, "auth": "", "keepalive": True}]))
        ping = MessageStream(_MAX_HANDSHAKE_BYTES)
        while not (found := ping.feed(await connection.read())):
            if ping.broken or connection.ended or not connection.pending(ping.pending_bytes, same_record=True):
                return False
        host = socket.gethostname()
        reason = _refusal(found[0], nonce, self._config.shared_key)
        salt, digest = "", ""
        if not reason:
            salt = _text(_unpacked(found[0])[2])
            digest = _digest(salt, host, nonce, self._config.shared_key)
        await connection.write(msgpack.packb(["PONG", not reason, reason, host, digest]))
        return not reason and len(found) == 1


class MessageStream:
    """Bytes of a connection → the msgpack of each message. Nils (heartbeats) are passed over."""

    def __init__(self, max_message_bytes: int) -> None:
        self._max = max_message_bytes
        self._skipper = msgpack.Unpacker(max_buffer_size=2**31 - 1)
        self._held = bytearray()
        self._begin = 0
        """Of `_held`, in bytes of the stream."""
        self.broken = False
        """What came is no message, or longer than one may be: nothing after it can be understood."""

    @property
    def pending_bytes(self) -> int:
        return len(self._held)

    def feed(self, data: bytes) -> list[bytes]:
        """Messages completed by `data`."""
        found: list[bytes] = []
        if self.broken:
            return found
        self._held += data
        self._skipper.feed(data)
        place = 0
        try:
            while True:
                self._skipper.skip()  # finds the end without making objects, and goes on where it was
                end = self._skipper.tell() - self._begin
                message = bytes(self._held[place:end])
                place = end
                if message[0] & 0xF0 == 0x90 or message[0] in (0xDC, 0xDD):
                    found.append(message)
                elif message != _NIL:
                    self.broken = True
                    break
        except msgpack.OutOfData:
            pass
        except (ValueError, msgpack.UnpackException):
            self.broken = True
        del self._held[:place]
        self._begin += place
        # a message is an array: rubbish that happens to begin a long string is found out here
        first = self._held[:1]
        if len(self._held) > self._max or (first and not (first[0] & 0xF0 == 0x90 or first[0] in (0xC0, 0xDC, 0xDD))):
            self.broken = True
        return found


def chunk_of(message: bytes) -> bytes | None:
    """The packed acknowledgement a message asks for."""
    if _CHUNK_KEY not in message:
        return None
    try:
        parts = msgpack.Unpacker(max_buffer_size=len(message) + 1, raw=True, strict_map_key=False)
        parts.feed(message)
        count = parts.read_array_header()
        parts.skip()
        place = 2 if _holds_entries(message[parts.tell()]) else 3  # mode Message has time and record there
        for _ in range(place - 1):
            parts.skip()
        options = parts.unpack() if count > place else None
        chunk = options.get(b"chunk") if isinstance(options, dict) else None
    except (ValueError, TypeError, IndexError, msgpack.UnpackException):
        return None
    if not isinstance(chunk, bytes):
        return None
    # as text, which is what it was sent as; its bytes stay what they were
    return bytes(msgpack.packb({"ack": chunk.decode("utf-8", "surrogateescape")}, unicode_errors="surrogateescape"))


def _holds_entries(first: int) -> bool:
    """Whether a value that begins so is a list, text or bytes."""
    return 0x90 <= first <= 0xBF or first in (0xC4, 0xC5, 0xC6, 0xD9, 0xDA, 0xDB, 0xDC, 0xDD)


async def _acknowledge(
    acknowledged: asyncio.Queue[tuple[asyncio.Future[bool], bytes] | None], connection: Connection
) -> None:
    """In the order the chunks came; one that did not become durable is passed over, and its sender sends it again."""
    while (waiting := await acknowledged.get()) is not None:
        durable, answer = waiting
        if await durable:
            await connection.write(answer)


def _refusal(message: bytes, nonce: bytes, shared_key: str) -> str:
    """Why a PING is not good enough; empty when it is."""
    try:
        kind, host, salt, digest, *_ = _unpacked(message)
    except (ValueError, msgpack.UnpackException):
        return "no PING"
    if kind != "PING":
        return "no PING"
    try:
        expected = _digest(_text(salt), _text(host), nonce, shared_key)
    except TypeError:
        return "no PING"
    return "" if hmac.compare_digest(expected, _text(digest)) else "shared_key mismatch"


def _unpacked(message: bytes) -> Any:
    return msgpack.unpackb(message, unicode_errors="surrogateescape")  # Fluent Bit's salt is any bytes, as text


def _digest(salt: str, host: str, nonce: bytes, shared_key: str) -> str:
    parts = (salt.encode("utf-8", "surrogateescape"), host.encode("utf-8", "surrogateescape"), nonce)
    return hashlib.sha512(b"".join(parts) + shared_key.encode()).hexdigest()


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        return value.decode("utf-8", "surrogateescape")
    if isinstance(value, str):
        return value
    raise TypeError

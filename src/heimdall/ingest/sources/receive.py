"""A request body from the wire into memory, within limits of size, time and what the node can hold."""

from __future__ import annotations

import asyncio

from starlette.requests import Request

from heimdall.clock import Clock
from heimdall.errors import InvalidInput, SlowSender, TooLarge
from heimdall.ingest.sources.budget import Lease

_GRACE_S = 10.0
"""Before the rate counts: a handshake over a slow link, a first packet lost."""


async def receive_body(
    request: Request,
    lease: Lease,
    clock: Clock,
    *,
    max_bytes: int,
    chunk_timeout_s: float,
    min_bytes_per_s: int,
) -> bytes:
    """The whole body as sent.

    Raises:
        TooLarge: more than `max_bytes`; found out from Content-Length before a byte is read where it is given.
        SlowSender: nothing for `chunk_timeout_s`, or slower than `min_bytes_per_s` after a grace of 10 s.
        Overloaded: the node holds as much as it can.
        starlette.requests.ClientDisconnect: nobody is left to answer.
    """
    declared = request.headers.get("content-length")
    if declared is not None and not declared.isdigit():
        raise InvalidInput("Content-Length is no number")
    if declared is not None and int(declared[:20]) > max_bytes:
        raise TooLarge(f"the body is larger than {max_bytes} bytes; send smaller batches")
    chunks: list[bytes] = []
    size, started = 0, clock.monotonic()
    stream = request.stream()
    while True:
        try:
            async with asyncio.timeout(chunk_timeout_s):
                chunk = await anext(stream, None)
        except TimeoutError:
            raise SlowSender(f"no bytes for {chunk_timeout_s:g} s; send the body in one go") from None
        if chunk is None:
            return chunks[0] if len(chunks) == 1 else b"".join(chunks)
        if not chunk:
            continue
        size += len(chunk)
        if size > max_bytes:
            raise TooLarge(f"the body is larger than {max_bytes} bytes; send smaller batches")
        elapsed = clock.monotonic() - started
        if elapsed > _GRACE_S and size < (elapsed - _GRACE_S) * min_bytes_per_s:
            raise SlowSender(f"slower than {min_bytes_per_s} bytes a second; send smaller batches")
        lease.grow(len(chunk))
        chunks.append(chunk)

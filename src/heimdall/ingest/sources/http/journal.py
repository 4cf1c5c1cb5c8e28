"""`POST /upload`: a journal, as systemd-journal-upload sends it.

It comes as one endless body, which is decoded and made durable piece by piece, so its length does not matter. Errors
are answered by the server's one error edge.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from heimdall.errors import SlowSender, TooLarge, UnsupportedMedia
from heimdall.ingest.decode.decoded import Decoded
from heimdall.ingest.decode.journal_export import ExportFraming, decode_journal_export
from heimdall.ingest.decompress import coding_of
from heimdall.ingest.sources.budget import Lease
from heimdall.ingest.sources.http.door import HttpDoor, content_type_of, taking

_JOURNAL_TYPE = "application/vnd.fdo.journal"
_PIECE_BYTES = 2 << 20
"""Of a journal, decoded at a time; an entry may be longer."""


class JournalUploads:
    """The door."""

    def __init__(self, door: HttpDoor) -> None:
        self._door = door

    @property
    def routes(self) -> list[Route]:
        """To be mounted at the root of the server."""
        return taking("/upload", self._journal)

    async def _journal(self, request: Request) -> Response:
        with self._door.intake.refusals("journal"):
            if content_type_of(request) != _JOURNAL_TYPE:
                raise UnsupportedMedia(f"journals come as {_JOURNAL_TYPE}")
            if coding_of(request.headers.get("content-encoding")):
                raise UnsupportedMedia("journals are taken without a Content-Encoding")
            await self._pieces(request)
        return Response("ok\n", status_code=202, media_type="text/plain")

    async def _pieces(self, request: Request) -> None:
        framing = ExportFraming()
        most = self._door.config.max_body_bytes
        with self._door.intake.budget.lease() as lease:
            held, size, enough = list[bytes](), 0, _PIECE_BYTES
            stream = request.stream()
            while (chunk := await self._next(stream.__anext__)) is not None:
                lease.grow(len(chunk))
                held.append(chunk)
                size += len(chunk)
                if size >= enough:
                    size = await self._piece(framing, held, lease)
                    lease.close()
                    lease.grow(size)
                    enough = max(_PIECE_BYTES, 2 * size)  # an entry that is not whole is looked at when it has doubled
                    if size > most:
                        raise TooLarge(f"an entry is larger than {most} bytes")
            await self._piece(framing, held, lease, last=True)

    async def _next(self, more: Callable[[], Awaitable[bytes]]) -> bytes | None:
        silence_s = self._door.config.chunk_timeout_s
        try:
            async with asyncio.timeout(silence_s):
                return await more()
        except StopAsyncIteration:
            return None
        except TimeoutError:
            raise SlowSender(f"no bytes for {silence_s:g} s") from None

    async def _piece(self, framing: ExportFraming, held: list[bytes], lease: Lease, *, last: bool = False) -> int:
        """Make the entries in `held` durable; bytes of the one that is not whole."""
        data = b"".join(held)
        held.clear()

        def decode(body: bytes) -> Decoded:
            entries = framing.feed(body) + (framing.end() if last else b"")
            return decode_journal_export(entries, now_ns=self._door.now_ns(), schemas=self._door.schemas)

        await self._door.keep("journal", data, decode, lease)
        return framing.pending_bytes

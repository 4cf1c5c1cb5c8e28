"""HTTP doors of protocols that are at home elsewhere: `POST /upload` (systemd-journal-upload) and `POST /gelf`.

A journal comes as one endless body: it is decoded and made durable piece by piece, so its length does not matter.
Errors are answered by the server's one error edge.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from heimdall.bus.port import Bus
from heimdall.clock import Clock
from heimdall.errors import HeimdallError, InvalidInput, SlowSender, TooLarge, UnsupportedMedia
from heimdall.ingest.decode.decoded import Decoded
from heimdall.ingest.decode.gelf import decode_gelf, is_gelf
from heimdall.ingest.decode.journal_export import ExportFraming, decode_journal_export
from heimdall.ingest.decode.json_schema import SchemaMemory
from heimdall.ingest.decompress import coding_of
from heimdall.ingest.sources.budget import ByteBudget
from heimdall.ingest.sources.http.door import HttpIngestConfig
from heimdall.ingest.sources.intake import BYTES, RECORDS, REFUSED
from heimdall.ingest.sources.receive import receive_body
from heimdall.model.batch import DEFAULT_TENANT, LogBatch

_JOURNAL_TYPE = "application/vnd.fdo.journal"
_PIECE_BYTES = 2 << 20
"""Of a journal, decoded at a time; an entry may be longer."""


class UploadSource:
    def __init__(self, bus: Bus, clock: Clock, config: HttpIngestConfig) -> None:
        self._bus = bus
        self._clock = clock
        self._config = config
        self._budget = ByteBudget(config.max_in_flight_bytes)
        self._schemas = SchemaMemory()
        self._workers = ThreadPoolExecutor(1, thread_name_prefix="heimdall-upload")

    @property
    def routes(self) -> list[Route]:
        """To be mounted at the root of the server."""
        return [
            Route("/upload", partial(self._counted, "journal", self._journal), methods=["POST"]),
            Route("/gelf", partial(self._counted, "gelf", self._gelf), methods=["POST"]),
        ]

    def close(self) -> None:
        self._workers.shutdown(wait=True)

    async def _counted(self, door: str, answer: Callable[[Request], Awaitable[Response]], request: Request) -> Response:
        try:
            return await answer(request)
        except ClientDisconnect:
            return Response(status_code=400)  # nobody reads it
        except HeimdallError as exc:
            REFUSED.labels(door, exc.code).inc()
            raise

    async def _gelf(self, request: Request) -> Response:
        config = self._config
        with self._budget.lease() as lease:
            body = await receive_body(
                request,
                lease,
                self._clock,
                max_bytes=config.max_body_bytes,
                chunk_timeout_s=config.chunk_timeout_s,
                min_bytes_per_s=config.min_bytes_per_s,
            )

            def decode() -> Decoded:
                # the body says how it is compressed; what clients say of it in Content-Encoding is often wrong
                if not is_gelf(body):
                    raise InvalidInput("the body is no GELF message: one JSON object, plain, gzip or zlib, up to 1 MiB")
                return decode_gelf([body], now_ns=self._clock.time_ns(), schemas=self._schemas)

            await self._keep("gelf", decode, len(body))
        return Response(status_code=202)

    async def _journal(self, request: Request) -> Response:
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _JOURNAL_TYPE:
            raise UnsupportedMedia(f"journals come as {_JOURNAL_TYPE}")
        if coding_of(request.headers.get("content-encoding")):
            raise UnsupportedMedia("journals are taken without a Content-Encoding")
        framing = ExportFraming()
        with self._budget.lease() as lease:
            held, size, enough = list[bytes](), 0, _PIECE_BYTES
            stream = request.stream()
            while (chunk := await self._next(stream.__anext__)) is not None:
                lease.grow(len(chunk))
                held.append(chunk)
                size += len(chunk)
                if size >= enough:
                    size = await self._piece(framing, held)
                    lease.close()
                    lease.grow(size)
                    enough = max(_PIECE_BYTES, 2 * size)  # an entry that is not whole is looked at when it has doubled
                    if size > self._config.max_body_bytes:
                        raise TooLarge(f"an entry is larger than {self._config.max_body_bytes} bytes")
            await self._piece(framing, held, last=True)
        return Response("ok\n", status_code=202, media_type="text/plain")

    async def _next(self, more: Callable[[], Awaitable[bytes]]) -> bytes | None:
        try:
            async with asyncio.timeout(self._config.chunk_timeout_s):
                return await more()
        except StopAsyncIteration:
            return None
        except TimeoutError:
            raise SlowSender(f"no bytes for {self._config.chunk_timeout_s:g} s") from None

    async def _piece(self, framing: ExportFraming, held: list[bytes], *, last: bool = False) -> int:
        """Make the entries in `held` durable; bytes of the one that is not whole."""
        data = b"".join(held)
        held.clear()

        def decode() -> Decoded:
            entries = framing.feed(data) + (framing.end() if last else b"")
            return decode_journal_export(entries, now_ns=self._clock.time_ns(), schemas=self._schemas)

        await self._keep("journal", decode, len(data))
        return framing.pending_bytes

    async def _keep(self, door: str, decode: Callable[[], Decoded], size_bytes: int) -> None:
        """Return when the records are on the disk."""

        def decode_and_append() -> tuple[Decoded, Future[int] | None]:
            decoded = decode()
            return decoded, self._bus.append(LogBatch(DEFAULT_TENANT, decoded.table)) if decoded.num_rows else None

        decoded, durable = await asyncio.get_running_loop().run_in_executor(self._workers, decode_and_append)
        if durable is not None:
            await asyncio.wrap_future(durable)
        RECORDS.labels(door, "accepted").inc(decoded.num_rows)
        RECORDS.labels(door, "rejected").inc(decoded.rejected_count)
        BYTES.labels(door).inc(size_bytes)

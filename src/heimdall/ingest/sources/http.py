"""The HTTP door: `POST /api/v1/logs` for JSON and text, `POST /v1/logs` for OTLP.

A request is received within limits (`receive`, `budget`), decompressed and decoded in a worker thread, appended to
the bus, and answered when the bus says the records are on the disk.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, fields, replace

import orjson
from prometheus_client import Counter, Histogram
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from heimdall.bus.port import Bus, ProducerKey
from heimdall.clock import Clock
from heimdall.errors import HeimdallError, InvalidInput, TooLarge, UnsupportedMedia
from heimdall.ingest.decode.decoded import Decoded
from heimdall.ingest.decode.defaults import DEFAULTABLE, with_attributes, with_defaults
from heimdall.ingest.decode.hints import Hints
from heimdall.ingest.decode.json import MAX_RECORDS, decode_json
from heimdall.ingest.decode.json_schema import SchemaMemory
from heimdall.ingest.decode.lines import lines_of
from heimdall.ingest.decode.text import decode_lines
from heimdall.ingest.decompress import coding_of, decompress
from heimdall.ingest.sources.budget import ByteBudget, Lease
from heimdall.ingest.sources.otlp_answer import OtlpForm, otlp_decode, otlp_error, otlp_form, otlp_success
from heimdall.ingest.sources.receive import receive_body
from heimdall.model.batch import DEFAULT_TENANT, LogBatch, TenantId

RECORDS = Counter("heimdall_ingest_records", "Records a door took or refused.", ["door", "outcome"])
BYTES = Counter("heimdall_ingest_bytes", "Decoded bytes of requests a door answered with success.", ["door"])
REFUSED = Counter("heimdall_ingest_refused_requests", "Requests refused as a whole, by error code.", ["door", "code"])
SECONDS = Histogram("heimdall_ingest_request_seconds", "From the request's head to its answer.", ["door"])

_JSON_TYPES = frozenset(
    {
        "application/json", "application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonl",
        "application/jsonlines", "application/x-jsonlines", "application/json-lines", "application/stream+json",
        "application/json-seq", "text/json", "text/x-json",
    }
)  # fmt: skip
_TEXT_TYPES = frozenset({"text/plain"})
_UNTOLD_TYPES = frozenset({"", "application/octet-stream", "application/x-www-form-urlencoded", "*/*"})
"""Say nothing about the body: it is what clients send when nobody told them a type."""


_OTHER_METHODS = ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"]


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpIngestConfig:
    max_body_bytes: int = 64 * 1024 * 1024
    """Largest request body, as sent and after decompression. Larger: fewer, bigger batches, more memory at once."""
    max_in_flight_bytes: int = 256 * 1024 * 1024
    """Bytes all requests may hold together; beyond, senders are told to slow down (429)."""
    decode_threads: int = 2
    """Bodies decoded at the same time. More than the cores there are only adds memory."""
    chunk_timeout_s: float = 30.0
    """Longest silence inside a body before the sender is given up (408)."""
    min_bytes_per_s: int = 1024
    """Slowest body, after ten seconds, before the sender is given up (408)."""


@dataclass(frozen=True, slots=True)
class _Taken:
    """A decoded body on its way to the disk."""

    decoded: Decoded
    size_bytes: int
    durable: Future[int] | None


class HttpSource:
    """Takes records over HTTP and puts them onto `bus`.

    `on_accept(tenant, accepted, size_bytes)` is called in the event loop after the records are durable.
    """

    def __init__(
        self,
        bus: Bus,
        clock: Clock,
        config: HttpIngestConfig | None = None,
        on_accept: Callable[[TenantId, int, int], None] | None = None,
    ) -> None:
        self._bus = bus
        self._clock = clock
        self._config = config or HttpIngestConfig()
        self._on_accept = on_accept or (lambda tenant, accepted, size_bytes: None)
        self._budget = ByteBudget(self._config.max_in_flight_bytes)
        self._schemas = SchemaMemory()
        self._workers = ThreadPoolExecutor(self._config.decode_threads, thread_name_prefix="heimdall-decode")

    @property
    def routes(self) -> list[Route]:
        """To be mounted at the root of the server."""
        return [
            Route("/api/v1/logs", self._logs, methods=["POST"]),
            Route("/v1/logs", self._otlp, methods=["POST"]),
            # behind the doors stand the pages, which would answer 404
            Route("/api/v1/logs", _only_post, methods=_OTHER_METHODS),
            Route("/v1/logs", _only_post, methods=_OTHER_METHODS),
        ]

    @property
    def bytes_in_flight(self) -> int:
        return self._budget.used_bytes

    def close(self) -> None:
        """Let requests that are being decoded finish, then release the threads."""
        self._workers.shutdown(wait=True)

    async def _logs(self, request: Request) -> Response:
        """Raises what went wrong; the server's one error edge makes the answer of it."""
        hints, defaults, attributes = _parameters(request)
        producer = _producer(request)
        content_type = _content_type(request)

        def decode(body: bytes) -> Decoded:
            decoded = decode_body(body, content_type, hints, self._clock.time_ns(), self._schemas)
            return replace(decoded, table=with_attributes(with_defaults(decoded.table, defaults), attributes))

        try:
            decoded = (await self._counted("logs", request, decode, producer)).decoded
        except ClientDisconnect:
            return Response(status_code=400)  # nobody reads it
        if decoded.rejected_count and not decoded.num_rows:
            first = decoded.rejected[0]
            raise InvalidInput(
                f"none of {decoded.rejected_count} records could be read; line {first.line}: {first.reason}"
            )
        listed = [{"line": each.line, "reason": each.reason, "excerpt": each.excerpt} for each in decoded.rejected]
        told = {"accepted": decoded.num_rows, "rejected": decoded.rejected_count, "errors": listed}
        return Response(orjson.dumps(told), media_type="application/json")

    async def _otlp(self, request: Request) -> Response:
        """Answers errors itself: OTLP has a body of its own for them."""
        form = OtlpForm.PROTOBUF
        try:
            form = otlp_form(_content_type(request))

            def decode(body: bytes) -> Decoded:
                return otlp_decode(body, form, self._clock.time_ns(), self._schemas)

            return otlp_success((await self._counted("otlp", request, decode)).decoded, form)
        except ClientDisconnect:
            return Response(status_code=400)  # nobody reads it
        except HeimdallError as exc:
            return otlp_error(exc, form)

    async def _counted(
        self, door: str, request: Request, decode: Callable[[bytes], Decoded], producer: ProducerKey | None = None
    ) -> _Taken:
        started = self._clock.monotonic()
        try:
            taken = await self._take(request, decode, producer)
        except HeimdallError as exc:
            REFUSED.labels(door, exc.code).inc()
            raise
        finally:
            SECONDS.labels(door).observe(self._clock.monotonic() - started)
        accepted = taken.decoded.num_rows
        RECORDS.labels(door, "accepted").inc(accepted)
        RECORDS.labels(door, "rejected").inc(taken.decoded.rejected_count)
        BYTES.labels(door).inc(taken.size_bytes)
        self._on_accept(DEFAULT_TENANT, accepted, taken.size_bytes)
        return taken

    async def _take(self, request: Request, decode: Callable[[bytes], Decoded], producer: ProducerKey | None) -> _Taken:
        """Body → records on the disk."""
        config = self._config
        coding = coding_of(request.headers.get("content-encoding"))
        with self._budget.lease() as lease:
            wire = await receive_body(
                request,
                lease,
                self._clock,
                max_bytes=config.max_body_bytes,
                chunk_timeout_s=config.chunk_timeout_s,
                min_bytes_per_s=config.min_bytes_per_s,
            )
            loop = asyncio.get_running_loop()
            taken = await loop.run_in_executor(
                self._workers, self._decode_and_append, wire, coding, decode, lease, producer
            )
            if taken.durable is not None:
                await asyncio.wrap_future(taken.durable)
        return taken

    def _decode_and_append(
        self,
        wire: bytes,
        coding: str,
        decode: Callable[[bytes], Decoded],
        lease: Lease,
        producer: ProducerKey | None,
    ) -> _Taken:
        """In a worker thread; the GIL is free while columns are parsed and compressed."""
        body = decompress(wire, coding, max_bytes=self._config.max_body_bytes, on_growth=lease.grow)
        decoded = decode(body)
        batch = LogBatch(DEFAULT_TENANT, decoded.table)
        durable = self._bus.append(batch, producer=producer) if decoded.num_rows else None
        return _Taken(decoded, len(body), durable)


def decode_body(body: bytes, content_type: str, hints: Hints, now_ns: int, schemas: SchemaMemory) -> Decoded:
    """JSON or text, told apart by content type, else by the first byte. UnsupportedMedia for anything else."""
    if content_type in _TEXT_TYPES:
        return _decode_text(body, hints, now_ns)
    if content_type in _JSON_TYPES or (content_type.startswith("application/") and content_type.endswith("+json")):
        return decode_json(body, now_ns=now_ns, hints=hints, schemas=schemas)
    if content_type not in _UNTOLD_TYPES:
        raise UnsupportedMedia(
            f"content type {content_type[:80]!r} is not taken here; send application/x-ndjson, application/json or "
            "text/plain (OTLP goes to /v1/logs)"
        )
    if body.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] not in (b"{", b"["):
        return _decode_text(body, hints, now_ns)
    decoded = decode_json(body, now_ns=now_ns, hints=hints, schemas=schemas)
    # text lines may begin with a bracket; nobody said JSON, so what is mostly no JSON is text
    return _decode_text(body, hints, now_ns) if decoded.rejected_count > decoded.num_rows else decoded


def _decode_text(body: bytes, hints: Hints, now_ns: int) -> Decoded:
    if body.count(b"\n") > MAX_RECORDS:
        raise TooLarge(f"more than {MAX_RECORDS} lines in one body; send smaller batches")
    return decode_lines(lines_of(body), now_ns=now_ns, hints=hints)


_IDEMPOTENCY_KEY = re.compile(r"([0-9a-f]{32}):([0-9]{1,9}):([0-9]{1,18})", re.ASCII)


def _producer(request: Request) -> ProducerKey | None:
    """`Idempotency-Key: <32 hexadecimal digits>:<epoch>:<sequence>`: a body sent again under its key is kept once."""
    given = request.headers.get("idempotency-key")
    if given is None:
        return None
    found = _IDEMPOTENCY_KEY.fullmatch(given)
    if found is None:
        raise InvalidInput("the Idempotency-Key must be 32 hexadecimal digits, an epoch and a sequence: <id>:0:1")
    return ProducerKey(bytes.fromhex(found[1]), int(found[2]), int(found[3]))


async def _only_post(request: Request) -> Response:
    raise HTTPException(405, "logs come in by POST", headers={"Allow": "POST"})


def _content_type(request: Request) -> str:
    return request.headers.get("content-type", "").split(";", 1)[0].strip().lower()


ATTRIBUTE_PREFIX = "attribute."
_MAX_ATTRIBUTES = 32


def _parameters(request: Request) -> tuple[Hints, dict[str, str], dict[str, str]]:
    """Which fields to look into; columns, and attributes, of records that do not say it themselves."""
    hints = tuple(field.name for field in fields(Hints))
    known = (*hints, *DEFAULTABLE)
    given: dict[str, str] = {}
    for name, value in request.query_params.multi_items():
        if name not in known and not (name.startswith(ATTRIBUTE_PREFIX) and len(ATTRIBUTE_PREFIX) < len(name) <= 138):
            raise InvalidInput(f"unknown parameter {name[:80]!r}; known are {', '.join(known)}, attribute.<name>")
        if not value or len(value) > 256:
            raise InvalidInput(f"{name} must have a value of at most 256 characters")
        if name in given:
            raise InvalidInput(f"{name} is given twice")
        given[name] = value
    chosen = {name: value for name, value in given.items() if name in hints}
    attributes = {
        name.removeprefix(ATTRIBUTE_PREFIX): value for name, value in given.items() if name.startswith(ATTRIBUTE_PREFIX)
    }
    if len(attributes) > _MAX_ATTRIBUTES:
        raise InvalidInput(f"at most {_MAX_ATTRIBUTES} attributes can be given for all records")
    return Hints(**chosen), {name: value for name, value in given.items() if name in DEFAULTABLE}, attributes

"""What every HTTP door does: receive a body within limits, decode it in a worker, answer when it is on the disk.

A protocol's module brings the decoder, and the answers in that protocol's own words.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Match, Route
from starlette.types import Scope

from heimdall.bus.port import Bus, ProducerKey
from heimdall.clock import Clock
from heimdall.errors import HeimdallError
from heimdall.ingest.decode.decoded import Decoded
from heimdall.ingest.decode.json_schema import SchemaMemory
from heimdall.ingest.decompress import coding_of
from heimdall.ingest.sources.budget import Lease
from heimdall.ingest.sources.http.coalesce import SMALL_BODY_BYTES, Coalescer, Joint
from heimdall.ingest.sources.intake import Intake, Taken
from heimdall.ingest.sources.receive import receive_body
from heimdall.model.batch import TenantId

D = TypeVar("D", bound=Decoded)
Handler = Callable[[Request], Awaitable[Response]]

_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpIngestConfig:
    max_body_bytes: int = 64 * 1024 * 1024
    """Largest request body, as sent and after decompression. Larger: fewer, bigger batches, more memory at once."""
    max_in_flight_bytes: int = 256 * 1024 * 1024
    """Bytes all requests may hold together; beyond, senders are told to slow down (429)."""
    decode_threads: int = 2
    """Bodies decoded at the same time, small ones aside. More than the cores there are only adds memory."""
    chunk_timeout_s: float = 30.0
    """Longest silence inside a body before the sender is given up (408)."""
    min_bytes_per_s: int = 1024
    """Slowest body, after ten seconds, before the sender is given up (408)."""
    firehose_secret: str = ""
    """What Amazon Data Firehose has to send as its access key; best given as an environment variable. Empty = any."""
    pubsub_secret: str = ""
    """What a Pub/Sub push subscription has to have in its address, `?token=…`. Empty = any caller is taken."""


class HttpDoor:
    """Takes bodies over HTTP and puts their records onto `bus`; the protocols' modules stand in front of it.

    `on_accept(tenant, accepted, size_bytes)` is called in the event loop after the records are durable.
    """

    def __init__(
        self,
        bus: Bus,
        clock: Clock,
        config: HttpIngestConfig | None = None,
        on_accept: Callable[[TenantId, int, int], None] | None = None,
    ) -> None:
        self._config = config or HttpIngestConfig()
        self.intake = Intake(
            bus,
            clock,
            max_body_bytes=self._config.max_body_bytes,
            max_in_flight_bytes=self._config.max_in_flight_bytes,
            on_accept=on_accept,
        )
        self._workers = ThreadPoolExecutor(self._config.decode_threads, thread_name_prefix="heimdall-decode")
        self._coalescer = Coalescer(self.intake)

    @property
    def config(self) -> HttpIngestConfig:
        return self._config

    @property
    def bytes_in_flight(self) -> int:
        return self.intake.budget.used_bytes

    @property
    def schemas(self) -> SchemaMemory:
        return self.intake.schemas

    def now_ns(self) -> int:
        return self.intake.clock.time_ns()

    def close(self) -> None:
        """Let requests that are being decoded finish, then release the threads."""
        self._coalescer.close()
        self._workers.shutdown(wait=True)

    async def take(
        self,
        name: str,
        request: Request,
        decode: Callable[[bytes], D],
        *,
        producer: ProducerKey | None = None,
        coding: str | None = None,
        joint: Joint[D] | None = None,
    ) -> D:
        """The request's body → records on the disk; what `decode` made of it.

        `name`: the door in the metrics. `decode` runs in a worker thread. `coding`: where the protocol says how bodies
        are compressed, instead of the header. `joint`: how small bodies go with others.

        Raises:
            HeimdallError: nothing was kept, or it is not known.
            starlette.requests.ClientDisconnect: nobody is left to answer.
        """
        with self.intake.refusals(name):
            if coding is None:
                coding = coding_of(request.headers.get("content-encoding"))
            with self.intake.budget.lease() as lease:
                wire = await self._received(request, lease)
                if joint is None or producer is not None or len(wire) > SMALL_BODY_BYTES:
                    taken = await self._durable(wire, coding, decode, lease, producer)
                else:
                    taken = await asyncio.wrap_future(self._coalescer.submit(wire, coding, decode, joint, lease))
                    await _written(taken)
        return self.intake.accepted(name, taken)

    async def keep(self, name: str, piece: bytes, decode: Callable[[bytes], D], lease: Lease) -> D:
        """The same for a piece of a body that its protocol's module receives itself, under a lease of its own."""
        return self.intake.accepted(name, await self._durable(piece, "", decode, lease))

    async def _received(self, request: Request, lease: Lease) -> bytes:
        return await receive_body(
            request,
            lease,
            self.intake.clock,
            max_bytes=self._config.max_body_bytes,
            chunk_timeout_s=self._config.chunk_timeout_s,
            min_bytes_per_s=self._config.min_bytes_per_s,
        )

    async def _durable(
        self, wire: bytes, coding: str, decode: Callable[[bytes], D], lease: Lease, producer: ProducerKey | None = None
    ) -> Taken[D]:
        loop = asyncio.get_running_loop()
        taken = await loop.run_in_executor(self._workers, self.intake.take, wire, coding, decode, lease, producer)
        await _written(taken)
        return taken


async def _written(taken: Taken[D]) -> None:
    """Bodies that went together share the future: one sender who hangs up must not cancel it for the others."""
    if taken.durable is not None:
        await asyncio.shield(asyncio.wrap_future(taken.durable))


def taking(
    path: str,
    handler: Handler,
    *,
    methods: Sequence[str] = ("POST",),
    on_error: Callable[[Request, HeimdallError], Response] | None = None,
) -> list[Route]:
    """Routes of a path that takes records by `methods`, and says so when it is asked otherwise.

    `on_error`: the protocol's own words; without it the server's error edge answers.
    """
    others = [method for method in _METHODS if method not in methods]
    allow = ", ".join(methods)

    async def endpoint(request: Request) -> Response:
        try:
            return await handler(request)
        except ClientDisconnect:
            return Response(status_code=400)  # nobody reads it
        except HeimdallError as exc:
            if on_error is None:
                raise
            return on_error(request, exc)

    async def refuse(request: Request) -> Response:
        raise HTTPException(405, f"logs come in by {allow}", headers={"Allow": allow})

    # behind the doors stand the pages, which would answer 404
    return [Route(path, endpoint, methods=list(methods)), Route(path, refuse, methods=others)]


def below(prefix: str, routes: Iterable[Route], under: str = "/") -> list[Route]:
    """Those routes that lie under `under`, once more below `prefix`."""
    return [
        Route(prefix + route.path, route.endpoint, methods=sorted(route.methods or ()))
        for route in routes
        if route.path.startswith(under)
    ]


class _OnPort(Route):
    """A route of one port only."""

    def __init__(self, port: int, route: Route) -> None:
        super().__init__(route.path, route.endpoint, methods=sorted(route.methods or ()))
        self._port = port

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        server = scope.get("server")
        return super().matches(scope) if server and server[1] == self._port else (Match.NONE, {})


def on_port(port: int, routes: Iterable[Route]) -> list[Route]:
    """The same routes, for requests that came in by `port` only."""
    return [_OnPort(port, route) for route in routes]


def content_type_of(request: Request) -> str:
    """Lower case, without parameters; empty when the sender says none."""
    return request.headers.get("content-type", "").split(";", 1)[0].strip().lower()

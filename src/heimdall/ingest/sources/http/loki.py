"""`POST /loki/api/v1/push`: Loki's write side, protobuf and JSON, and `GET /ready`, which its agents ask first.

Source: Grafana Loki HTTP API: success is 204 without a body; agents drop what got a 400 and send again what got a 429
or 5xx. `/otlp/v1/logs` belongs to the OTLP door.
"""

from __future__ import annotations

import math

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from heimdall.errors import (
    Denied,
    HeimdallError,
    InvalidInput,
    NotFound,
    Overloaded,
    SlowSender,
    TooLarge,
    Unauthenticated,
    Unavailable,
    UnsupportedMedia,
)
from heimdall.ingest.decode.decoded import Decoded
from heimdall.ingest.decode.loki_json import decode_loki_json, decode_loki_json_together
from heimdall.ingest.decode.loki_protobuf import decode_loki_protobuf, decode_loki_protobuf_together
from heimdall.ingest.sources.http.coalesce import Joint
from heimdall.ingest.sources.http.door import HttpDoor, content_type_of, taking

_PROTOBUF = frozenset({"application/x-protobuf", "application/protobuf", ""})

_STATUS: tuple[tuple[type[HeimdallError], int], ...] = (
    (TooLarge, 413),
    (UnsupportedMedia, 415),
    (SlowSender, 408),
    (InvalidInput, 400),
    (Unauthenticated, 401),
    (Denied, 403),
    (NotFound, 404),
    (Overloaded, 429),
    (Unavailable, 503),
)


class LokiLogs:
    """The door. `X-Scope-OrgID` is accepted and chooses nothing: there is one tenant."""

    def __init__(self, door: HttpDoor) -> None:
        self._door = door

    @property
    def routes(self) -> list[Route]:
        """To be mounted at the root of the server."""
        return [
            *taking("/loki/api/v1/push", self._push, on_error=_refused),
            *taking("/api/prom/push", self._push, on_error=_refused),
            Route("/ready", _ready, methods=["GET", "HEAD"]),
        ]

    async def _push(self, request: Request) -> Response:
        content_type = content_type_of(request)
        now_ns, schemas = self._door.now_ns(), self._door.schemas
        if content_type == "application/json":
            decoded = await self._door.take(
                "loki",
                request,
                lambda body: decode_loki_json(body, now_ns=now_ns, schemas=schemas),
                joint=Joint(
                    "loki json", lambda bodies: decode_loki_json_together(bodies, now_ns=now_ns, schemas=schemas)
                ),
            )
        elif content_type in _PROTOBUF:
            # the form is snappy by definition; some agents say so, some do not
            coding = None if "content-encoding" in request.headers else "snappy"
            decoded = await self._door.take(
                "loki",
                request,
                lambda body: decode_loki_protobuf(body, now_ns=now_ns, schemas=schemas),
                coding=coding,
                joint=Joint(
                    "loki", lambda bodies: decode_loki_protobuf_together(bodies, now_ns=now_ns, schemas=schemas)
                ),
            )
        else:
            raise UnsupportedMedia(
                f"content type {content_type[:80]!r} is not taken here; send application/x-protobuf or application/json"
            )
        if decoded.rejected_count:
            raise _some_rejected(decoded)
        return Response(status_code=204)


def _some_rejected(decoded: Decoded) -> InvalidInput:
    """Loki's partial success: the good entries are kept, and a 400 tells of the others, which are not sent again."""
    first = decoded.rejected[0]
    total = decoded.num_rows + decoded.rejected_count
    return InvalidInput(
        f"{decoded.rejected_count} of {total} entries were ignored, the others are stored; "
        f"entry {first.line}: {first.reason}"
    )


async def _ready(request: Request) -> Response:
    return PlainTextResponse("ready\n")


def _refused(request: Request, exc: HeimdallError) -> Response:
    status = next((status for kind, status in _STATUS if isinstance(exc, kind)), 500)
    wait = (
        {"Retry-After": str(max(1, math.ceil(exc.retry_after_s)))} if isinstance(exc, Overloaded | Unavailable) else {}
    )
    return PlainTextResponse(f"{exc}\n", status_code=status, headers=wait)

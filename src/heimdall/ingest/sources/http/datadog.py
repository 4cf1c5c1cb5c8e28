"""Datadog's log intake: `POST /api/v2/logs` and `/v1/input`, and the question whether an API key is valid.

Source: Datadog API reference, "Send logs".
"""

from __future__ import annotations

import math

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from heimdall.errors import (
    HeimdallError,
    InvalidInput,
    Overloaded,
    SlowSender,
    TooLarge,
    Unauthenticated,
    Unavailable,
    UnsupportedMedia,
)
from heimdall.ingest.decode.decoded import Decoded, Together
from heimdall.ingest.decode.hints import Hints
from heimdall.ingest.decode.json import decode_json, decode_json_together
from heimdall.ingest.decode.lines import lines_of
from heimdall.ingest.decode.text import decode_lines
from heimdall.ingest.sources.http.coalesce import Joint
from heimdall.ingest.sources.http.door import HttpDoor, content_type_of, taking

HINTS = Hints(level_field="status")
"""Datadog's reserved name for the level."""

_STATUS: tuple[tuple[type[HeimdallError], int, str], ...] = (
    (TooLarge, 413, "Payload Too Large"),
    (UnsupportedMedia, 415, "Unsupported Media Type"),
    (SlowSender, 408, "Request Timeout"),
    (InvalidInput, 400, "Bad Request"),
    (Unauthenticated, 401, "Unauthorized"),
    (Overloaded, 429, "Too Many Requests"),
    (Unavailable, 503, "Service Unavailable"),
)


class DatadogLogs:
    """The door. Any API key is taken, as long as there is one."""

    def __init__(self, door: HttpDoor) -> None:
        self._door = door

    @property
    def routes(self) -> list[Route]:
        """To be mounted at the root of the server."""
        paths = (("/api/v2/logs", self._v2), ("/v1/input", self._v1), ("/v1/input/{key}", self._v1))
        return [
            *(route for path, taker in paths for route in taking(path, taker, on_error=_refused)),
            Route("/api/v1/validate", _validate, methods=["GET"]),
        ]

    async def _v2(self, request: Request) -> Response:
        return await self._logs(request, 202)

    async def _v1(self, request: Request) -> Response:
        return await self._logs(request, 200)

    async def _logs(self, request: Request, status: int) -> Response:
        if _key(request) is None:
            raise Unauthenticated("an API key is required: send it as DD-API-KEY")
        text = content_type_of(request) == "text/plain"
        now_ns, schemas = self._door.now_ns(), self._door.schemas

        def decode(body: bytes) -> Decoded:
            if text:
                return decode_lines(lines_of(body), now_ns=now_ns)
            return decode_json(_logs_in(body), now_ns=now_ns, hints=HINTS, schemas=schemas)

        def decode_together(bodies: list[bytes]) -> Together[Decoded]:
            return decode_json_together(list(map(_logs_in, bodies)), now_ns=now_ns, hints=HINTS, schemas=schemas)

        joint = None if text else Joint("datadog", decode_together)
        decoded = await self._door.take("datadog", request, decode, joint=joint)
        if decoded.rejected_count and not decoded.num_rows:
            raise InvalidInput(f"no log could be read: {decoded.rejected[0].reason}")
        return Response(b"{}", status_code=status, media_type="application/json")


def _logs_in(body: bytes) -> bytes:
    """An empty body or object asks whether anybody is there."""
    return b"" if body.strip() == b"{}" else body


def _key(request: Request) -> str | None:
    query = request.query_params
    given = request.headers.get("dd-api-key") or query.get("dd-api-key") or query.get("api_key")
    return given or request.path_params.get("key")


async def _validate(request: Request) -> Response:
    if _key(request) is None:
        return _refused(request, Unauthenticated("an API key is required: send it as DD-API-KEY"))
    return Response(b'{"valid":true}', media_type="application/json")


def _refused(request: Request, exc: HeimdallError) -> Response:
    found = ((code, title) for kind, code, title in _STATUS if isinstance(exc, kind))
    status, title = next(found, (500, "Internal Server Error"))
    told = {"errors": [{"status": str(status), "title": title, "detail": str(exc)}]}
    response = Response(orjson.dumps(told), status_code=status, media_type="application/json")
    if isinstance(exc, Overloaded | Unavailable):
        response.headers["Retry-After"] = str(max(1, math.ceil(exc.retry_after_s)))
    return response

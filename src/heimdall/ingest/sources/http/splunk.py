"""Splunk's HTTP Event Collector: events, raw lines, acknowledgements, health.

Source: Splunk documentation, "HTTP Event Collector" (endpoints, "Troubleshoot": possible error codes).
"""

from __future__ import annotations

import math
from collections import OrderedDict
from dataclasses import replace

import orjson
import polars as pl
import pyarrow as pa
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from heimdall.errors import (
    HeimdallError,
    InvalidInput,
    Overloaded,
    SlowSender,
    TooLarge,
    Unavailable,
    UnsupportedMedia,
)
from heimdall.ingest.decode.decoded import Decoded, Together
from heimdall.ingest.decode.json_merge import with_members
from heimdall.ingest.decode.lines import lines_of
from heimdall.ingest.decode.splunk_events import InvalidEvent, decode_splunk_events, decode_splunk_together
from heimdall.ingest.decode.text import decode_lines
from heimdall.ingest.sources.http.coalesce import Joint
from heimdall.ingest.sources.http.door import HttpDoor, taking

_EVENT = ("", "/event", "/event/1.0")
_RAW = ("/raw", "/raw/1.0")
_PLACES = ("host", "source", "sourcetype", "index")

_CHANNELS = 1024
"""Channels whose acknowledgements are counted; the one used longest ago goes first, and counts from 0 again."""

_MAX_ACKS = 1 << 20
"""Bytes of a question about acknowledgements."""

_TEXTS = {
    2: "Token is required", 3: "Invalid authorization", 5: "No data", 6: "Invalid data format", 9: "Server is busy",
    10: "Data channel is missing", 12: "Event field is required", 13: "Event field cannot be blank",
}  # fmt: skip
"""Splunk's words by its codes."""


class _SplunkError(InvalidInput):
    def __init__(self, splunk_code: int, status: int) -> None:
        super().__init__(_TEXTS[splunk_code])
        self.splunk_code = splunk_code
        self.status = status


class SplunkLogs:
    """The door. Any token is taken, as long as there is one."""

    def __init__(self, door: HttpDoor) -> None:
        self._door = door
        self._sent: OrderedDict[str, int] = OrderedDict()

    @property
    def routes(self) -> list[Route]:
        """To be mounted at the root of the server."""
        base = "/services/collector"
        health = [Route(f"{base}/health{tail}", _health, methods=["GET", "HEAD"]) for tail in ("", "/1.0")]
        takers = [
            *[(f"{base}{tail}", self._events) for tail in _EVENT],
            *[(f"{base}{tail}", self._raw) for tail in _RAW],
            (f"{base}/ack", self._acks),
        ]
        greeted = [Route(path, _options, methods=["OPTIONS"]) for path, _ in takers]
        routes = (route for path, taker in takers for route in taking(path, taker, on_error=_refused))
        return [*health, *greeted, *routes]

    async def _events(self, request: Request) -> Response:
        _authorize(request)
        defaults = _places(request)
        now_ns, schemas = self._door.now_ns(), self._door.schemas

        def decode(body: bytes) -> Decoded:
            if not body.strip():
                raise _SplunkError(5, 400)
            return decode_splunk_events(body, now_ns=now_ns, schemas=schemas, defaults=defaults)

        def decode_together(bodies: list[bytes]) -> Together[Decoded]:
            return decode_splunk_together(bodies, now_ns=now_ns, schemas=schemas, defaults=defaults)

        kind = ("splunk", *defaults.items())
        await self._door.take("splunk", request, decode, joint=Joint(kind, decode_together))
        return self._success(request)

    async def _raw(self, request: Request) -> Response:
        _authorize(request)
        places = _places(request)
        now_ns = self._door.now_ns()

        def decode(body: bytes) -> Decoded:
            if not body.strip():
                raise _SplunkError(5, 400)
            decoded = decode_lines(lines_of(body), now_ns=now_ns)
            return replace(decoded, table=_with_places(decoded, places))

        await self._door.take("splunk", request, decode)
        return self._success(request)

    async def _acks(self, request: Request) -> Response:
        """Whoever has an `ackId` has it because the records are on the disk."""
        _authorize(request)
        channel = _channel(request)
        if channel is None:
            raise _SplunkError(10, 400)
        try:
            asked = orjson.loads(await _short_body(request))["acks"]
            acks = {str(int(each)): 0 <= int(each) < self._sent.get(channel, 0) for each in asked}
        except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
            raise _SplunkError(6, 400) from None
        return _told({"acks": acks})

    def _success(self, request: Request) -> Response:
        channel = _channel(request)
        if channel is None:
            return _told({"text": "Success", "code": 0})
        number = self._sent.pop(channel, 0)
        self._sent[channel] = number + 1
        if len(self._sent) > _CHANNELS:
            self._sent.popitem(last=False)
        return _told({"text": "Success", "code": 0, "ackId": number})


def _with_places(decoded: Decoded, places: dict[str, str]) -> pa.Table:
    text = pl.Series([orjson.dumps(places).decode()], dtype=pl.String)
    return with_members(decoded.table, text.new_from_index(0, decoded.num_rows), places.keys())


def _authorize(request: Request) -> None:
    """`Authorization: Splunk <token>`, the same as a basic password, or `?token=`."""
    given = request.headers.get("authorization", "")
    if not given and not request.query_params.get("token"):
        raise _SplunkError(2, 401)
    scheme, _, token = given.partition(" ")
    if given and (scheme.lower() not in ("splunk", "basic", "bearer") or not token.strip()):
        raise _SplunkError(3, 401)


def _channel(request: Request) -> str | None:
    given = request.headers.get("x-splunk-request-channel") or request.query_params.get("channel")
    return given[:128] if given else None


def _places(request: Request) -> dict[str, str]:
    return {name: value for name in _PLACES if (value := request.query_params.get(name))}


async def _short_body(request: Request) -> bytes:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MAX_ACKS:
            raise TooLarge("too many acknowledgements at once; ask in smaller pieces")
    return body


async def _options(request: Request) -> Response:
    """Docker's driver asks so, without a token, whether there is a collector before it starts a container."""
    return Response(headers={"Allow": "OPTIONS, POST"})


async def _health(request: Request) -> Response:
    return _told({"text": "HEC is healthy", "code": 17})


def _refused(request: Request, exc: HeimdallError) -> Response:
    if isinstance(exc, _SplunkError):
        return _told({"text": str(exc), "code": exc.splunk_code}, exc.status)
    if isinstance(exc, InvalidEvent):
        told = {"text": _TEXTS[exc.splunk_code], "code": exc.splunk_code, "invalid-event-number": exc.number}
        return _told(told, 400)
    if isinstance(exc, Overloaded | Unavailable):
        status = 429 if isinstance(exc, Overloaded) else 503
        wait = {"Retry-After": str(max(1, math.ceil(exc.retry_after_s)))}
        return _told({"text": _TEXTS[9], "code": 9}, status, wait)
    status = next(
        (code for kind, code in ((TooLarge, 413), (UnsupportedMedia, 415), (SlowSender, 408)) if isinstance(exc, kind)),
        400,
    )
    return _told({"text": f"{_TEXTS[6]}: {exc}", "code": 6}, status)


def _told(said: dict[str, object], status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(orjson.dumps(said), status_code=status, media_type="application/json", headers=headers)

"""`POST /aws/firehose`: Amazon Data Firehose's HTTP endpoint, for CloudWatch Logs and whatever else a stream carries.

Every answer repeats the request's id and says the time; one that is not 200 says why in `errorMessage`, and Firehose
sends the delivery again until its retry duration is over, then puts it into its bucket.
Source: Amazon Data Firehose Developer Guide, "HTTP endpoint delivery request and response specifications".
"""

from __future__ import annotations

import hmac

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from heimdall.errors import (
    Denied,
    HeimdallError,
    InvalidInput,
    Overloaded,
    SlowSender,
    TooLarge,
    Unauthenticated,
    Unavailable,
    UnsupportedMedia,
)
from heimdall.ingest.decode.firehose import FirehoseDecoded, common_attributes, decode_delivery, read_delivery
from heimdall.ingest.sources.http.door import HttpDoor, taking

SOURCE_FIELD = "aws.firehose.arn"

_STATUS: tuple[tuple[type[HeimdallError], int], ...] = (
    (TooLarge, 413),
    (UnsupportedMedia, 415),
    (SlowSender, 408),
    (InvalidInput, 400),
    (Unauthenticated, 401),
    (Denied, 403),
    (Overloaded, 429),
    (Unavailable, 503),
)
_MAX_MESSAGE_CHARS = 2000
"""Firehose refuses answers whose message is longer than 8 KiB."""


class FirehoseLogs:
    """The door. Its access key is `ingest.firehose_secret`; without one, any is taken."""

    def __init__(self, door: HttpDoor) -> None:
        self._door = door

    @property
    def routes(self) -> list[Route]:
        """To be mounted at the root of the server."""
        return taking("/aws/firehose", self._deliver, on_error=self._refused)

    async def _deliver(self, request: Request) -> Response:
        self._check_key(request)
        attributes = common_attributes(request.headers.get("x-amz-firehose-common-attributes"))
        source = request.headers.get("x-amz-firehose-source-arn")
        attributes |= {SOURCE_FIELD: source} if source else {}

        def decode(body: bytes) -> FirehoseDecoded:
            now_ns, schemas = self._door.now_ns(), self._door.schemas
            return decode_delivery(read_delivery(body), attributes=attributes, now_ns=now_ns, schemas=schemas)

        decoded = await self._door.take("firehose", request, decode)
        return self._answer(200, decoded.request_id)

    def _check_key(self, request: Request) -> None:
        wanted = self._door.config.firehose_secret
        given = request.headers.get("x-amz-firehose-access-key", "")
        if wanted and not hmac.compare_digest(given.encode(), wanted.encode()):
            raise Unauthenticated("the access key is not the one of ingest.firehose_secret")

    def _refused(self, request: Request, exc: HeimdallError) -> Response:
        status = next((code for kind, code in _STATUS if isinstance(exc, kind)), 500)
        return self._answer(status, request.headers.get("x-amz-firehose-request-id", ""), str(exc))

    def _answer(self, status: int, request_id: str, message: str | None = None) -> Response:
        told: dict[str, object] = {"requestId": request_id, "timestamp": self._door.now_ns() // 1_000_000}
        if message is not None:
            told["errorMessage"] = message[:_MAX_MESSAGE_CHARS]
        return Response(orjson.dumps(told), status_code=status, headers={"Content-Type": "application/json"})

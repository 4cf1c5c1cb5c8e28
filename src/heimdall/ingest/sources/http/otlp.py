"""`POST /v1/logs`: OTLP/HTTP, protobuf and JSON; `ExportLogsServiceResponse` and `Status` out, in the same form.

Source: OTLP specification 1.x, "OTLP/HTTP": full and partial success are 200; errors carry a `google.rpc.Status`;
429 and 503 are retried by clients, everything else is dropped.
"""

from __future__ import annotations

import math
from enum import Enum

import orjson
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from heimdall.errors import (
    Denied,
    HeimdallError,
    InvalidInput,
    NotFound,
    Overloaded,
    Refused,
    SlowSender,
    TooLarge,
    Unauthenticated,
    Unavailable,
    UnsupportedMedia,
)
from heimdall.ingest.decode.decoded import Decoded, Together
from heimdall.ingest.decode.json_schema import SchemaMemory
from heimdall.ingest.decode.otlp_json import decode_otlp_json, decode_otlp_json_together
from heimdall.ingest.decode.otlp_protobuf import decode_otlp_protobuf, decode_otlp_protobuf_together
from heimdall.ingest.sources.http.coalesce import Joint
from heimdall.ingest.sources.http.door import HttpDoor, content_type_of, taking

_STATUS: tuple[tuple[type[HeimdallError], int, int], ...] = (
    (TooLarge, 413, 8),
    (UnsupportedMedia, 415, 3),
    (SlowSender, 408, 4),
    (InvalidInput, 400, 3),
    (Unauthenticated, 401, 16),
    (Denied, 403, 7),
    (NotFound, 404, 5),
    (Overloaded, 429, 8),
    (Unavailable, 503, 14),
    (Refused, 400, 3),
)
"""This protocol's words for the error tree: HTTP status and `google.rpc.Code`. First match wins."""


class OtlpForm(Enum):
    """The two encodings, named by their content type."""

    PROTOBUF = "application/x-protobuf"
    JSON = "application/json"


class OtlpLogs:
    """The door at OTLP's own path, and below the base paths other servers give it (Loki: `/otlp`)."""

    def __init__(self, door: HttpDoor) -> None:
        self._door = door

    @property
    def routes(self) -> list[Route]:
        """To be mounted at the root of the server."""
        return [
            route for path in ("/v1/logs", "/otlp/v1/logs") for route in taking(path, self._logs, on_error=_refused)
        ]

    async def _logs(self, request: Request) -> Response:
        form = otlp_form(content_type_of(request))

        def decode(body: bytes) -> Decoded:
            return otlp_decode(body, form, self._door.now_ns(), self._door.schemas)

        def decode_together(bodies: list[bytes]) -> Together[Decoded]:
            together = decode_otlp_json_together if form is OtlpForm.JSON else decode_otlp_protobuf_together
            return together(bodies, now_ns=self._door.now_ns(), schemas=self._door.schemas)

        joint = Joint(("otlp", form), decode_together)
        return otlp_success(await self._door.take("otlp", request, decode, joint=joint), form)


def _refused(request: Request, exc: HeimdallError) -> Response:
    json = content_type_of(request) == OtlpForm.JSON.value
    return otlp_error(exc, OtlpForm.JSON if json else OtlpForm.PROTOBUF)


def otlp_form(content_type: str) -> OtlpForm:
    try:
        return OtlpForm(content_type)
    except ValueError:
        raise UnsupportedMedia(
            f"content type {content_type[:80]!r} is not OTLP; send application/x-protobuf or application/json"
        ) from None


def otlp_decode(body: bytes, form: OtlpForm, now_ns: int, schemas: SchemaMemory) -> Decoded:
    decode = decode_otlp_json if form is OtlpForm.JSON else decode_otlp_protobuf
    return decode(body, now_ns=now_ns, schemas=schemas)


def otlp_success(decoded: Decoded, form: OtlpForm) -> Response:
    """200; `partial_success` only when records were rejected."""
    if form is OtlpForm.PROTOBUF:
        return Response(otlp_response(decoded), headers={"Content-Type": form.value})
    count = decoded.rejected_count
    told = {"partialSuccess": {"rejectedLogRecords": str(count), "errorMessage": _reason(decoded)}} if count else {}
    return Response(orjson.dumps(told), headers={"Content-Type": form.value})


def otlp_response(decoded: Decoded) -> bytes:
    """`ExportLogsServiceResponse`."""
    message = ExportLogsServiceResponse()
    if decoded.rejected_count:
        message.partial_success.rejected_log_records = decoded.rejected_count
        message.partial_success.error_message = _reason(decoded)
    return bytes(message.SerializeToString())


def _reason(decoded: Decoded) -> str:
    first = decoded.rejected[0]
    return f"{decoded.rejected_count} records could not be read; record {first.line}: {first.reason}"


def otlp_error(exc: HeimdallError, form: OtlpForm) -> Response:
    """A `Status` with its code and words."""
    status, code = next(((http, grpc) for kind, http, grpc in _STATUS if isinstance(exc, kind)), (500, 13))
    words = str(exc)
    if form is OtlpForm.JSON:
        content = orjson.dumps({"code": code, "message": words})
    else:
        text = words.encode()
        content = b"\x08" + _varint(code) + b"\x12" + _varint(len(text)) + text  # fields 1 and 2 of google.rpc.Status
    headers = {"Content-Type": form.value}
    if isinstance(exc, Overloaded | Unavailable):
        headers["Retry-After"] = str(max(1, math.ceil(exc.retry_after_s)))
    return Response(content, status_code=status, headers=headers)


def _varint(number: int) -> bytes:
    encoded = bytearray()
    while number > 0x7F:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes(encoded) + bytes([number])

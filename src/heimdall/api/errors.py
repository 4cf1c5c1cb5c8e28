"""The one place where an error becomes an HTTP status, and the body that tells it."""

from __future__ import annotations

import math

import orjson
from starlette.responses import Response

from heimdall.errors import (
    Denied,
    HeimdallError,
    InvalidInput,
    NotFound,
    Overloaded,
    QuerySyntaxError,
    Refused,
    SlowSender,
    TooLarge,
    Unauthenticated,
    Unavailable,
    UnsupportedMedia,
)

_STATUS: tuple[tuple[type[BaseException], int], ...] = (
    (TooLarge, 413),
    (UnsupportedMedia, 415),
    (SlowSender, 408),
    (InvalidInput, 400),
    (Unauthenticated, 401),
    (Denied, 403),
    (NotFound, 404),
    (Overloaded, 429),
    (Unavailable, 503),
    (Refused, 422),
)
"""First match wins, so leaves stand before their parents."""


def status_of(exc: BaseException) -> int:
    """HTTP status of an error; 500 for one that nobody raised on purpose."""
    return next((status for kind, status in _STATUS if isinstance(exc, kind)), 500)


def retry_after_s(exc: BaseException) -> int | None:
    """Whole seconds for `Retry-After`, at least 1; None where trying again is no use."""
    if isinstance(exc, Overloaded | Unavailable):
        return max(1, math.ceil(exc.retry_after_s))
    return None


def _error_headers(exc: BaseException, request_id: str) -> dict[str, str]:
    wait_s = retry_after_s(exc)
    return {"X-Request-Id": request_id} | ({} if wait_s is None else {"Retry-After": str(wait_s)})


def error_response(exc: BaseException, request_id: str) -> Response:
    """The answer of `docs/reference/api.md`, "Errors". Says nothing of the inside of an unexpected error."""
    status = status_of(exc)
    known = isinstance(exc, HeimdallError) and status != 500
    error: dict[str, object] = {
        "code": exc.code if isinstance(exc, HeimdallError) and known else "internal",
        "message": str(exc) if known else "something broke on our side; the request id finds it in the node's log",
    }
    if isinstance(exc, QuerySyntaxError):
        error |= {"message": exc.message, "column": exc.column, "length": exc.length}
        if exc.hint:
            error["hint"] = exc.hint
    error["request_id"] = request_id
    return Response(
        orjson.dumps({"error": error}, option=orjson.OPT_NON_STR_KEYS),
        status_code=status,
        headers=_error_headers(exc, request_id),
        media_type="application/json",
    )

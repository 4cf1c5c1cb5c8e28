"""Errors as Loki tells them: a status and plain text."""

from __future__ import annotations

import functools
import logging
import math
from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from heimdall.api.errors import status_of
from heimdall.errors import HeimdallError, Overloaded, QueryCancelled, Unavailable
from heimdall.query.languages.logql import LogqlError

_log = logging.getLogger(__name__)

Handler = Callable[[Request], Awaitable[Response]]


def in_lokis_words(handler: Handler) -> Handler:
    @functools.wraps(handler)
    async def answer(request: Request) -> Response:
        try:
            return await handler(request)
        except HeimdallError as exc:
            return refused(exc)

    return answer


def refused(exc: HeimdallError) -> Response:
    status = status_of(exc)
    if isinstance(exc, QueryCancelled):
        text = (
            "request timed out, decrease the duration of the request or add more label matchers (prefer exact match "
            "over regex match) to reduce the amount of data processed"
        )
        return PlainTextResponse(text, status_code=504)
    if status == 500:
        _log.error("a question of Loki's face failed", exc_info=exc)
    message = getattr(exc, "message", None)
    text = str(exc) if isinstance(exc, LogqlError) or message is None else str(message)
    headers = {}
    if isinstance(exc, Overloaded | Unavailable):
        headers["Retry-After"] = str(max(1, math.ceil(exc.retry_after_s)))
    return PlainTextResponse(text, status_code=status, headers=headers)

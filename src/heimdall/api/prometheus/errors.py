"""Errors as Prometheus tells them: a status, a kind, and what is wrong."""

from __future__ import annotations

import logging

import orjson
from starlette.responses import Response

from heimdall.api.errors import retry_after_s, status_of
from heimdall.errors import HeimdallError, NotFound, Overloaded, QueryCancelled, QuerySyntaxError, TooLarge, Unavailable
from heimdall.query.promql.service import ExecutionFailed

_log = logging.getLogger(__name__)


def refused(exc: HeimdallError) -> Response:
    status, kind, message = _told(exc)
    wait_s = retry_after_s(exc)
    body = {"status": "error", "errorType": kind, "error": message}
    headers = {} if wait_s is None else {"Retry-After": str(wait_s)}
    return Response(orjson.dumps(body), status_code=status, media_type="application/json", headers=headers)


def _told(exc: HeimdallError) -> tuple[int, str, str]:
    if isinstance(exc, QueryCancelled):
        return 503, "timeout", str(exc)
    if isinstance(exc, ExecutionFailed):
        return 422, "execution", str(exc)
    if isinstance(exc, QuerySyntaxError):
        return 400, "bad_data", f'invalid parameter "query": {exc}'
    if isinstance(exc, NotFound):
        return 404, "not_found", str(exc)
    if isinstance(exc, Overloaded):
        return 429, "unavailable", str(exc)
    if isinstance(exc, Unavailable):
        return 503, "unavailable", str(exc)
    if isinstance(exc, TooLarge):
        return 413, "bad_data", str(exc)
    status = status_of(exc)
    if status == 500:
        _log.error("a question of Prometheus' face failed", exc_info=exc)
        return 500, "internal", "something broke on our side"
    return status, "bad_data", str(exc)

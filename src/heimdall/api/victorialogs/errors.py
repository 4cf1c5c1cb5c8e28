"""Errors as VictoriaLogs tells them: a status and plain text."""

from __future__ import annotations

import logging

from starlette.responses import PlainTextResponse, Response

from heimdall.api.errors import retry_after_s, status_of
from heimdall.errors import HeimdallError, QueryCancelled, QuerySyntaxError

_log = logging.getLogger(__name__)


def refused(exc: HeimdallError) -> Response:
    status = 503 if isinstance(exc, QueryCancelled) else status_of(exc)
    text = str(exc)
    if isinstance(exc, QuerySyntaxError):
        text = f"cannot parse query: {exc}"
    elif status == 500:
        _log.error("a question of VictoriaLogs' face failed", exc_info=exc)
        text = "something broke on our side"
    wait_s = retry_after_s(exc)
    headers = {} if wait_s is None else {"Retry-After": str(wait_s)}
    return PlainTextResponse(f"{text}\n", status_code=status, headers=headers)

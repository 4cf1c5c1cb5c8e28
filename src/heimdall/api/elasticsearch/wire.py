"""Requests and answers as Elasticsearch's clients expect them: bodies, media types, errors."""

from __future__ import annotations

import asyncio
import math
import re
import zlib
from collections.abc import Iterable
from typing import Any

import orjson
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from heimdall.api.bounded_body import BODY_TIMEOUT_S, MAX_QUESTION_BYTES
from heimdall.errors import (
    Denied,
    HeimdallError,
    InvalidInput,
    NotFound,
    Overloaded,
    QueryCancelled,
    QuerySyntaxError,
    Refused,
    SlowSender,
    TooLarge,
    Unauthenticated,
    Unavailable,
    UnsupportedMedia,
)
from heimdall.query.languages.esdsl.faults import Fault, parsing

MAX_BODY_BYTES = MAX_QUESTION_BYTES
"""Of a question, as sent and after decompression."""

_COMPATIBLE = re.compile(r"application/vnd\.elasticsearch\+(?:json|x-ndjson);\s*compatible-with=(\d{1,2})")

_STATUS: tuple[tuple[type[HeimdallError], int, str], ...] = (
    (TooLarge, 413, "content_too_long_exception"),
    (UnsupportedMedia, 415, "media_type_header_exception"),
    (SlowSender, 408, "timeout_exception"),
    (InvalidInput, 400, "illegal_argument_exception"),
    (Unauthenticated, 401, "security_exception"),
    (Denied, 403, "security_exception"),
    (NotFound, 404, "resource_not_found_exception"),
    (Overloaded, 429, "es_rejected_execution_exception"),
    (QueryCancelled, 503, "task_cancelled_exception"),
    (Unavailable, 503, "unavailable_shards_exception"),
    (Refused, 400, "illegal_argument_exception"),
)
"""This protocol's words for the error tree. First match wins."""


async def body_of(request: Request) -> bytes:
    """
    Raises:
        TooLarge, SlowSender, UnsupportedMedia: it is not read.
    """
    found = bytearray()
    try:
        async with asyncio.timeout(BODY_TIMEOUT_S):
            async for chunk in request.stream():
                found += chunk
                if len(found) > MAX_BODY_BYTES:
                    raise TooLarge(f"the body is larger than {MAX_BODY_BYTES} bytes; ask something shorter")
    except TimeoutError:
        raise SlowSender(f"the body did not end within {BODY_TIMEOUT_S:g} s; send it in one go") from None
    except HTTPException as exc:  # the server's own bound came first
        raise (SlowSender if exc.status_code == 408 else TooLarge)(exc.detail) from exc
    coding = request.headers.get("content-encoding", "identity").strip().lower()
    if coding in ("", "identity"):
        return bytes(found)
    if coding not in ("gzip", "deflate"):
        raise UnsupportedMedia(f"content coding {coding[:40]!r} is not read here; send gzip, deflate or plain")
    reader = zlib.decompressobj(wbits=47 if coding == "gzip" else 15)
    try:
        plain = reader.decompress(bytes(found), MAX_BODY_BYTES + 1)
    except zlib.error as exc:
        raise InvalidInput(f"the body is no {coding}: {exc}") from exc
    if len(plain) > MAX_BODY_BYTES:
        raise TooLarge(f"the body is larger than {MAX_BODY_BYTES} bytes when decompressed")
    return plain


def object_of(body: bytes) -> dict[str, Any]:
    """The JSON object of a body; nothing is an empty one."""
    if not body.strip():
        return {}
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError as exc:
        raise Fault("json_parse_exception", f"the body is no JSON: {exc}") from exc
    if not isinstance(found, dict):
        raise parsing("Expected [START_OBJECT] but found something else")
    return found


def flag(given: Any, usual: bool = False) -> bool:
    """A parameter's or a body's `true`."""
    return usual if given is None else given is True or str(given).lower() in ("true", "")


# ---- answers ------------------------------------------------------------------------------------------------------


def respond(request: Request, told: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """With the header clients of 7.14 and later insist on, in the media type they asked for."""
    wanted = _COMPATIBLE.search(request.headers.get("accept", "") or request.headers.get("content-type", ""))
    kind = f"application/vnd.elasticsearch+json;compatible-with={wanted[1]}" if wanted else "application/json"
    if isinstance(told, str):
        kind, content = "text/plain; charset=UTF-8", told.encode()
    else:
        if (paths := request.query_params.get("filter_path")) and status < 400:
            told = filtered(told, paths.split(","))
        content = orjson.dumps(told, option=orjson.OPT_NON_STR_KEYS)
    return Response(
        content, status, headers={"X-Elastic-Product": "Elasticsearch", "Content-Type": kind, **(headers or {})}
    )


def refuse(request: Request, exc: HeimdallError) -> Response:
    told, status = error_of(exc)
    wait = {}
    if isinstance(exc, Overloaded | Unavailable):
        wait = {"Retry-After": str(max(1, math.ceil(exc.retry_after_s)))}
    return respond(request, told, status, wait)


def error_of(exc: HeimdallError) -> tuple[dict[str, Any], int]:
    """The error's object and its status."""
    if not isinstance(exc, Fault):
        status, kind = next(((code, kind) for cls, code, kind in _STATUS if isinstance(exc, cls)), (500, "exception"))
        reason = exc.message if isinstance(exc, QuerySyntaxError) else str(exc)
        cause: dict[str, Any] = {"type": kind, "reason": reason}
        return {"error": {"root_cause": [cause], **cause}, "status": status}, status
    cause = {"type": exc.kind, "reason": str(exc), **exc.details}
    error = {"root_cause": [cause], **cause}
    if exc.of_shards:
        failed = [{"shard": 0, "index": "logs", "node": "heimdall", "reason": cause}]
        around = {"type": "search_phase_execution_exception", "reason": "all shards failed", "phase": "query"}
        error = {"root_cause": [cause], **around, "grouped": True, "failed_shards": failed, "caused_by": cause}
    return {"error": error, "status": exc.status}, exc.status


# ---- filter_path --------------------------------------------------------------------------------------------------


def filtered(told: Any, paths: Iterable[str]) -> Any:
    """What some paths name, as `hits.hits._source.message` or `**.doc_count`; with `-` in front, all but that."""
    wanted = [path.strip().split(".") for path in paths if path.strip() and not path.strip().startswith("-")]
    unwanted = [path.strip()[1:].split(".") for path in paths if path.strip().startswith("-")]
    found = _kept(told, wanted) if wanted else told
    found = _without(found, unwanted) if unwanted else found
    return {} if found is None else found


def _kept(told: Any, paths: list[list[str]]) -> Any:
    if any(not path for path in paths):
        return told
    if isinstance(told, list):
        items = [item for item in (_kept(item, paths) for item in told) if item is not None]
        return items or None
    if not isinstance(told, dict):
        return None
    kept = {name: _kept(item, below) for name, item in told.items() if (below := _steps(name, paths))}
    return {name: item for name, item in kept.items() if item is not None} or None


def _without(told: Any, paths: list[list[str]]) -> Any:
    if isinstance(told, list):
        return [_without(item, paths) for item in told]
    if not isinstance(told, dict):
        return told
    found = {}
    for name, item in told.items():
        below = _steps(name, paths)
        if not any(not path for path in below):
            found[name] = _without(item, below) if below else item
    return found


def _steps(name: str, paths: list[list[str]]) -> list[list[str]]:
    """What is left of the paths behind one name."""
    found = []
    for path in paths:
        if path[0] == "**":
            found += [path, *_steps(name, [path[1:]])] if path[1:] else [[]]
        elif fits(path[0], name):
            found.append(path[1:])
    return found


def fits(pattern: str, name: str) -> bool:
    """Whether a name fits a pattern with `*`; linear in both."""
    first, *parts = pattern.split("*")
    if not parts:
        return name == pattern
    if not name.startswith(first):
        return False
    place = len(first)
    for part in parts[:-1]:
        found = name.find(part, place)
        if found < 0:
            return False
        place = found + len(part)
    return name.endswith(parts[-1]) and len(name) - len(parts[-1]) >= place

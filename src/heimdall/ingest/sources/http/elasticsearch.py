"""Elasticsearch's write side: `_bulk`, single documents, and the calls its shippers make before they send.

Where it answers: `_bulk` and everything else that begins with `_` at the root of every port; all of it, with `GET /`
and index names, below `/elasticsearch` and at the root of the port that Elasticsearch's clients expect (9200).
Source: Elasticsearch reference (REST APIs); what shippers insist on is in `docs/guides/senders/elasticsearch.md`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import orjson
import polars as pl
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
from heimdall.ingest.decode.elasticsearch_bulk import (
    Action,
    BulkDecoded,
    decode_bulk,
    decode_bulk_together,
    decode_document,
    decode_documents_together,
)
from heimdall.ingest.sources.http import elasticsearch_setup
from heimdall.ingest.sources.http.coalesce import Joint
from heimdall.ingest.sources.http.door import HttpDoor, taking

_PREFIX = "/elasticsearch"
_UNNAMED, _USUAL_INDEX = "/insert/", "logs"
"""Where actions need not name an index, as in VictoriaLogs, and the index they get."""

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
    (Unavailable, 503, "unavailable_shards_exception"),
    (Refused, 400, "illegal_argument_exception"),
)
"""This protocol's words for the error tree: HTTP status and exception type. First match wins."""


class ElasticsearchLogs:
    """The door, and the answers its senders wait for before they use it."""

    def __init__(self, door: HttpDoor) -> None:
        self._door = door

    @property
    def routes(self) -> list[Route]:
        """To be mounted at the root of the server, before anything that takes every path."""
        return [
            *self._bulk_routes(_PREFIX),
            *self._setup_routes(_PREFIX),
            *self._index_routes(_PREFIX),
            *self._bulk_routes(""),
            *self._setup_routes(""),
        ]

    @property
    def root_routes(self) -> list[Route]:
        """For a port that is all Elasticsearch's: `GET /`, index names, and every path nothing else claims."""
        return self._index_routes("")

    def _bulk_routes(self, prefix: str) -> list[Route]:
        taken = partial(taking, on_error=_refused)
        return [
            *taken(f"{prefix}/_bulk", self._bulk, methods=("POST", "PUT")),
            *taken(f"{prefix}/{{index}}/_bulk", self._bulk, methods=("POST", "PUT")),
            *taken(f"{prefix}/{{index}}/_doc", self._document),
            *taken(f"{prefix}/{{index}}/_doc/{{id}}", self._document, methods=("POST", "PUT")),
            *taken(f"{prefix}/{{index}}/_create/{{id}}", self._document, methods=("POST", "PUT")),
        ]

    def _setup_routes(self, prefix: str) -> list[Route]:
        return [
            Route(prefix + path, _answering(answer), methods=methods)
            for path, methods, answer in elasticsearch_setup.ANSWERS
        ]

    def _index_routes(self, prefix: str) -> list[Route]:
        return [
            Route(f"{prefix}/", _answering(elasticsearch_setup.banner), methods=["GET", "HEAD"]),
            Route(f"{prefix}/{{index}}", _answering(elasticsearch_setup.index), methods=["GET", "HEAD", "PUT"]),
            Route(f"{prefix}/{{path:path}}", _unknown, methods=["GET", "HEAD", "POST", "PUT", "DELETE"]),
        ]

    async def _bulk(self, request: Request) -> Response:
        index = request.path_params.get("index") or (_USUAL_INDEX if request.url.path.startswith(_UNNAMED) else None)
        started_ns = self._door.now_ns()

        def decode(body: bytes) -> BulkDecoded:
            if not body.strip():
                raise InvalidInput("request body is required")
            return decode_bulk(body, index=index, now_ns=started_ns, schemas=self._door.schemas)

        def decode_together(bodies: list[bytes]) -> Together[BulkDecoded]:
            return decode_bulk_together(bodies, index=index, now_ns=started_ns, schemas=self._door.schemas)

        joint = Joint(("elasticsearch", index), decode_together)
        decoded = await self._door.take("elasticsearch", request, decode, joint=joint)
        took_ms = (self._door.now_ns() - started_ns) // 1_000_000
        return _respond(request, _bulk_answer(decoded, took_ms, id_stem=f"{started_ns:x}"))

    async def _document(self, request: Request) -> Response:
        given = request.path_params.get("id")
        action = Action("create", request.path_params["index"], given)
        started_ns = self._door.now_ns()

        def decode(body: bytes) -> Decoded:
            return decode_document(body, action, now_ns=started_ns, schemas=self._door.schemas)

        def decode_together(bodies: list[bytes]) -> Together[Decoded]:
            return decode_documents_together(bodies, action, now_ns=started_ns, schemas=self._door.schemas)

        joint = None if given else Joint(("elasticsearch document", action.index_name), decode_together)
        await self._door.take("elasticsearch", request, decode, joint=joint)
        shards = {"total": 1, "successful": 1, "failed": 0}
        told = {"_index": action.index_name, "_id": given or f"{started_ns:x}-0", "_version": 1, "result": "created"}
        return _respond(request, orjson.dumps(told | {"_shards": shards, "_seq_no": 0, "_primary_term": 1}), 201)


_MADE = ',"_version":1,"result":"created","status":201}}'


def _bulk_answer(decoded: BulkDecoded, took_ms: int, id_stem: str) -> bytes:
    """One item an action, in order. Fluent Bit looks for `"errors":false,"items":[` when its buffer is too small."""
    if len(decoded.actions) == 1 and decoded.actions[0].id is None and not decoded.refused:
        start, end = f'{_head(decoded.actions[0])}"{id_stem}-', f'"{_MADE}'
        numbers = f"{end},{start}".join(map(str, range(len(decoded.codes))))
        return f'{{"took":{max(took_ms, 0)},"errors":false,"items":[{start}{numbers}{end}]}}'.encode()
    codes = pl.Series(decoded.codes, dtype=pl.UInt32)
    heads = pl.Series([_head(action) for action in decoded.actions], dtype=pl.String).gather(codes)
    ids = [None if action.id is None else _quoted(action.id) for action in decoded.actions]
    chosen = pl.Series(ids, dtype=pl.String).gather(codes)
    made = pl.concat_str(pl.lit(f'"{id_stem}-'), pl.int_range(len(codes)), pl.lit('"'))
    items = pl.select(pl.concat_str(pl.lit(heads), pl.coalesce(pl.lit(chosen), made), pl.lit(_MADE))).to_series()
    refused = decoded.refused or {}
    if refused:
        failed = [_failed(decoded.actions[decoded.codes[place]], reason) for place, reason in refused.items()]
        items = items.scatter(pl.Series(list(refused), dtype=pl.UInt32), pl.Series(failed, dtype=pl.String))
    errors = "true" if refused else "false"
    return f'{{"took":{max(took_ms, 0)},"errors":{errors},"items":[{items.str.join(",").item()}]}}'.encode()


def _head(item: Action) -> str:
    return f'{{"{item.kind}":{{"_index":{_quoted(item.index_name)},"_id":'


def _failed(item: Action, reason: str) -> str:
    kind = "document_parsing_exception" if item.is_taken else "illegal_argument_exception"
    error = {"type": kind, "reason": reason}
    told = {"_index": item.index_name, "_id": item.id, "status": 400, "error": error}
    return orjson.dumps({item.kind: told}).decode()


def _quoted(text: str) -> str:
    return orjson.dumps(text).decode()


def _answering(answer: Callable[[Request], tuple[int, Any]]) -> Callable[[Request], Any]:
    async def endpoint(request: Request) -> Response:
        status, told = answer(request)
        content = told.encode() if isinstance(told, str) else orjson.dumps(told)
        return _respond(request, content, status, plain=isinstance(told, str))

    return endpoint


async def _unknown(request: Request) -> Response:
    exc = InvalidInput(f"no handler found for uri [{request.url.path}] and method [{request.method}]")
    return _refused(request, exc)


def _refused(request: Request, exc: HeimdallError) -> Response:
    status, kind = next(((code, kind) for cls, code, kind in _STATUS if isinstance(exc, cls)), (500, "exception"))
    cause = {"type": kind, "reason": str(exc)}
    told = {"error": {"root_cause": [cause], **cause}, "status": status}
    wait = (
        {"Retry-After": str(max(1, math.ceil(exc.retry_after_s)))} if isinstance(exc, Overloaded | Unavailable) else {}
    )
    return _respond(request, orjson.dumps(told), status, headers=wait)


def _respond(
    request: Request,
    content: bytes,
    status: int = 200,
    *,
    plain: bool = False,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """With the header clients of 7.14 and later insist on, in the media type they asked for."""
    wanted = _COMPATIBLE.search(request.headers.get("accept", "") or request.headers.get("content-type", ""))
    kind = f"application/vnd.elasticsearch+json;compatible-with={wanted[1]}" if wanted else "application/json"
    told = {"X-Elastic-Product": "Elasticsearch", "Content-Type": "text/plain; charset=UTF-8" if plain else kind}
    return Response(content, status_code=status, headers={**told, **(headers or {})})

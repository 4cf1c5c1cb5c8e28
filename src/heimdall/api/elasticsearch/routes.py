"""Routes of Elasticsearch's read side: at the root of every port, and below `/elasticsearch`.

Their paths hold a part that begins with `_`, so they leave the rest of the root to others. Writing, the handshake and
set-up calls are the door's (`heimdall.ingest.sources.http.elasticsearch`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from heimdall.api.elasticsearch import catalogue, mapping
from heimdall.api.elasticsearch.indices import indices_of, listed
from heimdall.api.elasticsearch.searching import SHARDS, Searches
from heimdall.api.elasticsearch.wire import body_of, error_of, flag, object_of, refuse, respond
from heimdall.clock import Clock
from heimdall.errors import HeimdallError
from heimdall.query.languages.esdsl.faults import Fault, illegal, parsing
from heimdall.query.service import QueryService

MAX_SEARCHES = 100
"""Of one `_msearch`; they run one after the other."""

Told = tuple[int, Any]
Answer = Callable[[Request, bytes], Told]

_READ = ["GET", "HEAD"]
_ASK = ["GET", "POST"]


def elasticsearch_routes(service: QueryService, clock: Clock) -> APIRouter:
    """Plain routes, which say nothing to OpenAPI: their contract is Elasticsearch's."""
    face = _Face(Searches(service, clock), service, clock)
    router = APIRouter()
    for prefix in ("", "/elasticsearch"):
        for path, methods, answer in face.answers:
            router.routes.append(Route(prefix + path, _endpoint(answer), methods=methods, include_in_schema=False))
    return router


def _endpoint(answer: Answer) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        try:
            body = await body_of(request)
            status, told = await run_in_threadpool(answer, request, body)
        except ClientDisconnect:
            return Response(status_code=400)  # nobody reads it
        except HeimdallError as exc:
            return refuse(request, exc)
        except RecursionError:
            return refuse(request, illegal("the request is nested too deeply"))
        return respond(request, told, status)

    return endpoint


class _Face:
    """The answers, each in a thread of its own."""

    def __init__(self, searches: Searches, service: QueryService, clock: Clock) -> None:
        self._searches = searches
        self._service = service
        self._clock = clock

    @property
    def answers(self) -> list[tuple[str, list[str], Answer]]:
        return [
            ("/_search", _ASK, self._search),
            ("/_search/scroll", _ASK, self._scroll),
            ("/_search/scroll/{scroll_id:path}", _ASK, self._scroll),
            ("/_search/scroll", ["DELETE"], self._freed),
            ("/_search/scroll/{scroll_id:path}", ["DELETE"], self._freed),
            ("/_search/point_in_time", ["DELETE"], self._closed_opensearch),
            ("/_search/point_in_time/_all", ["DELETE"], self._closed_opensearch),
            ("/_pit", ["DELETE"], self._closed),
            ("/_msearch", _ASK, self._msearch),
            ("/_count", _ASK, self._count),
            ("/_mget", _ASK, self._mget),
            ("/_mapping", _READ, self._mapping),
            ("/_mapping/field/{fields}", _READ, self._field_mapping),
            ("/_field_caps", _ASK, self._field_caps),
            ("/_aliases", _READ, self._aliases),
            ("/_alias", _READ, self._aliases),
            ("/_settings", _READ, self._settings),
            ("/_resolve/index/{index}", _READ, self._resolve),
            ("/_cat/indices", _READ, self._cat_indices),
            ("/_cat/indices/{index}", _READ, self._cat_indices),
            ("/_cat/health", _READ, self._cat_health),
            ("/_cat/count", _READ, self._cat_count),
            ("/_cat/count/{index}", _READ, self._cat_count),
            ("/_cat/aliases", _READ, self._cat_nothing),
            ("/_cat/templates", _READ, self._cat_nothing),
            ("/_validate/query", _ASK, self._validate),
            ("/{index}/_search", _ASK, self._search),
            ("/{index}/_search/point_in_time", ["POST"], self._point_in_time),
            ("/{index}/_pit", ["POST"], self._point_in_time),
            ("/{index}/_msearch", _ASK, self._msearch),
            ("/{index}/_count", _ASK, self._count),
            ("/{index}/_mget", _ASK, self._mget),
            ("/{index}/_mapping", _READ, self._mapping),
            ("/{index}/_mapping/field/{fields}", _READ, self._field_mapping),
            ("/{index}/_field_caps", _ASK, self._field_caps),
            ("/{index}/_alias", _READ, self._aliases),
            ("/{index}/_settings", _READ, self._settings),
            ("/{index}/_validate/query", _ASK, self._validate),
            ("/{index}/_doc/{id}", _READ, self._document),
            ("/{index}/_source/{id}", _READ, self._source),
        ]

    # ---- searches ----

    def _search(self, request: Request, body: bytes) -> Told:
        parameters = dict(request.query_params)
        asked = object_of(body or parameters.get("source", "").encode())
        index = _index(request)
        search = self._searches.read(index, asked, parameters)
        if "scroll" in parameters:
            return 200, self._searches.scrolled(search, index)
        told = self._searches.answer(search)
        if isinstance(asked.get("pit"), dict):
            told = {"pit_id": asked["pit"].get("id"), **told}
        return 200, told

    def _msearch(self, request: Request, body: bytes) -> Told:
        lines = [line for line in body.split(b"\n") if line.strip()]
        if len(lines) % 2:
            raise illegal("The msearch request must be terminated by a newline [\n]")
        if not lines:
            raise Fault("action_request_validation_exception", "Validation Failed: 1: no requests added;")
        if len(lines) > 2 * MAX_SEARCHES:
            raise illegal(f"more than [{MAX_SEARCHES}] searches in one request")
        started_ns = self._clock.time_ns()
        pairs = zip(lines[0::2], lines[1::2], strict=True)
        answers = [self._one(request, object_of(head), asked) for head, asked in pairs]
        return 200, {"took": max(0, (self._clock.time_ns() - started_ns) // 1_000_000), "responses": answers}

    def _one(self, request: Request, head: dict[str, Any], body: bytes) -> dict[str, Any]:
        """One of several searches; what is wrong with it is told in its place."""
        named = head.get("index", _index(request))
        index = ",".join(map(str, named)) if isinstance(named, list) else named
        parameters = dict(request.query_params) | {
            name: "true" if value is True else str(value) for name, value in head.items() if name != "index"
        }
        try:
            told = self._searches.answer(self._searches.read(index, object_of(body), parameters))
        except HeimdallError as exc:
            return error_of(exc)[0]
        return {**told, "status": 200}

    def _count(self, request: Request, body: bytes) -> Told:
        return 200, self._searches.counted(_index(request), object_of(body), dict(request.query_params))

    def _validate(self, request: Request, body: bytes) -> Told:
        try:
            self._searches.query(object_of(body).get("query"), dict(request.query_params))
        except HeimdallError as exc:
            if not flag(request.query_params.get("explain")):
                return 200, {"valid": False}
            return 200, {"valid": False, "error": str(exc)}
        return 200, {"_shards": SHARDS, "valid": True}

    # ---- scrolls, points in time ----

    def _scroll(self, request: Request, body: bytes) -> Told:
        asked = object_of(body)
        token = asked.get("scroll_id") or request.path_params.get("scroll_id") or request.query_params.get("scroll_id")
        if not token:
            raise Fault("action_request_validation_exception", "Validation Failed: 1: scrollId is missing;")
        return 200, self._searches.scroll(token)

    def _freed(self, request: Request, body: bytes) -> Told:
        given = object_of(body).get("scroll_id", request.path_params.get("scroll_id"))
        return 200, {"succeeded": True, "num_freed": len(given) if isinstance(given, list) else 1}

    def _point_in_time(self, request: Request, body: bytes) -> Told:
        if "keep_alive" not in request.query_params:
            raise Fault("action_request_validation_exception", "Validation Failed: 1: [keep_alive] is not specified;")
        token = self._searches.point_in_time(request.path_params["index"])
        if request.url.path.endswith("/point_in_time"):
            created_ms = self._clock.time_ns() // 1_000_000
            return 200, {"pit_id": token, "_shards": SHARDS, "creation_time": created_ms}
        return 200, {"id": token, "_shards": SHARDS}

    def _closed(self, request: Request, body: bytes) -> Told:
        return 200, {"succeeded": True, "num_freed": 1}

    def _closed_opensearch(self, request: Request, body: bytes) -> Told:
        given = object_of(body).get("pit_id", [])
        return 200, {
            "pits": [{"successful": True, "pit_id": item} for item in (given if isinstance(given, list) else [given])]
        }

    # ---- documents ----

    def _document(self, request: Request, body: bytes) -> Told:
        index, id_ = request.path_params["index"], request.path_params["id"]
        told = self._got(index, id_)
        return (200 if told["found"] else 404), told

    def _source(self, request: Request, body: bytes) -> Told:
        index, id_ = request.path_params["index"], request.path_params["id"]
        document = self._searches.document(index, id_)
        if document is None:
            raise Fault("resource_not_found_exception", f"Document not found [{index}]/[{id_}]", status=404)
        return 200, document.source

    def _got(self, index: str, id_: str) -> dict[str, Any]:
        document = self._searches.document(index, id_)
        if document is None:
            return {"_index": index, "_id": id_, "found": False}
        whole = {"_version": 1, "_seq_no": 0, "_primary_term": 1, "found": True, "_source": document.source}
        return {"_index": document.index, "_id": document.id, **whole}

    def _mget(self, request: Request, body: bytes) -> Told:
        asked, index = object_of(body), _index(request)
        wanted = asked.get("docs") or [{"_id": id_} for id_ in asked.get("ids", [])]
        if not isinstance(wanted, list) or not wanted or len(wanted) > MAX_SEARCHES:
            raise Fault("action_request_validation_exception", "Validation Failed: 1: no documents to get;")
        if not all(isinstance(item, dict) and "_id" in item for item in wanted):
            raise parsing("unexpected token [VALUE_STRING], expected [START_OBJECT]")
        return 200, {"docs": [self._got(str(item.get("_index", index or "*")), str(item["_id"])) for item in wanted]}

    # ---- indices ----

    def _mapping(self, request: Request, body: bytes) -> Told:
        return 200, mapping.mappings(self._service, indices_of(_index(request)))

    def _field_mapping(self, request: Request, body: bytes) -> Told:
        patterns = request.path_params["fields"].split(",")
        return 200, mapping.field_mappings(self._service, indices_of(_index(request)), patterns)

    def _field_caps(self, request: Request, body: bytes) -> Told:
        given = request.query_params.get("fields") or object_of(body).get("fields") or ""
        patterns = given.split(",") if isinstance(given, str) else [str(item) for item in given]
        if patterns == [""]:
            raise Fault("action_request_validation_exception", "Validation Failed: 1: no fields specified;")
        return 200, mapping.capabilities(self._service, indices_of(_index(request)), patterns)

    def _aliases(self, request: Request, body: bytes) -> Told:
        return 200, catalogue.aliases(self._service, indices_of(_index(request)))

    def _settings(self, request: Request, body: bytes) -> Told:
        return 200, catalogue.settings(self._service, indices_of(_index(request)))

    def _resolve(self, request: Request, body: bytes) -> Told:
        return 200, catalogue.resolved(self._service, indices_of(request.path_params["index"]))

    def _cat_indices(self, request: Request, body: bytes) -> Told:
        found = listed(self._service, indices_of(_index(request)))
        return 200, _cat(request, [catalogue.index_row(index) for index in found])

    def _cat_health(self, request: Request, body: bytes) -> Told:
        return 200, _cat(request, [catalogue.health_row(self._clock.time_ns() // 10**9)])

    def _cat_count(self, request: Request, body: bytes) -> Told:
        health = catalogue.health_row(self._clock.time_ns() // 10**9)
        count = self._searches.counted(_index(request), {}, dict(request.query_params))["count"]
        return 200, _cat(request, [{"epoch": health["epoch"], "timestamp": health["timestamp"], "count": str(count)}])

    def _cat_nothing(self, request: Request, body: bytes) -> Told:
        return 200, _cat(request, [])


def _cat(request: Request, rows: list[dict[str, Any]]) -> Any:
    parameters = request.query_params
    as_json = parameters.get("format") == "json" or "application/json" in request.headers.get("accept", "")
    return catalogue.table(rows, as_json=as_json, heads=flag(parameters.get("v")), wanted=parameters.get("h"))


def _index(request: Request) -> str | None:
    return request.path_params.get("index")

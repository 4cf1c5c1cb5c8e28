"""Routes that ask: search, histogram, facets, patterns, fields, explain, parse, translate, complete; and cancelling."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from heimdall.api.answers import respond
from heimdall.api.parameters import (
    CompleteParameters,
    ExplainParameters,
    FacetsParameters,
    HistogramParameters,
    PatternsParameters,
    QueryParameters,
    SearchParameters,
)
from heimdall.clock import Clock
from heimdall.errors import InvalidInput, NotFound
from heimdall.model.timerange import MAX_NS, parse_time
from heimdall.query.languages.registry import as_hql
from heimdall.query.request import (
    Answer,
    ExplainRequest,
    FacetsRequest,
    HistogramRequest,
    PatternsRequest,
    QueryRequest,
    SearchRequest,
)
from heimdall.query.service import QueryService

_UNIT_NS = {"ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9, "d": 86400 * 10**9, "w": 604800 * 10**9}


def query_routes(
    service: QueryService, clock: Clock, labelled: Callable[[Answer], Answer] = lambda answer: answer
) -> APIRouter:
    """`labelled` adds to a list of templates what people call them."""
    router = APIRouter(prefix="/api/v1", tags=["query"])

    def common(parameters: QueryParameters) -> dict[str, object]:
        return common_fields(parameters, clock)

    def search(parameters: SearchParameters) -> Answer:
        rest = {"limit": parameters.limit, "cursor": parameters.cursor or None, "rank": parameters.rank}
        return service.search(SearchRequest(**common(parameters), **rest))  # type: ignore[arg-type]

    def histogram(parameters: HistogramParameters) -> Answer:
        rest = {
            "buckets": parameters.buckets,
            "interval_ns": _duration_ns(parameters.interval) if parameters.interval else None,
            "by": parameters.by or None,
        }
        return service.histogram(HistogramRequest(**common(parameters), **rest))  # type: ignore[arg-type]

    def facets(parameters: FacetsParameters) -> Answer:
        names = tuple(name.strip() for name in parameters.fields.split(",") if name.strip())
        return service.facets(FacetsRequest(**common(parameters), fields=names, limit=parameters.limit))  # type: ignore[arg-type]

    def patterns(parameters: PatternsParameters) -> Answer:
        rest = {
            "limit": parameters.limit,
            "order": parameters.order,
            "buckets": parameters.buckets,
            "interval_ns": _duration_ns(parameters.interval) if parameters.interval else None,
        }
        return labelled(service.patterns(PatternsRequest(**common(parameters), **rest)))  # type: ignore[arg-type]

    def fields(parameters: QueryParameters) -> Answer:
        return service.fields(QueryRequest(**common(parameters)))  # type: ignore[arg-type]

    def explain(parameters: ExplainParameters) -> Answer:
        rest = {"analyze": parameters.analyze, "limit": parameters.limit}
        return service.explain(ExplainRequest(**common(parameters), **rest))  # type: ignore[arg-type]

    def parse(parameters: QueryParameters) -> Answer:
        return service.parse(parameters.q, parameters.language)

    def translate(parameters: QueryParameters) -> Answer:
        return service.translate(parameters.q, parameters.language)

    def complete(parameters: CompleteParameters) -> Answer:
        cursor = len(parameters.q) if parameters.cursor is None else parameters.cursor
        return service.complete(QueryRequest(**common(parameters)), cursor=cursor, limit=parameters.limit)  # type: ignore[arg-type]

    add_question(router, "search", "Rows, newest first", SearchParameters, search)
    add_question(router, "histogram", "Counts over time", HistogramParameters, histogram)
    add_question(router, "facets", "Most frequent values of fields", FacetsParameters, facets)
    add_question(router, "patterns", "Templates of the records, with counts over time", PatternsParameters, patterns)
    add_question(router, "fields", "Fields, their types and coverage", QueryParameters, fields)
    add_question(router, "explain", "How a query would run, and what it would cost", ExplainParameters, explain)
    add_question(router, "parse", "Whether it is a query, and its canonical form", QueryParameters, parse)
    add_question(router, "translate", "A question in another language as HQL", QueryParameters, translate)
    add_question(router, "complete", "What could stand at a place of the query", CompleteParameters, complete)

    @router.delete("/queries/{query_id}", status_code=204, summary="Cancel a query")
    async def cancel(query_id: str) -> Response:
        if not await run_in_threadpool(service.cancel, query_id):
            raise NotFound(f"no query {query_id} is running")
        return Response(status_code=204)

    return router


def common_fields(parameters: QueryParameters, clock: Clock) -> dict[str, object]:
    """What every request has, as `QueryRequest` names it."""
    now_ns = clock.time_ns()
    return {
        "q": as_hql(parameters.q or "*", parameters.language),
        "start_ns": moment_ns(parameters.start, now_ns),
        "end_ns": moment_ns(parameters.end, now_ns),
        "query_id": parameters.query_id,
        "timeout_s": parameters.timeout_s,
        "max_scan_bytes": parameters.max_scan_bytes,
        "max_memory_bytes": parameters.max_memory_bytes,
        "exact": parameters.exact,
        "fresh": parameters.fresh,
    }


def moment_ns(text: str | int | None, now_ns: int) -> int | None:
    return None if text in (None, "") else parse_time(str(text), now_ns=now_ns)


def add_question(
    router: APIRouter, name: str, summary: str, model: type[QueryParameters], answer: Callable[[Any], Answer]
) -> None:
    """Add a question, asked by GET with a query string and by POST with a JSON object of the same names."""

    for method, annotation in (("GET", Annotated[model, Query()]), ("POST", model)):
        router.add_api_route(
            f"/{name}",
            _endpoint(annotation, answer),
            methods=[method],
            summary=summary,
            operation_id=f"{name}_{method.lower()}",
        )


def _endpoint(parameter_type: object, answer: Callable[[Any], Answer]) -> Callable[..., Any]:
    async def ask(request: Request, parameters: Any) -> Response:
        if "no-cache" in request.headers.get("cache-control", "").lower():
            parameters = parameters.model_copy(update={"fresh": True})
        # written out by the same thread: ten thousand rows as JSON would hold up every other request
        return await run_in_threadpool(lambda: respond(request, answer(parameters)))

    ask.__annotations__ = {"request": Request, "parameters": parameter_type, "return": Response}
    return ask


def _duration_ns(text: str) -> int:
    match = re.fullmatch(r"(\d+)([a-z]+)", text)
    assert match is not None  # the parameter's pattern has been checked
    duration_ns = int(match[1]) * _UNIT_NS[match[2]] if len(match[1]) <= 19 else MAX_NS + 1
    if duration_ns > MAX_NS:
        raise InvalidInput("interval is longer than 292 years; use a shorter one, for example 5m")
    return duration_ns

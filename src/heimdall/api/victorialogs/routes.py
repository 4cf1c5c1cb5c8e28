"""VictoriaLogs' read routes, by GET and by POST with a form.

`AccountID` and `ProjectID` are taken and named again in the answer; they choose nothing: there is one tenant.

Source: VictoriaLogs documentation, "Querying: HTTP API".
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import orjson
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from heimdall.api.victorialogs import catalogue, measuring
from heimdall.api.victorialogs.errors import refused
from heimdall.api.victorialogs.parameters import Parameters, parameters_of
from heimdall.api.victorialogs.questions import Question, question_of
from heimdall.api.victorialogs.reading import Reader
from heimdall.api.victorialogs.tail import tailed
from heimdall.clock import Clock
from heimdall.errors import HeimdallError, InvalidInput
from heimdall.query.live import LiveTail
from heimdall.query.service import MAX_LIMIT, QueryService

_PREFIX = "/select/logsql"

Ask = Callable[[Parameters], Response]


def victorialogs_routes(queries: QueryService, tail: LiveTail, clock: Clock) -> list[BaseRoute]:
    face = _Face(queries, clock)
    questions: dict[str, Ask] = {
        f"{_PREFIX}/query": face.query,
        f"{_PREFIX}/hits": face.hits,
        f"{_PREFIX}/facets": face.facets,
        f"{_PREFIX}/stats_query": face.stats_query,
        f"{_PREFIX}/stats_query_range": face.stats_query_range,
        f"{_PREFIX}/field_names": face.field_names,
        f"{_PREFIX}/field_values": face.field_values,
        f"{_PREFIX}/streams": face.streams,
        f"{_PREFIX}/stream_ids": face.stream_ids,
        f"{_PREFIX}/stream_field_names": face.stream_field_names,
        f"{_PREFIX}/stream_field_values": face.stream_field_values,
        "/select/tenant_ids": face.tenant_ids,
    }
    routes: list[BaseRoute] = [
        Route(path, _endpoint(ask, clock), methods=["GET", "POST"]) for path, ask in questions.items()
    ]

    async def watch(request: Request) -> Response:
        try:
            return await tailed(queries, tail, clock, await parameters_of(request, clock))
        except HeimdallError as exc:
            return refused(exc)

    routes.append(Route(f"{_PREFIX}/tail", watch, methods=["GET", "POST"]))
    routes.append(Route("/health", _health, methods=["GET"]))
    return routes


def _endpoint(ask: Ask, clock: Clock) -> Callable[[Request], Any]:
    async def endpoint(request: Request) -> Response:
        started_s = clock.monotonic()
        try:
            answer = await run_in_threadpool(ask, await parameters_of(request, clock))
        except HeimdallError as exc:
            answer = refused(exc)
        answer.headers["VL-Request-Duration-Seconds"] = f"{clock.monotonic() - started_s:.3f}"
        for name in ("AccountID", "ProjectID"):
            given = request.headers.get(name, "")
            answer.headers[name] = given if given.isdecimal() and len(given) <= 10 else "0"
        return answer

    return endpoint


async def _health(request: Request) -> Response:
    """Grafana's data source asks for it before it saves."""
    return PlainTextResponse("OK")


class _Face:
    def __init__(self, queries: QueryService, clock: Clock) -> None:
        self._queries = queries
        self._clock = clock

    def _reader(self, question: Question) -> Reader:
        return Reader.of(self._queries, self._clock, question.request)

    def _question(self, parameters: Parameters, at_ns: int | None = None) -> Question:
        streams = catalogue.streams_by_id(self._queries, self._clock, parameters)
        return question_of(parameters, streams, at_ns=at_ns)

    def _of_records(self, parameters: Parameters) -> tuple[Question, Reader]:
        question = self._question(parameters).of_records(ignore_pipes=parameters.flag("ignore_pipes"))
        return question, self._reader(question)

    # ---- logs ----

    def query(self, parameters: Parameters) -> Response:
        """All rows as a stream of lines; `limit` of them, behind the first `offset`."""
        if (wanted := parameters.text("format")) not in ("", "json", "jsonline"):
            raise InvalidInput(f"there is no format {wanted[:40]!r} here; leave `format` out for JSON lines")
        question = self._question(parameters)
        limit, offset = parameters.number("limit", 0), parameters.number("offset", 0)
        if question.request.end_ns is None:
            question = replace(question, request=replace(question.request, end_ns=parameters.now_ns))
        lines = _skipping(question, self._reader(question), limit, offset)
        first = next(lines, b"")  # what is wrong shows before the answer begins
        return StreamingResponse(itertools.chain((first,), lines), media_type="application/stream+json")

    # ---- counts ----

    def hits(self, parameters: Parameters) -> Response:
        question, reader = self._of_records(parameters)
        found = catalogue.hits(
            question,
            reader,
            parameters.texts("field"),
            step_ns=parameters.step_ns(),
            offset_ns=parameters.duration_ns("offset", 0),
            fields_limit=parameters.number("fields_limit", 0),
        )
        return _json({"hits": found})

    def facets(self, parameters: Parameters) -> Response:
        question, reader = self._of_records(parameters)
        found = catalogue.facets(
            question,
            reader,
            limit=min(parameters.number("limit", 10), 1_000),
            max_values=parameters.number("max_values_per_field", 1_000),
            max_length=parameters.number("max_value_len", 128),
            keep_const=parameters.flag("keep_const_fields"),
        )
        return _json({"facets": found})

    def stats_query(self, parameters: Parameters) -> Response:
        at_ns = parameters.time_ns("time")
        question = self._question(parameters, at_ns)
        moment_ns = parameters.now_ns if at_ns is None else at_ns
        return _success(measuring.vector(question, self._reader(question), moment_ns))

    def stats_query_range(self, parameters: Parameters) -> Response:
        question = self._question(parameters)
        step_ns, offset_ns = parameters.step_ns(), parameters.duration_ns("offset", 0)
        return _success(measuring.matrix(question, self._reader(question), step_ns=step_ns, offset_ns=offset_ns))

    # ---- what there is ----

    def field_names(self, parameters: Parameters) -> Response:
        return _values(catalogue.field_names(*self._of_records(parameters)), parameters)

    def field_values(self, parameters: Parameters) -> Response:
        name = parameters.required("field")
        limit = 0 if parameters.text("filter") else parameters.number("limit", MAX_LIMIT)
        return _values(catalogue.field_values(name, *self._of_records(parameters), limit), parameters)

    def streams(self, parameters: Parameters) -> Response:
        return _values(catalogue.streams(*self._of_records(parameters)), parameters)

    def stream_ids(self, parameters: Parameters) -> Response:
        return _values(catalogue.stream_ids(*self._of_records(parameters)), parameters)

    def stream_field_names(self, parameters: Parameters) -> Response:
        return _values(catalogue.stream_field_names(*self._of_records(parameters)), parameters)

    def stream_field_values(self, parameters: Parameters) -> Response:
        name = parameters.required("field")
        return _values(catalogue.stream_field_values(name, *self._of_records(parameters)), parameters)

    def tenant_ids(self, parameters: Parameters) -> Response:
        return _json([{"account_id": 0, "project_id": 0}])


def _skipping(question: Question, reader: Reader, limit: int, offset: int) -> Iterator[bytes]:
    left = offset
    for rows in reader.pages(question.query, limit + offset if limit else None):
        shown = rows.slice(min(left, rows.num_rows))
        left -= rows.num_rows - shown.num_rows
        yield question.write(shown)


def _json(body: object) -> Response:
    return Response(orjson.dumps(body), media_type="application/json")


def _success(data: dict[str, object]) -> Response:
    return _json({"status": "success", "data": data})


def _values(hits: catalogue.Hits, parameters: Parameters) -> Response:
    return _json(catalogue.values_json(hits, parameters.number("limit", 0), parameters.text("filter")))

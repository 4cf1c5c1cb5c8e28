"""Routes that explain: two windows or two searches compared, what a window was caused by, and what is like a text."""

from __future__ import annotations

from fastapi import APIRouter

from heimdall.api.parameters import CausesParameters, CompareParameters, SimilarParameters
from heimdall.api.queries import add_question, common_fields, moment_ns
from heimdall.clock import Clock
from heimdall.insight.causes.rootcause import baseline_of, root_causes
from heimdall.insight.comparing.compare import Comparison, compare, window_of
from heimdall.insight.pipes.similar import Similar
from heimdall.query.asking import Asking, Made, Window
from heimdall.query.languages.hql import parse
from heimdall.query.request import Answer, QueryRequest, SearchRequest
from heimdall.query.service import QueryService


def explaining_routes(service: QueryService, clock: Clock) -> APIRouter:
    router = APIRouter(prefix="/api/v1", tags=["query"])

    def ask(parameters: CompareParameters) -> Answer:
        request = QueryRequest(**common_fields(parameters, clock))  # type: ignore[arg-type]
        comparison = _comparison(parameters, request, clock.time_ns())
        names = tuple(name.strip() for name in parameters.fields.split(",") if name.strip())

        def make(asking: Asking) -> Made:
            fields = None if parameters.parts == "patterns" else names
            return compare(asking, comparison, fields=fields, limit=parameters.limit)

        return service.answered(request, "compare", make)

    def ask_causes(parameters: CausesParameters) -> Answer:
        request = QueryRequest(**common_fields(parameters, clock))  # type: ignore[arg-type]
        window = window_of(request.start_ns, request.end_ns, clock.time_ns())
        baseline = _baseline(parameters, window, clock.time_ns()) or baseline_of(window)
        comparison = Comparison(parse(request.q), window, baseline=baseline)
        names = tuple(name.strip() for name in parameters.fields.split(",") if name.strip())

        def make(asking: Asking) -> Made:
            return root_causes(asking, comparison, fields=None if parameters.parts == "services" else names)

        return service.answered(request, "rootcause", make)

    add_question(router, "compare", "What differs from a baseline: templates, fields, volume", CompareParameters, ask)

    def ask_similar(parameters: SimilarParameters) -> Answer:
        common = common_fields(parameters, clock)
        query = f"{common.pop('q')} | {Similar(parameters.text, parameters.limit).to_text()}"
        return service.search(SearchRequest(q=query, limit=parameters.limit, **common))  # type: ignore[arg-type]

    add_question(router, "rootcause", "Services ranked as causes of what a window shows", CausesParameters, ask_causes)
    add_question(router, "similar", "Records like a line, a stack trace or some words", SimilarParameters, ask_similar)
    return router


def _comparison(parameters: CompareParameters, request: QueryRequest, now_ns: int) -> Comparison:
    window = window_of(request.start_ns, request.end_ns, now_ns)
    baseline = _baseline(parameters, window, now_ns)
    other = parse(parameters.baseline_q) if parameters.baseline_q else None
    return Comparison(parse(request.q), window, other, baseline)


def _baseline(parameters: CompareParameters | CausesParameters, window: Window, now_ns: int) -> Window | None:
    """As long as the window where only one end is given; None where none is."""
    start_ns = moment_ns(parameters.baseline_start, now_ns)
    end_ns = moment_ns(parameters.baseline_end, now_ns)
    if start_ns is not None:
        return window_of(start_ns, start_ns + window.length_ns if end_ns is None else end_ns, now_ns)
    return None if end_ns is None else Window(end_ns - window.length_ns, end_ns)

"""Loki's read routes, by GET and by POST with a form.

Source: Grafana Loki HTTP API; what Grafana calls beyond it was read off its requests.
"""

from __future__ import annotations

import platform
from collections.abc import Callable
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route, WebSocketRoute

from heimdall import __version__
from heimdall.api.loki.answers import CATEGORIZE, answered, json_response, success
from heimdall.api.loki.errors import in_lokis_words
from heimdall.api.loki.parameters import Parameters, parameters_of
from heimdall.api.loki.tail import tail_endpoint
from heimdall.clock import Clock
from heimdall.errors import InvalidInput
from heimdall.query.languages.logql import parse, parse_selector
from heimdall.query.languages.logql.printer import pretty
from heimdall.query.live import LiveTail
from heimdall.query.logql import LokiService, discovery
from heimdall.query.logql.series import MAX_SERIES
from heimdall.query.logql.service import MAX_ENTRIES

_PREFIX = "/loki/api/v1"
LOKI_VERSION = "3.5.0"
"""The Loki whose features Grafana may expect."""

Ask = Callable[[Request, Parameters], Response]


def loki_routes(service: LokiService, tail: LiveTail, clock: Clock) -> list[BaseRoute]:
    face = _Face(service)
    questions: dict[str, Ask] = {
        "/query": face.query,
        "/query_range": face.query_range,
        "/labels": face.labels,
        "/label": face.labels,
        "/label/{name}/values": face.label_values,
        "/series": face.series,
        "/index/stats": face.index_stats,
        "/index/volume": face.volume,
        "/index/volume_range": face.volume_range,
        "/detected_labels": face.detected_labels,
        "/detected_fields": face.detected_fields,
        "/detected_field/{name}/values": face.detected_values,
        "/patterns": face.patterns,
        "/format_query": face.format_query,
        "/drilldown-limits": face.drilldown_limits,
        "/status/buildinfo": face.build_info,
        "/rules": face.no_rules,
    }
    routes: list[BaseRoute] = [
        Route(f"{_PREFIX}{path}", _endpoint(ask, clock), methods=["GET", "POST"]) for path, ask in questions.items()
    ]
    for path in ("rules", "alerts"):
        routes.append(Route(f"/prometheus/api/v1/{path}", _endpoint(face.no_rules, clock), methods=["GET"]))
    routes.append(WebSocketRoute(f"{_PREFIX}/tail", tail_endpoint(service, tail, clock)))
    return routes


def _endpoint(ask: Ask, clock: Clock) -> Callable[[Request], Any]:
    @in_lokis_words
    async def endpoint(request: Request) -> Response:
        parameters = await parameters_of(request, clock)
        return await run_in_threadpool(ask, request, parameters)

    return endpoint


class _Face:
    def __init__(self, service: LokiService) -> None:
        self._service = service

    # ---- queries ----

    def query(self, request: Request, parameters: Parameters) -> Response:
        return answered(self._service.query(parameters.text("query"), parameters.instant()), categorized=False)

    def query_range(self, request: Request, parameters: Parameters) -> Response:
        asked = parameters.asked()
        flags = request.headers.get("x-loki-response-encoding-flags", "")
        categorized = CATEGORIZE in [flag.strip() for flag in flags.split(",")]
        result = self._service.query_range(
            parameters.text("query"),
            asked,
            step_ns=parameters.step_ns(asked),
            limit=parameters.limit(),
            direction=parameters.direction,
            categorized=categorized,
        )
        return answered(result, categorized=categorized)

    def format_query(self, request: Request, parameters: Parameters) -> Response:
        return json_response({"status": "success", "data": pretty(parse(parameters.text("query")))})

    # ---- what there is ----

    def labels(self, request: Request, parameters: Parameters) -> Response:
        search = discovery.selection(parameters.text("query"))
        return success(discovery.label_names(search, self._service.reading(parameters.asked())))

    def label_values(self, request: Request, parameters: Parameters) -> Response:
        search = discovery.selection(parameters.text("query"))
        reading = self._service.reading(parameters.asked())
        return success(discovery.label_values(request.path_params["name"], search, reading))

    def series(self, request: Request, parameters: Parameters) -> Response:
        selectors = parameters.texts("match[]", "match")
        searches = [discovery.selection(each) for each in selectors]
        found = discovery.series(searches, self._service.reading(parameters.asked()))
        return json_response({"status": "success", "data": found})

    def index_stats(self, request: Request, parameters: Parameters) -> Response:
        search = discovery.selection(parameters.text("query"))
        return json_response(discovery.stats(search, self._service.reading(parameters.asked())))

    def volume(self, request: Request, parameters: Parameters) -> Response:
        return self._volume(parameters, None)

    def volume_range(self, request: Request, parameters: Parameters) -> Response:
        return self._volume(parameters, parameters.step_ns(parameters.asked()))

    def _volume(self, parameters: Parameters, step_ns: int | None) -> Response:
        asked = parameters.asked()
        query = parameters.text("query")
        aggregate_by = parameters.text("aggregateBy", "series")
        if aggregate_by not in ("series", "labels"):
            raise InvalidInput("invalid aggregation option")
        targets = [name.strip() for name in parameters.text("targetLabels").split(",") if name.strip()]
        found = discovery.volumes(
            parse_selector(query),
            discovery.selection(query),
            targets,
            aggregate_by == "labels",
            parameters.limit(),
            self._service.reading(asked),
            step_ns,
        )
        if step_ns is None:
            at_s = asked.end_ns / 1e9
            result: list[object] = [
                {"metric": labels, "value": [round(at_s, 3), str(sum(size for _, size in steps))]}
                for labels, steps in found
            ]
        else:
            result = [
                {"metric": labels, "values": [[round(at_ns / 1e9, 3), str(size)] for at_ns, size in steps]}
                for labels, steps in found
            ]
        kind = "vector" if step_ns is None else "matrix"
        return json_response({"status": "success", "data": {"resultType": kind, "result": result}})

    # ---- Logs Drilldown ----

    def detected_labels(self, request: Request, parameters: Parameters) -> Response:
        search = discovery.selection(parameters.text("query"))
        reading = self._service.reading(parameters.asked())
        return json_response({"detectedLabels": discovery.detected_labels(search, reading)})

    def detected_fields(self, request: Request, parameters: Parameters) -> Response:
        limit = parameters.number("field_limit", parameters.limit(1_000))
        found = discovery.detected_fields(
            parameters.text("query"),
            limit,
            parameters.number("line_limit", 1_000),
            self._service.reading(parameters.asked()),
        )
        return json_response({"fields": found, "limit": limit})

    def detected_values(self, request: Request, parameters: Parameters) -> Response:
        limit = parameters.number("field_limit", parameters.limit(1_000))
        found = discovery.detected_values(
            request.path_params["name"],
            parameters.text("query"),
            limit,
            parameters.number("line_limit", 1_000),
            self._service.reading(parameters.asked()),
        )
        return json_response({"values": found, "limit": limit})

    def patterns(self, request: Request, parameters: Parameters) -> Response:
        asked = parameters.asked()
        step_ns = max(parameters.step_ns(asked), 10**10)
        found = self._service.patterns(discovery.selection(parameters.text("query")), step_ns, asked)
        return json_response({"status": "success", "data": found})

    def drilldown_limits(self, request: Request, parameters: Parameters) -> Response:
        limits = {
            "discover_log_levels": True,
            "discover_service_name": None,
            "log_level_fields": ["level", "severity", "detected_level", "log_level", "lvl"],
            "max_entries_limit_per_query": MAX_ENTRIES,
            "max_query_series": MAX_SERIES,
            "max_line_size_truncate": False,
            "max_query_bytes_read": "0B",
            "max_query_length": "0s",
            "max_query_lookback": "0s",
            "max_query_range": "0s",
            "metric_aggregation_enabled": False,
            "pattern_persistence_enabled": True,
            "query_timeout": "1m",
            "retention_period": "0s",
            "retention_stream": [],
            "volume_enabled": True,
            "volume_max_series": 1_000,
        }
        return json_response({"limits": limits, "pattern_ingester_enabled": True, "version": LOKI_VERSION})

    # ---- the node ----

    def build_info(self, request: Request, parameters: Parameters) -> Response:
        return json_response(
            {
                "version": LOKI_VERSION,
                "revision": f"heimdall-{__version__}",
                "branch": "main",
                "buildUser": "heimdall",
                "buildDate": "",
                "goVersion": f"python{platform.python_version()}",
            }
        )

    def no_rules(self, request: Request, parameters: Parameters) -> Response:
        kind = "alerts" if request.url.path.endswith("alerts") else "groups"
        return json_response({"status": "success", "data": {kind: []}})

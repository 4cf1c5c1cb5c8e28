"""Prometheus' read routes, by GET and by POST with a form.

They lie under `/prometheus`, the address a data source is given, and at the root where Heimdall has no route of the
same name. What answers them is imported at the first question.

Source: Prometheus documentation, "HTTP API".
"""

from __future__ import annotations

import math
import platform
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import orjson
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from heimdall import __version__
from heimdall.clock import Clock
from heimdall.errors import HeimdallError, InvalidInput

if TYPE_CHECKING:
    from heimdall.query.promql.service import PrometheusService

PROMETHEUS_VERSION = "3.0.0"
"""The Prometheus whose features Grafana may expect."""

TIMEOUT_S = 120.0
"""As Prometheus' `query.timeout`."""

_PREFIXES = ("/prometheus/api/v1", "/api/v1")
_HOUR_NS = 3_600 * 10**9
_LONGEST_TEXT = 100

Ask = Callable[["PrometheusService", "_Parameters", Request], object]


def prometheus_routes(open_service: Callable[[], PrometheusService], clock: Clock) -> list[BaseRoute]:
    """`open_service` gives the same service each time; it is called when somebody asks."""
    questions: dict[str, Ask] = {
        "/query": _query,
        "/query_range": _query_range,
        "/labels": _labels,
        "/label/{name}/values": _label_values,
        "/series": _series,
        "/metadata": _metadata,
        "/status/buildinfo": _build_info,
        "/query_exemplars": lambda service, parameters, request: [],
    }
    return [
        Route(f"{prefix}{path}", _endpoint(ask, open_service, clock), methods=["GET", "POST"], name=f"prometheus{path}")
        for prefix in _PREFIXES
        for path, ask in questions.items()
    ]


def _endpoint(ask: Ask, open_service: Callable[[], PrometheusService], clock: Clock) -> Callable[[Request], Any]:
    def answer(request: Request, values: Mapping[str, Sequence[str]]) -> Response:
        try:
            data = ask(open_service(), _Parameters(values, clock.time_ns()), request)
        except HeimdallError as exc:
            from heimdall.api.prometheus.errors import refused

            return refused(exc)
        return Response(orjson.dumps({"status": "success", "data": data}), media_type="application/json")

    async def endpoint(request: Request) -> Response:
        values: dict[str, list[str]] = {}
        for name, value in request.query_params.multi_items():
            values.setdefault(name, []).append(value)
        if request.method == "POST":
            text = (await request.body()).decode("utf-8", "replace")
            try:
                form = parse_qs(text, keep_blank_values=True, max_num_fields=1_000)
            except ValueError:
                form = {}
            for name, found in form.items():
                values.setdefault(name, []).extend(found)
        return await run_in_threadpool(answer, request, values)

    return endpoint


class _Parameters:
    def __init__(self, values: Mapping[str, Sequence[str]], now_ns: int) -> None:
        self._values = values
        self.now_ns = now_ns // 10**6 * 10**6

    def text(self, name: str) -> str:
        return next(iter(self._values.get(name, ())), "")

    def texts(self, name: str) -> Sequence[str]:
        return self._values.get(name, ())

    def time_ns(self, name: str, default_ns: int) -> int:
        text = self.text(name)
        return default_ns if not text else _time_ns(name, text)

    def range_ns(self) -> tuple[int, int]:
        """The last hour where nothing else is said: finding labels reads records."""
        end_ns = self.time_ns("end", self.now_ns)
        start_ns = self.time_ns("start", end_ns - _HOUR_NS)
        if end_ns < start_ns:
            raise InvalidInput('invalid parameter "end": end timestamp must not be before start time')
        return start_ns, end_ns

    def step_ns(self) -> int:
        found = self._duration_ns("step")
        if found is None or found <= 0:
            raise InvalidInput(
                'invalid parameter "step": zero or negative query resolution step widths are not accepted. Try a '
                "positive integer"
            )
        return found

    def timeout_s(self) -> float:
        found = self._duration_ns("timeout")
        return TIMEOUT_S if found is None else min(TIMEOUT_S, found / 1e9)

    def limit(self) -> int | None:
        text = self.text("limit")
        if not text:
            return None
        if not text.isdecimal() or len(text) > 18:
            raise InvalidInput('invalid parameter "limit": limit must be a non-negative number')
        return int(text) or None

    def _duration_ns(self, name: str) -> int | None:
        from heimdall.query.languages.promql.lexer import duration_ns

        text = self.text(name)
        if not text:
            return None
        try:
            seconds = float(text)
        except ValueError:
            found = duration_ns(text)
        else:
            found = round(seconds * 1e3) * 10**6 if math.isfinite(seconds) and abs(seconds) < 2**62 / 1e9 else None
        if found is None:
            raise InvalidInput(f'invalid parameter "{name}": cannot parse "{text[:_LONGEST_TEXT]}" to a valid duration')
        return found


def _time_ns(name: str, text: str) -> int:
    from heimdall.api.loki.parameters import parse_time_ns

    try:
        number = float(text)
    except ValueError:
        try:
            return parse_time_ns(text) // 10**6 * 10**6
        except InvalidInput:
            number = math.nan
    if not math.isfinite(number) or abs(number) >= 2**62 / 1e9:
        raise InvalidInput(f'invalid parameter "{name}": cannot parse "{text[:_LONGEST_TEXT]}" to a valid timestamp')
    return round(number * 1e3) * 10**6


# ---- questions -------------------------------------------------------------------------------------------------------


def _query(service: PrometheusService, parameters: _Parameters, request: Request) -> object:
    at_ns = parameters.time_ns("time", parameters.now_ns)
    found = service.query(parameters.text("query"), at_ns, timeout_s=parameters.timeout_s())
    return {"resultType": found.kind, "result": found.result}


def _query_range(service: PrometheusService, parameters: _Parameters, request: Request) -> object:
    for name in ("start", "end"):
        if not parameters.text(name):
            raise InvalidInput(f'invalid parameter "{name}": cannot parse "" to a valid timestamp')
    start_ns, end_ns = parameters.range_ns()
    found = service.query_range(
        parameters.text("query"), start_ns, end_ns, parameters.step_ns(), timeout_s=parameters.timeout_s()
    )
    return {"resultType": found.kind, "result": found.result}


def _labels(service: PrometheusService, parameters: _Parameters, request: Request) -> object:
    return service.labels(parameters.texts("match[]"), *parameters.range_ns())[: parameters.limit()]


def _label_values(service: PrometheusService, parameters: _Parameters, request: Request) -> object:
    name = request.path_params["name"]
    return service.label_values(name, parameters.texts("match[]"), *parameters.range_ns())[: parameters.limit()]


def _series(service: PrometheusService, parameters: _Parameters, request: Request) -> object:
    selectors = parameters.texts("match[]")
    if not selectors:
        raise InvalidInput("no match[] parameter provided")
    return service.series(selectors, *parameters.range_ns())[: parameters.limit()]


def _metadata(service: PrometheusService, parameters: _Parameters, request: Request) -> object:
    return service.metadata(parameters.text("metric") or None, parameters.limit())


def _build_info(service: PrometheusService, parameters: _Parameters, request: Request) -> object:
    return {
        "version": PROMETHEUS_VERSION,
        "revision": f"heimdall-{__version__}",
        "branch": "main",
        "buildUser": "heimdall",
        "buildDate": "",
        "goVersion": f"python{platform.python_version()}",
    }

"""The node's one ASGI application: doors, queries, accounts, the node's own routes, and the pages."""

from __future__ import annotations

import itertools
import logging
import os
from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from heimdall import __version__
from heimdall.api.bounded_body import BoundedBody
from heimdall.api.doors import DOOR_PATHS
from heimdall.api.errors import error_response, status_of
from heimdall.api.fixed_paths import FixedPaths
from heimdall.errors import HeimdallError, InvalidInput, NotFound, SlowSender, TooLarge

_log = logging.getLogger(__name__)

_LONGEST_MESSAGE = 500
"""Characters of faults that are told: they repeat what was sent."""


def build_asgi(
    routers: Sequence[APIRouter], doors: Sequence[Route], faces: Sequence[BaseRoute], pages: ASGIApp
) -> ASGIApp:
    """`doors` are the routes of the ingest sources, which bound the bodies they read themselves; `faces` stand behind
    them; `pages` answers every path nothing else claims."""
    app = _Application(title="Heimdall", version=__version__, docs_url=None, redoc_url=None)
    for router in routers:
        app.include_router(router)
    own = {getattr(route, "path", "") for router in routers for route in router.routes}
    fixed = FixedPaths(door for door in doors if door.path not in own)
    app.router.routes[:] = [fixed, *app.router.routes, *doors, *faces]
    app.mount("/", pages)
    app.add_exception_handler(HeimdallError, _answer_error)
    app.add_exception_handler(RequestValidationError, _answer_validation_error)
    app.add_exception_handler(HTTPException, _answer_http_exception)
    app.add_exception_handler(Exception, _answer_error)
    return _RequestId(BoundedBody(app, except_for=fixed, except_paths=[each.path_regex for each in doors]))


class _Application(FastAPI):
    def openapi(self) -> dict[str, Any]:
        if self.openapi_schema is None:
            super().openapi()["paths"] |= DOOR_PATHS
        return super().openapi()


class _RequestId:
    """Gives every request an id, in its scope and in the header `X-Request-Id` of its answer; no answer is sniffed."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        # a count, not randomness, each time: asking the system for it gives up the interpreter lock, which takes
        # milliseconds to get back from busy workers
        self._next = itertools.count(int.from_bytes(os.urandom(15)))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = f"{next(self._next):032x}"
        scope.setdefault("state", {})["request_id"] = request_id

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.setdefault("X-Request-Id", request_id)
                headers.setdefault("X-Content-Type-Options", "nosniff")  # log text is data, whatever it looks like
            await send(message)

        await self._app(scope, receive, send_with_id)


def _request_id(request: Request) -> str:
    return str(getattr(request.state, "request_id", ""))


async def _answer_error(request: Request, exc: Exception) -> Response:
    if status_of(exc) == 500:
        _log.error("request %s %s failed", _request_id(request), request.url.path, exc_info=exc)
    return error_response(exc, _request_id(request))


async def _answer_validation_error(request: Request, exc: Exception) -> Response:
    assert isinstance(exc, RequestValidationError)
    found = exc.errors()[:5]
    extra = [fault for fault in found if fault["type"] == "extra_forbidden" and len(fault["loc"]) == 2]
    faults = [
        f"{'.'.join(map(str, fault['loc'][1:])) or 'body'}: {fault['msg']}" for fault in found if fault not in extra
    ]
    if unknown := [str(fault["loc"][1])[:40] for fault in extra]:
        faults.append(f"no parameter is called {' or '.join(unknown)}; there are {', '.join(_parameters(request))}")
    message = "; ".join(faults)[:_LONGEST_MESSAGE] + "; parameters are described in /openapi.json"
    if any(fault["loc"][:1] == ("body",) for fault in found):
        message += "; a POST sends them as one JSON object with Content-Type: application/json"
    return error_response(InvalidInput(message), _request_id(request))


def _parameters(request: Request) -> list[str]:
    """Names that the route asked for takes."""
    dependant = getattr(request.scope.get("route"), "dependant", None)
    names: list[str] = []
    for given in (*dependant.query_params, *dependant.body_params) if dependant else ():
        model = given.field_info.annotation
        if isinstance(model, type) and issubclass(model, BaseModel):
            names += [field.alias or name for name, field in model.model_fields.items()]
        else:
            names.append(given.alias)
    return names


async def _answer_http_exception(request: Request, exc: Exception) -> Response:
    assert isinstance(exc, HTTPException)
    if exc.status_code == 404:
        return error_response(
            NotFound(f"there is no {request.url.path}; routes are in /openapi.json"), _request_id(request)
        )
    kind = {413: TooLarge, 408: SlowSender}.get(exc.status_code, InvalidInput)
    hint = "; send one JSON object in UTF-8" if exc.status_code == 400 else ""
    response = error_response(kind(f"{exc.detail}{hint}"), _request_id(request))
    response.status_code = exc.status_code
    response.headers.update(exc.headers or {})
    return response

"""`/graphql`, by POST with JSON, by GET, and as a websocket.

Source: GraphQL over HTTP.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import orjson
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.websockets import WebSocket

if TYPE_CHECKING:
    from heimdall.api.graphql.answering import GraphqlService


def graphql_routes(open_service: Callable[[], GraphqlService]) -> list[BaseRoute]:
    """`open_service` gives the same service each time; it is called when somebody asks."""

    def answer(asked: dict[str, Any]) -> Response:
        status, body = open_service().answer(asked)
        return _json(status, body)

    async def endpoint(request: Request) -> Response:
        try:
            if request.method == "GET":
                asked: object = dict(request.query_params) | {
                    name: orjson.loads(request.query_params[name])
                    for name in ("variables", "extensions")
                    if request.query_params.get(name)
                }
            else:
                asked = orjson.loads(await request.body())
        except orjson.JSONDecodeError:
            return _json(400, {"errors": [{"message": 'not JSON; send {"query": "{ … }"} as application/json'}]})
        if not isinstance(asked, dict):
            return _json(400, {"errors": [{"message": "one question at a time: send an object"}]})
        return await run_in_threadpool(answer, asked)

    async def conversation(socket: WebSocket) -> None:
        from heimdall.api.graphql.subscriptions import Conversation

        await Conversation(socket, await run_in_threadpool(open_service)).serve()

    return [Route("/graphql", endpoint, methods=["GET", "POST"]), WebSocketRoute("/graphql", conversation)]


def _json(status: int, body: object) -> Response:
    text = orjson.dumps(body, option=orjson.OPT_NON_STR_KEYS)
    return Response(text, status_code=status, media_type="application/json")

"""`/loki/api/v1/tail`: matching lines over a websocket as they are stored.

The live tail chooses records by the part of the query every engine can do; the stages that are left run here, a batch
at a time. A reader that is too slow gets `dropped_entries`, never a silent loss.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

import orjson
from starlette.concurrency import run_in_threadpool
from starlette.websockets import WebSocket, WebSocketDisconnect

from heimdall.api.loki.answers import CATEGORIZE
from heimdall.api.loki.parameters import Parameters
from heimdall.clock import Clock
from heimdall.errors import HeimdallError, InvalidInput
from heimdall.model.batch import DEFAULT_TENANT
from heimdall.query.ast import Query
from heimdall.query.languages.logql import parse
from heimdall.query.languages.logql.ast import LogQuery
from heimdall.query.live import Gap, Lines, LiveTail, Subscription
from heimdall.query.logql import LokiService
from heimdall.query.logql.lines import Line, tailed
from heimdall.query.logql.push import Pushed, push
from heimdall.query.logql.reader import lines_of
from heimdall.query.logql.service import streams

_PAUSE_S = 0.1
"""Messages are sent at most ten times a second."""

_MAX_DELAY_NS = 5 * 10**9
_POLICY_VIOLATION = 1008


def tail_endpoint(service: LokiService, tail: LiveTail, clock: Clock) -> Callable[[WebSocket], Awaitable[None]]:
    async def endpoint(socket: WebSocket) -> None:
        values: dict[str, list[str]] = {}
        for name, value in socket.query_params.multi_items():
            values.setdefault(name, []).append(value)
        await _Tail(service, tail, clock, Parameters(values, clock.time_ns())).serve(socket)

    return endpoint


class _Tail:
    def __init__(self, service: LokiService, tail: LiveTail, clock: Clock, parameters: Parameters) -> None:
        self._service = service
        self._tail = tail
        self._clock = clock
        self._parameters = parameters

    async def serve(self, socket: WebSocket) -> None:
        await socket.accept()
        loop = asyncio.get_running_loop()
        news = asyncio.Event()

        def wake() -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(news.set)

        try:
            pushed, query = self._query()
            subscription = self._tail.subscribe(Query(pushed.search), DEFAULT_TENANT, wake)
        except HeimdallError as exc:
            await socket.close(_POLICY_VIOLATION, str(exc)[:120])
            return
        flags = socket.headers.get("x-loki-response-encoding-flags", "")
        sender = asyncio.ensure_future(self._send(socket, subscription, pushed, query, news, CATEGORIZE in flags))
        try:
            while True:  # readers say nothing; this is how their leaving is noticed
                await socket.receive_text()
        except WebSocketDisconnect:
            pass
        finally:
            self._tail.unsubscribe(subscription)
            sender.cancel()
            with contextlib.suppress(asyncio.CancelledError, RuntimeError, WebSocketDisconnect):
                await sender

    def _query(self) -> tuple[Pushed, LogQuery]:
        query = parse(self._parameters.text("query"))
        if not isinstance(query, LogQuery):
            raise InvalidInput("only log queries are supported here")
        if self._parameters.duration_ns("delay_for", 0) > _MAX_DELAY_NS:
            raise InvalidInput("delay_for can't be greater than 5s")
        return push(query), query

    async def _send(
        self,
        socket: WebSocket,
        subscription: Subscription,
        pushed: Pushed,
        query: LogQuery,
        news: asyncio.Event,
        categorized: bool,
    ) -> None:
        if self._parameters.text("start"):
            lines = await run_in_threadpool(self._before, query)
            if lines:
                await socket.send_text(_message(lines, [], categorized))
        while True:
            await news.wait()
            news.clear()
            lines, gaps = [], []
            for event in subscription.take():
                if isinstance(event, Gap):
                    gaps.append(event)
                else:
                    lines += await run_in_threadpool(_lines, event, pushed)
            if lines or gaps:
                await socket.send_text(_message(lines, gaps, categorized))
            await asyncio.sleep(_PAUSE_S)

    def _before(self, query: LogQuery) -> list[Line]:
        """What came before the tail began, from `start` on, oldest first."""
        asked = self._parameters.asked()
        return list(reversed(self._service.lines(query, asked, self._parameters.limit())))


def _lines(event: Lines, pushed: Pushed) -> list[Line]:
    return tailed(lines_of(event.rows, None), pushed.stages)


def _message(lines: list[Line], gaps: list[Gap], categorized: bool) -> str:
    body: dict[str, object] = {"streams": streams(lines, categorized=categorized)}
    if categorized:
        body["encodingFlags"] = [CATEGORIZE]
    if gaps:
        body["dropped_entries"] = [
            {"labels": {}, "timestamp": str(gap.start_ns), "dropped": gap.dropped} for gap in gaps
        ]
    return orjson.dumps(body).decode()

"""`GET /api/v1/tail`: matching records as server-sent events, with gaps told.

Event ids are `<bus position>.<time in ms>`; both only rise. A reader that reconnects with `Last-Event-ID` is told by
a gap event how many records it missed and in which range, and can search them.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Annotated

import orjson
from fastapi import APIRouter, Header, Query
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import StreamingResponse

from heimdall.clock import Clock
from heimdall.model.batch import DEFAULT_TENANT
from heimdall.model.timerange import format_time
from heimdall.query.languages.hql import parse
from heimdall.query.languages.registry import as_hql
from heimdall.query.live import Gap, Lines, LiveTail, Subscription
from heimdall.query.request import SearchRequest
from heimdall.query.rows import json_rows
from heimdall.query.service import QueryService

_HEARTBEAT_S = 5.0
_PAUSE_S = 0.1
"""Events are sent at most ten times a second: a browser paints no faster, and batches compress the frames' cost."""


def tail_routes(tail: LiveTail, service: QueryService, clock: Clock) -> APIRouter:
    router = APIRouter(prefix="/api/v1", tags=["query"])

    @router.get("/tail", summary="Live tail as server-sent events", response_class=StreamingResponse)
    async def watch(
        request: Request,
        q: Annotated[str, Query(description="a question without aggregating pipes; empty = `*`")] = "*",
        language: Annotated[str, Query(max_length=20, description="what `q` is written in")] = "hql",
        last_event_id: Annotated[str | None, Header()] = None,
    ) -> StreamingResponse:
        q = as_hql(q or "*", language)
        query = parse(q)
        news = asyncio.Event()
        loop = asyncio.get_running_loop()

        def wake() -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(news.set)

        subscription = tail.subscribe(query, DEFAULT_TENANT, wake)
        try:
            missed = await run_in_threadpool(_missed, service, clock, q, last_event_id)
        except BaseException:
            tail.unsubscribe(subscription)
            raise
        events = _events(request, tail, subscription, news, clock, missed)
        return StreamingResponse(events, media_type="text/event-stream", headers={"Cache-Control": "no-store"})

    return router


def _missed(service: QueryService, clock: Clock, q: str, last_event_id: str | None) -> Gap | None:
    """What a reader that comes back did not see."""
    _, _, milliseconds = (last_event_id or "").partition(".")
    if not milliseconds.isdecimal() or len(milliseconds) > 15:  # 15 digits: the year 33,658
        return None
    start_ns, end_ns = int(milliseconds) * 1_000_000 + 1, clock.time_ns()
    if start_ns >= end_ns:
        return None
    answer = service.search(SearchRequest(q=f"{q} | stats count() as dropped", start_ns=start_ns, end_ns=end_ns))
    dropped = int(answer.rows.column("dropped")[0].as_py()) if answer.rows.num_rows else 0
    return Gap(dropped, start_ns, end_ns) if dropped else None


async def _events(
    request: Request, tail: LiveTail, subscription: Subscription, news: asyncio.Event, clock: Clock, missed: Gap | None
) -> AsyncIterator[bytes]:
    try:
        yield b"retry: 2000\n\n"
        if missed is not None:
            yield _gap(missed)
        counted, beat = 0, clock.monotonic()
        while not await request.is_disconnected():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(news.wait(), _HEARTBEAT_S)
            news.clear()
            for event in subscription.take():
                yield _gap(event) if isinstance(event, Gap) else _lines(event, clock)
            elapsed_s = clock.monotonic() - beat
            if elapsed_s >= _HEARTBEAT_S:
                rate = (subscription.matched - counted) / elapsed_s
                counted, beat = subscription.matched, clock.monotonic()
                data = orjson.dumps({"time": format_time(clock.time_ns()), "rate": round(rate, 1)})
                yield b"event: heartbeat\ndata: " + data + b"\n\n"
            await asyncio.sleep(_PAUSE_S)
    finally:
        tail.unsubscribe(subscription)


def _lines(event: Lines, clock: Clock) -> bytes:
    identity = f"{event.position}.{clock.time_ns() // 1_000_000}".encode()
    return b"id: " + identity + b'\nevent: lines\ndata: {"rows":' + json_rows(event.rows) + b"}\n\n"


def _gap(gap: Gap) -> bytes:
    data = orjson.dumps({"dropped": gap.dropped, "from": format_time(gap.start_ns), "to": format_time(gap.end_ns + 1)})
    return b"event: gap\ndata: " + data + b"\n\n"

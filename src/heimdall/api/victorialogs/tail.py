"""`/select/logsql/tail`: matching logs as JSON lines as they are stored, until the reader leaves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pyarrow as pa
from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse

from heimdall.api.victorialogs.catalogue import streams_by_id
from heimdall.api.victorialogs.parameters import Parameters
from heimdall.api.victorialogs.questions import Question, question_of
from heimdall.api.victorialogs.reading import Reader
from heimdall.api.victorialogs.records import MESSAGE, STREAM, TIME, write_rows
from heimdall.clock import Clock
from heimdall.errors import InvalidInput
from heimdall.model.batch import DEFAULT_TENANT
from heimdall.model.timerange import format_time
from heimdall.query.live import Gap, LiveTail, Subscription
from heimdall.query.service import MAX_LIMIT, QueryService

_PAUSE_S = 0.1
"""Lines are sent at most ten times a second."""


async def tailed(queries: QueryService, tail: LiveTail, clock: Clock, parameters: Parameters) -> StreamingResponse:
    """`start_offset`: how far back to begin, the newest `MAX_LIMIT` logs at most. `offset` and `refresh_interval` have
    no effect: a log is sent when it is stored.

    Raises:
        As `question_of`; InvalidInput, Overloaded: it cannot be watched.
    """
    streams = streams_by_id(queries, clock, parameters)
    question = await run_in_threadpool(question_of, parameters, streams)
    if not question.is_of_records:
        raise InvalidInput("a live tail cannot group: leave out stats, top and uniq")
    news = asyncio.Event()
    loop = asyncio.get_running_loop()

    def wake() -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(news.set)

    subscription = tail.subscribe(question.query, DEFAULT_TENANT, wake)
    try:
        before = await run_in_threadpool(_before, question, queries, clock, parameters)
    except BaseException:
        tail.unsubscribe(subscription)
        raise
    return StreamingResponse(_lines(question, subscription, tail, news, before), media_type="application/stream+json")


def _before(question: Question, queries: QueryService, clock: Clock, parameters: Parameters) -> bytes:
    """What is stored already, oldest first."""
    offset_ns = parameters.duration_ns("start_offset", 0)
    if offset_ns <= 0:
        return b""
    request = replace(question.request, start_ns=parameters.now_ns - offset_ns, end_ns=parameters.now_ns)
    pages = Reader.of(queries, clock, request).pages(question.query, MAX_LIMIT)
    lines = b"".join(question.write(rows) for rows in pages).splitlines(keepends=True)
    return b"".join(reversed(lines))


async def _lines(
    question: Question, subscription: Subscription, tail: LiveTail, news: asyncio.Event, before: bytes
) -> AsyncIterator[bytes]:
    try:
        yield before
        while True:
            await news.wait()
            news.clear()
            for event in subscription.take():
                if isinstance(event, Gap):
                    yield _gap(event)
                else:
                    yield await run_in_threadpool(question.write, event.rows)
            await asyncio.sleep(_PAUSE_S)
    finally:
        tail.unsubscribe(subscription)


def _gap(gap: Gap) -> bytes:
    """The protocol has no word for it, so it is a log of its own."""
    text = f"heimdall: {gap.dropped} logs are not shown: the reader is too slow; ask for them with a query"
    return write_rows(pa.table({TIME: [format_time(gap.start_ns)], MESSAGE: [text], STREAM: ["{}"]}))

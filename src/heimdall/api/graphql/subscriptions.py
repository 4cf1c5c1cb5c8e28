"""Documents over a websocket: `subscription { tail }` gives records as they are stored, other documents one answer.

Source: the protocol `graphql-transport-ws` of the library graphql-ws. A reader that is too slow is told how many
records it missed.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson
from graphql import DocumentNode, ExecutionResult, subscribe
from starlette.concurrency import run_in_threadpool
from starlette.websockets import WebSocket, WebSocketDisconnect

from heimdall.api.graphql.resolvers import Log, Root
from heimdall.errors import InvalidInput
from heimdall.model.batch import DEFAULT_TENANT
from heimdall.query.languages.hql import parse
from heimdall.query.live import Gap, Lines, LiveTail
from heimdall.query.rows import plain_rows

if TYPE_CHECKING:
    from heimdall.api.graphql.answering import GraphqlService

PROTOCOL = "graphql-transport-ws"
INIT_WITHIN_S = 10.0
MAX_OPERATIONS = 20
"""At a time on one connection."""

_PAUSE_S = 0.1
"""Messages of a tail are sent at most ten times a second."""

_EVENT_ROWS = 500
"""Records of one message: they are written in the server's own thread."""


@dataclass(slots=True)
class TailRoot:
    """What subscriptions ask."""

    root: Root
    live: LiveTail

    async def tail(self, info: Any, q: str) -> AsyncIterator[dict[str, Any]]:
        loop = asyncio.get_running_loop()
        news = asyncio.Event()

        def wake() -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(news.set)

        subscription = self.live.subscribe(parse(q or "*"), DEFAULT_TENANT, wake)
        try:
            while True:
                await news.wait()
                news.clear()
                for event in subscription.take():
                    if isinstance(event, Gap):
                        yield {"tail": {"nodes": [], "dropped": event.dropped}}
                        continue
                    rows = await run_in_threadpool(_rows, event)
                    self.root.forget()
                    for start in range(0, len(rows), _EVENT_ROWS):
                        nodes = [Log(self.root, row) for row in rows[start : start + _EVENT_ROWS]]
                        yield {"tail": {"nodes": nodes, "dropped": 0}}
                await asyncio.sleep(_PAUSE_S)
        finally:
            self.live.unsubscribe(subscription)


def _rows(event: Lines) -> list[dict[str, Any]]:
    return list(plain_rows(event.rows))


class Conversation:
    """One websocket."""

    def __init__(self, socket: WebSocket, service: GraphqlService) -> None:
        self._socket = socket
        self._service = service
        self._running: dict[str, asyncio.Task[None]] = {}

    async def serve(self) -> None:
        if PROTOCOL not in self._socket.scope.get("subprotocols", []):
            await self._socket.close(4406, "subprotocol not acceptable")
            return
        await self._socket.accept(PROTOCOL)
        try:
            async with asyncio.timeout(INIT_WITHIN_S):
                message = await self._receive()
            if message is None or message["type"] != "connection_init":
                await self._socket.close(4401, "Unauthorized")
                return
            await self._send({"type": "connection_ack"})
            while (message := await self._receive()) is not None:
                if not await self._heard(message):
                    return
            await self._socket.close(4400, "Invalid message")
        except TimeoutError:
            await self._socket.close(4408, "Connection initialisation timeout")
        except WebSocketDisconnect:
            pass
        finally:
            running = list(self._running.values())
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)

    async def _receive(self) -> dict[str, Any] | None:
        try:
            found = orjson.loads(await self._socket.receive_text())
        except (orjson.JSONDecodeError, KeyError):
            return None
        return found if isinstance(found, dict) and isinstance(found.get("type"), str) else None

    async def _heard(self, message: Mapping[str, Any]) -> bool:
        """Whether the conversation goes on."""
        name = message.get("id")
        match message["type"]:
            case "ping":
                await self._send({"type": "pong"})
            case "pong":
                pass
            case "subscribe" if isinstance(name, str) and isinstance(message.get("payload"), dict):
                if name in self._running:
                    await self._socket.close(4409, "Subscriber for this id already exists")
                    return False
                if len(self._running) >= MAX_OPERATIONS:
                    fault = {"message": f"{MAX_OPERATIONS} operations are open on this connection already"}
                    await self._send({"id": name, "type": "error", "payload": [fault]})
                    return True
                self._running[name] = asyncio.create_task(self._run(name, message["payload"]))
            case "complete" if isinstance(name, str):
                if (task := self._running.pop(name, None)) is not None:
                    task.cancel()
            case "connection_init":
                await self._socket.close(4429, "Too many initialisation requests")
                return False
            case _:
                await self._socket.close(4400, "Invalid message")
                return False
        return True

    async def _run(self, name: str, asked: Mapping[str, Any]) -> None:
        with contextlib.suppress(WebSocketDisconnect, RuntimeError):  # gone while it was answered
            try:
                await self._answer(name, asked)
            finally:
                self._running.pop(name, None)

    async def _answer(self, name: str, asked: Mapping[str, Any]) -> None:
        document = await run_in_threadpool(self._service.subscription, asked)
        if not isinstance(document, DocumentNode):
            status, body = document
            if status == 200:
                await self._send({"id": name, "type": "next", "payload": body})
                await self._send({"id": name, "type": "complete"})
            else:
                await self._send({"id": name, "type": "error", "payload": body["errors"]})
            return
        started = subscribe(
            self._service.schema,
            document,
            self._service.tail_root(),
            variable_values=asked.get("variables") or {},
            operation_name=asked.get("operationName") or None,
        )
        found = started if isinstance(started, ExecutionResult) or hasattr(started, "__aiter__") else await started
        if isinstance(found, ExecutionResult):
            faults = [self._service.told(each) for each in found.errors or ()]
            await self._send({"id": name, "type": "error", "payload": faults})
            return
        try:
            async for each in found:
                await self._send({"id": name, "type": "next", "payload": self._service.body(each)})
        except InvalidInput as exc:
            fault = {"message": str(exc), "extensions": {"code": exc.code}}
            await self._send({"id": name, "type": "error", "payload": [fault]})
            return
        await self._send({"id": name, "type": "complete"})

    async def _send(self, message: dict[str, Any]) -> None:
        await self._socket.send_text(orjson.dumps(message, option=orjson.OPT_NON_STR_KEYS).decode())

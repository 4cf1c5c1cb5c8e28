"""A bound on the bodies of questions: size and time, before a parser sees them. Doors have bounds of their own."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Container, Sequence

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_QUESTION_BYTES = 1 << 20
"""A query text has at most 64 KiB, six times that when JSON escapes every byte; the rest is a few parameters."""

BODY_TIMEOUT_S = 30.0
"""From the head to the end of the body: a question is one packet or a few."""


class BoundedBody:
    """Refuses bodies that are too large (413) or do not come in time (408), but not those of the paths excepted."""

    def __init__(self, app: ASGIApp, except_for: Container[str], except_paths: Sequence[re.Pattern[str]]) -> None:
        self._app = app
        self._except_for = except_for
        self._except = except_paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or self._excepts(scope["path"]):
            await self._app(scope, receive, send)
            return
        size, ended = 0, False
        give_up_at = asyncio.get_running_loop().time() + BODY_TIMEOUT_S

        async def receive_within_bounds() -> Message:
            nonlocal size, ended
            if ended:  # only a disconnect is left to come, and a live tail waits for it for hours
                return await receive()
            try:
                async with asyncio.timeout_at(give_up_at):
                    message = await receive()
            except TimeoutError:
                raise HTTPException(
                    408, f"the body did not end within {BODY_TIMEOUT_S:g} s; send it in one go"
                ) from None
            size += len(message.get("body", b""))
            ended = not message.get("more_body", False)
            if size > MAX_QUESTION_BYTES:
                raise HTTPException(413, f"the body is larger than {MAX_QUESTION_BYTES} bytes; ask something shorter")
            return message

        await self._app(scope, receive_within_bounds, send)

    def _excepts(self, path: str) -> bool:
        return path in self._except_for or any(each.fullmatch(path) for each in self._except)

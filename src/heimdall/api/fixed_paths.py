"""Routes whose path has no parameter, found by a look-up.

Starlette tries its routes one after the other, which for the last of some hundreds takes longer than to receive a log.
"""

from __future__ import annotations

from collections.abc import Iterable

from starlette.routing import BaseRoute, Match, Route
from starlette.types import Receive, Scope, Send

_FOUND = "heimdall.fixed_route"


class FixedPaths(BaseRoute):
    """Stands in front of a router's routes; what it does not know, or not by this method, is left to those."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._by_path: dict[str, list[Route]] = {}
        for route in routes:
            if "{" not in route.path:
                self._by_path.setdefault(route.path, []).append(route)

    def __contains__(self, path: object) -> bool:
        return path in self._by_path

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        for route in self._by_path.get(scope["path"], ()):
            match, child_scope = route.matches(scope)
            if match is Match.FULL:
                return match, {**child_scope, _FOUND: route}
        return Match.NONE, {}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        await scope[_FOUND].handle(scope, receive, send)

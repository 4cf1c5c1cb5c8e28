"""Routes about the node itself: what it is, whether it lives, whether it is ready, what it counts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from fastapi import APIRouter
from prometheus_client import REGISTRY
from prometheus_client.openmetrics.exposition import CONTENT_TYPE_LATEST, generate_latest
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response


class NodeFacts(Protocol):
    """The node as its own pages see it."""

    def describe(self) -> dict[str, Any]:
        """The object of `GET /api/v1/node`."""

    def records_by_door(self) -> Mapping[tuple[str, str], int]:
        """(door, outcome) → records since the node began."""

    def not_ready_because(self) -> str | None:
        """None once it takes and answers."""

    def start_demo(self) -> dict[str, Any]:
        """Start the demo feed, if it is not running; its state."""


def node_routes(facts: NodeFacts) -> APIRouter:
    router = APIRouter(tags=["node"])

    @router.get("/api/v1/node", summary="Version, addresses and counts of this node")
    async def node() -> dict[str, Any]:
        return await run_in_threadpool(facts.describe)

    @router.post("/api/v1/demo", status_code=202, summary="Start the demo feed")
    async def demo() -> dict[str, Any]:
        return await run_in_threadpool(facts.start_demo)

    @router.get("/healthz", summary="200 while the process lives")
    async def health() -> dict[str, str]:
        return {"status": "ok"}

    @router.get("/readyz", summary="200 once the node takes and answers")
    async def ready() -> JSONResponse:
        reason = facts.not_ready_because()
        body = {"status": "ready"} if reason is None else {"status": "not ready", "reason": reason}
        return JSONResponse(body, status_code=200 if reason is None else 503)

    @router.get("/metrics", summary="OpenMetrics", response_class=Response)
    async def metrics() -> Response:
        text = await run_in_threadpool(generate_latest, REGISTRY)
        return Response(text, media_type=CONTENT_TYPE_LATEST)

    return router

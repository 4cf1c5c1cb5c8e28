"""The doors of a node on a bus in memory, behind the server's own error edge; nothing listens."""

from __future__ import annotations

from typing import Any

import httpx
import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response

from heimdall.api.errors import error_response
from heimdall.app.config import ServerConfig
from heimdall.app.wiring import door_routes, face_routes
from heimdall.bus.buses.memory import MemoryBus
from heimdall.clock import ManualClock
from heimdall.errors import HeimdallError
from heimdall.ingest.sources.http.door import HttpDoor, HttpIngestConfig
from heimdall.model.batch import TenantId

NOW_NS = 1_795_348_800_000_000_000


class Doors:
    """`port`: where the requests seem to come in."""

    def __init__(self, bus: Any = None, *, port: int = 7373, **config: Any) -> None:
        self.clock = ManualClock(NOW_NS)
        self.bus = bus or MemoryBus(self.clock)
        self.accepted: list[tuple[TenantId, int, int]] = []
        self.source = HttpDoor(
            self.bus, self.clock, HttpIngestConfig(**config), lambda *told: self.accepted.append(told)
        )

        async def answer(request: Request, exc: Exception) -> Response:
            return error_response(exc, "r1")

        app = Starlette(
            routes=[*door_routes(self.source), *face_routes(self.source, ServerConfig())],
            exception_handlers={HeimdallError: answer},
        )
        self.http = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=f"http://node:{port}")

    async def post(self, content: Any, path: str = "/api/v1/logs", **headers: str) -> httpx.Response:
        return await self.http.post(path, content=content, headers={k.replace("_", "-"): v for k, v in headers.items()})

    @property
    def messages(self) -> list[str]:
        return [row["message"] for row in self.rows]

    @property
    def rows(self) -> list[dict[str, Any]]:
        """What is on the bus: no nulls, attributes as an object, times in ns."""
        found = []
        for frame in self.bus.read(1, max_bytes=1 << 30):
            table = frame.batch.table
            for name in ("timestamp", "observed_timestamp"):
                table = table.set_column(table.schema.get_field_index(name), name, table[name].cast("int64"))
            for row in table.to_pylist():
                kept = {name: value for name, value in row.items() if value is not None}
                found.append(kept | {"attributes": orjson.loads(row.get("attributes") or "{}")})
        return found

"""`POST /gelf`: one GELF message a request. Errors are answered by the server's one error edge."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from heimdall.errors import InvalidInput
from heimdall.ingest.decode.decoded import Decoded, Together
from heimdall.ingest.decode.gelf import decode_gelf, decode_gelf_together, is_gelf
from heimdall.ingest.sources.http.coalesce import Joint
from heimdall.ingest.sources.http.door import HttpDoor, taking


class GelfLogs:
    """The door."""

    def __init__(self, door: HttpDoor) -> None:
        self._door = door

    @property
    def routes(self) -> list[Route]:
        """To be mounted at the root of the server."""
        return taking("/gelf", self._message)

    async def _message(self, request: Request) -> Response:
        def decode(body: bytes) -> Decoded:
            if not is_gelf(body):
                raise InvalidInput("the body is no GELF message: one JSON object, plain, gzip or zlib, up to 1 MiB")
            return decode_gelf([body], now_ns=self._door.now_ns(), schemas=self._door.schemas)

        def decode_together(bodies: list[bytes]) -> Together[Decoded]:
            return decode_gelf_together(bodies, now_ns=self._door.now_ns(), schemas=self._door.schemas)

        # the body says how it is compressed; what clients say of it in Content-Encoding is often wrong
        await self._door.take("gelf", request, decode, coding="", joint=Joint("gelf", decode_together))
        return Response(status_code=202)

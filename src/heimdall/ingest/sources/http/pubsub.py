"""`POST /gcp/pubsub`: push subscriptions of Google Cloud Pub/Sub, wrapped and unwrapped, with Cloud Logging's entries.

204 acknowledges a message; any other answer has Pub/Sub send it again, later and later.
Source: Pub/Sub documentation, "Receive messages with push", "Payload unwrapping".
"""

from __future__ import annotations

import hmac

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from heimdall.errors import Unauthenticated
from heimdall.ingest.decode.decoded import Decoded, Together
from heimdall.ingest.decode.pubsub import (
    SUBSCRIPTION_FIELD,
    TOPIC_ID_FIELD,
    Pushed,
    decode_pushed,
    decode_pushes_together,
    read_push,
)
from heimdall.ingest.sources.http.coalesce import Joint
from heimdall.ingest.sources.http.door import HttpDoor, taking

_OWN = "x-goog-pubsub-"
_UNWRAPPED = {"subscription-name": SUBSCRIPTION_FIELD, "message-id": TOPIC_ID_FIELD}


class PubSubLogs:
    """The door. Its token is `ingest.pubsub_secret`; without one, any caller is taken."""

    def __init__(self, door: HttpDoor) -> None:
        self._door = door

    @property
    def routes(self) -> list[Route]:
        """To be mounted at the root of the server."""
        return taking("/gcp/pubsub", self._push)

    async def _push(self, request: Request) -> Response:
        wanted = self._door.config.pubsub_secret
        if wanted and not hmac.compare_digest(request.query_params.get("token", "").encode(), wanted.encode()):
            raise Unauthenticated("the token in the address is not the one of ingest.pubsub_secret")
        own = {name: value for name, value in request.headers.items() if name.startswith(_OWN)}

        def decode(body: bytes) -> Decoded:
            pushed = _unwrapped(body, own) if own else read_push(body)
            return decode_pushed(pushed, now_ns=self._door.now_ns(), schemas=self._door.schemas)

        def decode_together(bodies: list[bytes]) -> Together[Decoded]:
            return decode_pushes_together(bodies, now_ns=self._door.now_ns(), schemas=self._door.schemas)

        # what is not wrapped says in headers of its own what it is
        joint = None if own else Joint("pubsub", decode_together)
        await self._door.take("pubsub", request, decode, joint=joint)
        return Response(status_code=204)


def _unwrapped(body: bytes, headers: dict[str, str]) -> Pushed:
    """The body is the data; what else there is stands in headers, if the subscription writes metadata."""
    attributes: dict[str, str] = {}
    for name, value in headers.items():
        said = name.removeprefix(_OWN)
        if said.startswith("attribute-"):
            attributes[said.removeprefix("attribute-")] = value
        elif said in _UNWRAPPED:
            attributes[_UNWRAPPED[said]] = value
    return Pushed(body, attributes, headers.get(f"{_OWN}publish-time", ""))

"""Routes by which a browser asks to be told of alerts on its desktop."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from heimdall.alerting.notifiers.push import Push
from heimdall.alerting.push.subscription import subscription_of
from heimdall.alerting.store import AlertStore
from heimdall.clock import Clock
from heimdall.errors import NotFound

if TYPE_CHECKING:
    from heimdall.alerting.push.vapid import VapidKey

_ID = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]


class KeysBody(BaseModel):
    model_config = ConfigDict(extra="forbid")

    p256dh: Annotated[str, Field(max_length=200, description="the browser's public key, base64url")]
    auth: Annotated[str, Field(max_length=100, description="its authentication secret, base64url")]


class SubscriptionBody(BaseModel):
    """What `PushSubscription.toJSON()` gives, and the channel."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    channel: Annotated[str, Field(max_length=200, description="name of a channel of kind `push`")]
    endpoint: Annotated[str, Field(description="https:// address of the browser's push service")]
    keys: KeysBody
    expiration: Annotated[float | None, Field(alias="expirationTime")] = None


def push_routes(channels: Mapping[str, Push], key: VapidKey | None, store: AlertStore, clock: Clock) -> APIRouter:
    """`key`: None where there are no such channels."""
    router = APIRouter(prefix="/api/v1", tags=["alerts"])

    @router.get("/push", summary="Channels that browsers can subscribe to, and the node's public key")
    async def offered() -> dict[str, Any]:
        public = None if key is None else await run_in_threadpool(lambda: key.public)
        return {"key": public, "channels": list(channels)}

    @router.post("/push/subscriptions", status_code=201, summary="Tell this browser of a channel's alerts")
    async def subscribe(body: SubscriptionBody) -> dict[str, Any]:
        return await run_in_threadpool(_subscribe, channels, store, body, clock.time_ns())

    @router.delete("/push/subscriptions/{subscription_id}", status_code=204, summary="Tell this browser no more")
    async def unsubscribe(subscription_id: _ID) -> Response:
        if not await run_in_threadpool(store.unsubscribe, subscription_id):
            raise NotFound(f"there is no subscription {subscription_id}")
        return Response(status_code=204)

    return router


def _subscribe(channels: Mapping[str, Push], store: AlertStore, body: SubscriptionBody, now_ns: int) -> dict[str, Any]:
    channel = channels.get(body.channel)
    if channel is None:
        known = ", ".join(channels) or "none; alerting.file has them"
        raise NotFound(f"there is no channel {body.channel[:60]} of kind push; there are {known}")
    made = subscription_of(channel.name, body.endpoint, body.keys.p256dh, body.keys.auth, now_ns)
    address = channel.address(made.endpoint)
    try:
        address.check()
    finally:
        address.close()
    store.subscribe(made)
    return {"id": made.id, "channel": made.channel}

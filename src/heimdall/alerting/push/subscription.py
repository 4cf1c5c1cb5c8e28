"""A browser that wants to be told: where its push service takes messages, and the keys they are encrypted for."""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import dataclass

from heimdall.errors import InvalidInput

MAX_SUBSCRIPTIONS = 200
"""Of a node. Each is an address that somebody else named, asked at every notification."""
_LONGEST_ENDPOINT = 2_048


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    id: str
    """Follows from channel and endpoint: the same browser again is the same subscription."""
    channel: str
    endpoint: str
    p256dh: str
    """The browser's public key, an uncompressed point of P-256 (65 bytes), in base64url."""
    auth: str
    """Its authentication secret, 16 bytes, in base64url."""
    made_ns: int


def subscription_of(channel: str, endpoint: str, p256dh: str, auth: str, made_ns: int) -> Subscription:
    """Raises InvalidInput: what a browser would never give. Whether the endpoint may be asked is checked elsewhere."""
    if len(endpoint) > _LONGEST_ENDPOINT:
        raise InvalidInput(f"endpoint is longer than {_LONGEST_ENDPOINT} characters")
    key = from_base64url(p256dh, "keys.p256dh")
    if len(key) != 65 or key[0] != 4:
        raise InvalidInput("keys.p256dh must be an uncompressed point of P-256, as PushSubscription.getKey gives it")
    if len(from_base64url(auth, "keys.auth")) != 16:
        raise InvalidInput("keys.auth must be 16 bytes, as PushSubscription.getKey gives them")
    own_id = hashlib.sha256(f"{channel}\0{endpoint}".encode()).hexdigest()[:32]
    return Subscription(id=own_id, channel=channel, endpoint=endpoint, p256dh=p256dh, auth=auth, made_ns=made_ns)


def base64url(data: bytes) -> str:
    """Without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def from_base64url(text: str, what: str) -> bytes:
    """Padded or not. Raises InvalidInput."""
    stripped = text.rstrip("=")
    try:
        return base64.b64decode(stripped + "=" * (-len(stripped) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as exc:
        raise InvalidInput(f"{what} must be base64url") from exc

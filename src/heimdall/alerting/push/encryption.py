"""Message Encryption for Web Push: only the browser that subscribed can read what its push service carries.

Sources: RFC 8291 (keys from ECDH over P-256 and the browser's authentication secret), RFC 8188 (aes128gcm: one record
behind a header of salt, record size and the sender's public key).
"""

from __future__ import annotations

import os

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from heimdall.alerting.push.subscription import Subscription, from_base64url
from heimdall.errors import InvalidInput

RECORD_SIZE = 4_096
LONGEST_PAYLOAD = 3_993
"""Bytes before encryption that fit into 4,096 after it, which every push service takes (RFC 8291, section 4)."""
_LAST_RECORD = b"\x02"


def encrypted(
    payload: bytes,
    subscription: Subscription,
    *,
    sender: ec.EllipticCurvePrivateKey | None = None,
    salt: bytes | None = None,
) -> bytes:
    """The body of a push message, with a key pair and a salt of its own (`sender`, `salt`: those of a known example).

    Raises:
        InvalidInput: the subscription's key is no point of the curve, or the payload is too long.
    """
    if len(payload) > LONGEST_PAYLOAD:
        raise InvalidInput(f"a push message holds {LONGEST_PAYLOAD} bytes, not {len(payload)}")
    browser_point = from_base64url(subscription.p256dh, "keys.p256dh")
    try:
        browser = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), browser_point)
    except ValueError as exc:
        raise InvalidInput("keys.p256dh is no point of P-256") from exc
    sender = sender or ec.generate_private_key(ec.SECP256R1())
    salt = salt or os.urandom(16)
    point = sender.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    auth = from_base64url(subscription.auth, "keys.auth")
    shared = sender.exchange(ec.ECDH(), browser)
    key_material = _derived(auth, shared, b"WebPush: info\0" + browser_point + point, 32)
    key = _derived(salt, key_material, b"Content-Encoding: aes128gcm\0", 16)
    nonce = _derived(salt, key_material, b"Content-Encoding: nonce\0", 12)
    head = salt + RECORD_SIZE.to_bytes(4, "big") + bytes([len(point)]) + point
    return head + AESGCM(key).encrypt(nonce, payload + _LAST_RECORD, None)


def _derived(salt: bytes, secret: bytes, info: bytes, size: int) -> bytes:
    return HKDF(SHA256(), size, salt, info).derive(secret)

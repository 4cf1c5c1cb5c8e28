"""The node's identity towards push services: a signing key of its own, made at first use and kept beside the alerts.

A browser subscribes for one public key; a node that lost the private one reaches none of its subscriptions any more.
Source: RFC 8292 (VAPID): a JWT (ES256) for the push service's origin, at most a day long.
"""

from __future__ import annotations

import threading
from pathlib import Path

import httpx
import orjson
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from heimdall.alerting.push.subscription import base64url
from heimdall.durable import replacing
from heimdall.errors import Misconfigured

VALID_S = 12 * 3600


class VapidKey:
    """The key in `path`. Safe from several threads."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._key: ec.EllipticCurvePrivateKey | None = None

    @property
    def public(self) -> str:
        """`applicationServerKey` of browsers: the uncompressed point in base64url. Raises Misconfigured."""
        point = self._private().public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        return base64url(point)

    def authorization(self, endpoint: str, subject: str, now_s: int) -> str:
        """Value of the header; `subject`: `mailto:` or `https:` address of whoever runs the node."""
        url = httpx.URL(endpoint)
        claims = {"aud": f"{url.scheme}://{url.netloc.decode()}", "exp": now_s + VALID_S, "sub": subject}
        signed = f"{_part({'typ': 'JWT', 'alg': 'ES256'})}.{_part(claims)}"
        r, s = decode_dss_signature(self._private().sign(signed.encode(), ec.ECDSA(SHA256())))
        signature = base64url(r.to_bytes(32, "big") + s.to_bytes(32, "big"))
        return f"vapid t={signed}.{signature}, k={self.public}"

    def _private(self) -> ec.EllipticCurvePrivateKey:
        with self._lock:
            if self._key is None:
                try:
                    self._key = _read(self._path) or _made(self._path)
                except (OSError, ValueError, TypeError) as exc:
                    raise Misconfigured(
                        f"the key of browser push in {self._path} cannot be used ({exc}); restore it, or delete it to "
                        "begin anew: every browser then has to subscribe again"
                    ) from exc
            return self._key


def _read(path: Path) -> ec.EllipticCurvePrivateKey | None:
    if not path.exists():
        return None
    key = load_pem_private_key(path.read_bytes(), password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise ValueError("it is no key of P-256")
    return key


def _made(path: Path) -> ec.EllipticCurvePrivateKey:
    """A new key, on disk before anybody subscribes for it; nobody else may read the file at any moment."""
    key = ec.generate_private_key(ec.SECP256R1())
    text = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path, private=True) as file:
        file.write(text)
    return key


def _part(value: object) -> str:
    return base64url(orjson.dumps(value))

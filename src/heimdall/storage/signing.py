"""AWS Signature Version 4 for one request to S3 (AWS General Reference, "Signature Version 4 signing process")."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import quote, urlsplit


def signed_headers(
    method: str,
    url: str,
    body: bytes,
    *,
    headers: Mapping[str, str],
    query: Mapping[str, str],
    region: str,
    access_key_id: str,
    secret_access_key: str,
    time_ns: int,
) -> dict[str, str]:
    """`headers` and those that prove who asks. `url` has no query; `query` are its parameters."""
    moment = datetime.fromtimestamp(time_ns // 10**9, UTC)
    stamp, date = f"{moment:%Y%m%dT%H%M%SZ}", f"{moment:%Y%m%d}"
    parts = urlsplit(url)
    digest = hashlib.sha256(body).hexdigest()
    named = {name.lower(): value.strip() for name, value in headers.items()}
    named |= {"host": parts.netloc, "x-amz-date": stamp, "x-amz-content-sha256": digest}
    names = ";".join(sorted(named))
    request = "\n".join(
        [
            method,
            parts.path or "/",
            "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in sorted(query.items())),
            *(f"{name}:{named[name]}" for name in sorted(named)),
            "",
            names,
            digest,
        ]
    )
    scope = f"{date}/{region}/s3/aws4_request"
    text = "\n".join(["AWS4-HMAC-SHA256", stamp, scope, hashlib.sha256(request.encode()).hexdigest()])
    key = f"AWS4{secret_access_key}".encode()
    for part in (date, region, "s3", "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.digest(key, text.encode(), "sha256").hex()
    named["authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={access_key_id}/{scope}, SignedHeaders={names}, Signature={signature}"
    )
    return named

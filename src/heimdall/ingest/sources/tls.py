"""TLS of listening sources."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path

from heimdall.errors import Misconfigured


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsConfig:
    certificate: Path | None = None
    """PEM file with the certificate chain: TLS is then taken on the same ports, beside plain TCP."""
    key: Path | None = None
    """PEM file with the certificate's key."""
    client_authority: Path | None = None
    """PEM file of the authorities that sign clients' certificates; TLS without one is refused."""
    only: bool = False
    """Refuse plain TCP, and take no datagrams."""

    def __post_init__(self) -> None:
        if (self.certificate is None) != (self.key is None):
            raise ValueError("certificate and key belong together")
        if (self.only or self.client_authority is not None) and self.certificate is None:
            raise ValueError("only and client_authority need a certificate and its key")


def tls_context(config: TlsConfig) -> ssl.SSLContext | None:
    """TLS 1.2 and newer with the library's own choice of ciphers; None without a certificate.

    Raises:
        Misconfigured: naming the file that cannot be used.
    """
    if config.certificate is None or config.key is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(config.certificate, config.key)
        if config.client_authority is not None:
            context.load_verify_locations(config.client_authority)
            context.verify_mode = ssl.CERT_REQUIRED
    except (OSError, ssl.SSLError) as exc:
        raise Misconfigured(
            f"TLS with certificate {config.certificate} and key {config.key} cannot be set up: {exc}"
        ) from exc
    return context

"""How this node reaches a Kafka cluster: addresses, TLS, SASL, and the driver, which is an optional extra."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

from heimdall.errors import Misconfigured, MissingExtra

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class KafkaSecurityConfig:
    protocol: Literal["plaintext", "ssl", "sasl_plaintext", "sasl_ssl"] = "plaintext"
    """How brokers are spoken to: `ssl` = TLS, `sasl_…` = with a login."""
    mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "PLAIN"
    """How the login is made."""
    username: str = ""
    """Name of the login."""
    secret: str = ""
    """Password of the login; best given as an environment variable."""
    authority: Path | None = None
    """PEM file of the authorities that sign brokers' certificates; none = those the system trusts."""
    certificate: Path | None = None
    """PEM file of this node's own certificate, for brokers that ask for one."""
    key: Path | None = None
    """PEM file of that certificate's key."""

    def __post_init__(self) -> None:
        if (self.certificate is None) != (self.key is None):
            raise ValueError("certificate and key belong together")
        if self.protocol.startswith("sasl") and not self.username:
            raise ValueError(f"protocol {self.protocol} needs a username and a secret")


def driver() -> ModuleType:
    """`confluent_kafka`.

    Raises:
        MissingExtra: it is not installed.
    """
    try:
        import confluent_kafka  # noqa: PLC0415  (an extra)
    except ImportError as exc:
        raise MissingExtra("confluent-kafka", "kafka") from exc
    return confluent_kafka


def client_settings(brokers: Sequence[str], security: KafkaSecurityConfig) -> dict[str, Any]:
    """What every client of a cluster is made with; what the driver has to say goes to our log."""
    settings: dict[str, Any] = {
        "bootstrap.servers": ",".join(brokers),
        "client.id": "heimdall",
        "security.protocol": security.protocol,
        "reconnect.backoff.max.ms": 1000,
        "logger": _LOG,
        "error_cb": _note_error,
    }
    if security.protocol.startswith("sasl"):
        settings |= {
            "sasl.mechanism": security.mechanism,
            "sasl.username": security.username,
            "sasl.password": security.secret,
        }
    files = {
        "ssl.ca.location": security.authority,
        "ssl.certificate.location": security.certificate,
        "ssl.key.location": security.key,
    }
    return settings | {name: str(path) for name, path in files.items() if path is not None}


def misconfigured(what: str, exc: Exception) -> Misconfigured:
    """For a client the driver would not make: a setting is wrong, or a file of it cannot be read."""
    return Misconfigured(f"{what}: {exc}")


def _note_error(error: Any) -> None:
    _LOG.warning("kafka: %s", error)

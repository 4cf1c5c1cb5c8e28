"""The `Source` port: a door that listens, or subscribes, by itself beside the HTTP server."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol


@dataclass(frozen=True, slots=True)
class Address:
    """Where a source can be reached."""

    transport: Literal["tcp", "udp"]
    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.transport}://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"


class Source(Protocol):
    """Takes records from its senders and puts them onto the bus, from threads of its own.

    Memory is bounded whatever the senders do: a source that cannot place more stops reading (and where its protocol
    has no such thing, as UDP, drops and counts). Where the protocol acknowledges, the acknowledgement follows the
    bus's durable future. Records are counted in `heimdall_ingest_records` under the source's `name`.
    """

    name: str

    def start(self) -> None:
        """Open what it listens on, and return. A port that is taken is named in the log and skipped. Called once.

        Raises:
            Misconfigured, MissingExtra: an operator has to change something first.
        """

    @property
    def addresses(self) -> tuple[Address, ...]:
        """What is listened on, after `start`; empty when every port was taken."""

    def stop(self) -> None:
        """Take nothing more, and return when what was taken is on the bus. Called once, before the bus closes."""

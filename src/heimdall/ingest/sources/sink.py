"""Where a reader of lines hands them on: `Sink`, and the one that writes to this process's own bus."""

from __future__ import annotations

import logging
import threading
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Protocol

from heimdall.bus.port import Bus, ProducerKey
from heimdall.clock import Clock
from heimdall.errors import BusUnavailable, InvalidInput, Overloaded, Refused, Unavailable
from heimdall.ingest.decode.hints import NO_HINTS, Hints
from heimdall.ingest.decode.lines import lines_of
from heimdall.ingest.decode.text import Cut, decode_lines
from heimdall.model.batch import DEFAULT_TENANT, LogBatch, TenantId

_LOG = logging.getLogger(__name__)

_ACKNOWLEDGED_WITHIN_S = 60.0
"""A journal that takes longer than this for one batch has stopped; the chunk is sent again under the same key."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Whole records of one stream, in the order they were written."""

    data: bytes
    """Lines, each ended by a newline (the last one may not be)."""
    key: ProducerKey
    """The same for the same bytes, also after a restart; rises along a stream."""
    path: str
    cut: tuple[Cut, ...] = ()


class Sink(Protocol):
    """Keeps chunks durably. Called by one thread per stream."""

    def send(self, chunk: Chunk) -> None:
        """Return once the records are durable. A chunk whose key was kept before is not kept twice.

        Raises:
            Overloaded, Unavailable: unknown or not kept; send the same chunk again.
            InvalidInput, Refused: can never be kept.
        """


class Outcome(Enum):
    KEPT = auto()
    REFUSED = auto()
    STOPPED = auto()


def send_until_kept(sink: Sink, chunk: Chunk, stop: threading.Event) -> Outcome:
    """Send again while the receiver is busy or away. STOPPED: told to stop before it was known to be kept."""
    while True:
        try:
            sink.send(chunk)
        except (Overloaded, Unavailable) as exc:
            _LOG.debug("%s: sent again in %.2f s: %s", chunk.path, exc.retry_after_s, exc)
            if stop.wait(exc.retry_after_s):
                return Outcome.STOPPED
        except (InvalidInput, Refused) as exc:
            _LOG.error("%s up to byte %d was refused and passed over: %s", chunk.path, chunk.key.sequence, exc)
            return Outcome.REFUSED
        else:
            return Outcome.KEPT


@dataclass(frozen=True, slots=True)
class BusSink:
    """Decodes here and appends to `bus`."""

    bus: Bus
    clock: Clock
    tenant: TenantId = DEFAULT_TENANT
    hints: Hints = field(default=NO_HINTS)
    zone: str = "UTC"
    service: str | None = None

    def send(self, chunk: Chunk) -> None:
        decoded = decode_lines(
            lines_of(chunk.data),
            now_ns=self.clock.time_ns(),
            hints=self.hints,
            zone=self.zone,
            service=self.service,
            cut=chunk.cut,
        )
        if not decoded.num_rows:
            return
        future = self.bus.append(LogBatch(self.tenant, decoded.table), producer=chunk.key)
        try:
            future.result(timeout=_ACKNOWLEDGED_WITHIN_S)
        except FutureTimeout as exc:
            raise BusUnavailable(f"the bus did not acknowledge in {_ACKNOWLEDGED_WITHIN_S:.0f} s") from exc

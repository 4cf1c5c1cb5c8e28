"""What every door does with a body once it is here: decode it, put the records onto the bus, and count."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Generic, TypeVar

import pyarrow as pa
from prometheus_client import Counter, Histogram

from heimdall.bus.port import Bus, ProducerKey
from heimdall.clock import Clock
from heimdall.errors import HeimdallError
from heimdall.ingest.decode.decoded import Decoded
from heimdall.ingest.decode.json_schema import SchemaMemory
from heimdall.ingest.decompress import decompress
from heimdall.ingest.sources.budget import ByteBudget, Lease
from heimdall.model.batch import DEFAULT_TENANT, LogBatch, TenantId

RECORDS = Counter("heimdall_ingest_records", "Records a door took or refused.", ["door", "outcome"])
BYTES = Counter("heimdall_ingest_bytes", "Decoded bytes of requests a door answered with success.", ["door"])
REFUSED = Counter("heimdall_ingest_refused_requests", "Requests refused as a whole, by error code.", ["door", "code"])
SECONDS = Histogram("heimdall_ingest_request_seconds", "From the request's head to its answer.", ["door"])

D = TypeVar("D", bound=Decoded)


@dataclass(frozen=True, slots=True)
class Taken(Generic[D]):
    """A decoded body on its way to the disk."""

    decoded: D
    size_bytes: int
    durable: Future[int] | None
    """Resolved once the records are on the disk; None when there are none."""


class Intake:
    """Shared by the doors of a node: one bus, one bound on bytes in flight, one memory of what senders' fields are.

    `on_accept(tenant, accepted, size_bytes)` is called once the records are durable.
    """

    def __init__(
        self,
        bus: Bus,
        clock: Clock,
        *,
        max_body_bytes: int,
        max_in_flight_bytes: int,
        on_accept: Callable[[TenantId, int, int], None] | None = None,
    ) -> None:
        self.clock = clock
        self.budget = ByteBudget(max_in_flight_bytes)
        self.schemas = SchemaMemory()
        self.max_body_bytes = max_body_bytes
        self._bus = bus
        self._on_accept = on_accept or (lambda tenant, accepted, size_bytes: None)

    def take(
        self,
        wire: bytes,
        coding: str,
        decode: Callable[[bytes], D],
        lease: Lease,
        producer: ProducerKey | None = None,
    ) -> Taken[D]:
        """In a worker thread; the GIL is free while columns are parsed and compressed."""
        body = self.decompressed(wire, coding, lease)
        decoded = decode(body)
        return Taken(decoded, len(body), self.append(decoded.table, producer))

    def decompressed(self, wire: bytes, coding: str, lease: Lease) -> bytes:
        """The body; what it grew by is held by `lease` as well."""
        return decompress(wire, coding, max_bytes=self.max_body_bytes, on_growth=lease.grow)

    def append(self, table: pa.Table, producer: ProducerKey | None = None) -> Future[int] | None:
        """Resolved once the records are on the disk; None when there are none."""
        return self._bus.append(LogBatch(DEFAULT_TENANT, table), producer=producer) if table.num_rows else None

    @contextmanager
    def refusals(self, door: str) -> Iterator[None]:
        """Times what happens inside, and counts the error that ends it."""
        started = self.clock.monotonic()
        try:
            yield
        except HeimdallError as exc:
            REFUSED.labels(door, exc.code).inc()
            raise
        finally:
            SECONDS.labels(door).observe(self.clock.monotonic() - started)

    def accepted(self, door: str, taken: Taken[D]) -> D:
        """Count what is durable now."""
        accepted = taken.decoded.num_rows
        RECORDS.labels(door, "accepted").inc(accepted)
        RECORDS.labels(door, "rejected").inc(taken.decoded.rejected_count)
        BYTES.labels(door).inc(taken.size_bytes)
        self._on_accept(DEFAULT_TENANT, accepted, taken.size_bytes)
        return taken.decoded

"""What a message of the bus says about its batch, in headers: readers count records without opening the batch."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from heimdall.bus.port import ProducerKey

HEADER = "heimdall.batch"
TENANT = "heimdall.tenant"

_VERSION = 1
_FIXED = struct.Struct("<BIQq")
_PRODUCER = struct.Struct("<16sqq")


@dataclass(frozen=True, slots=True)
class Stamp:
    count: int
    """Records."""
    decoded_bytes: int
    """Of the batch as columns in memory."""
    accepted_at_ns: int
    tenant: str
    producer: ProducerKey | None

    def headers(self) -> list[tuple[str, bytes]]:
        fixed = _FIXED.pack(_VERSION, self.count, self.decoded_bytes, self.accepted_at_ns)
        producer = b"" if self.producer is None else _PRODUCER.pack(*self.producer)
        return [(HEADER, fixed + producer), (TENANT, self.tenant.encode())]


def stamp_of(headers: Sequence[tuple[str, bytes | None]] | None) -> Stamp | None:
    """None: the message is none of ours."""
    found = dict(headers or ())
    raw, tenant = found.get(HEADER), found.get(TENANT)
    if raw is None or tenant is None or len(raw) not in (_FIXED.size, _FIXED.size + _PRODUCER.size):
        return None
    version, count, decoded_bytes, accepted_at_ns = _FIXED.unpack_from(raw)
    if version != _VERSION or not count:
        return None
    producer = ProducerKey(*_PRODUCER.unpack_from(raw, _FIXED.size)) if len(raw) > _FIXED.size else None
    return Stamp(count, decoded_bytes, accepted_at_ns, tenant.decode("utf-8", "replace"), producer)

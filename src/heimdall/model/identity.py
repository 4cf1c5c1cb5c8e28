"""A record's id: UUIDv7 made of its timestamp and its place on the bus.

Layout (RFC 9562 §5.7, counters in place of random bits as §6.2 allows):

    48 bits  timestamp in ms since 1970 (negative times count as 0)
     4 bits  version 7
    12 bits  fraction of the millisecond, ns // 245 (0..4080)
     2 bits  variant 2
    62 bits  bus position

Deterministic: a replayed span gives every record the id it had before.
"""

from __future__ import annotations

import uuid

_POSITION_BITS = 62
_POSITION_MASK = (1 << _POSITION_BITS) - 1


def record_id(timestamp_ns: int, position: int) -> uuid.UUID:
    timestamp_ns = max(timestamp_ns, 0)
    milliseconds, rest_ns = divmod(timestamp_ns, 1_000_000)
    high = (milliseconds & ((1 << 48) - 1)) << 16 | 0x7000 | rest_ns // 245
    low = 0b10 << _POSITION_BITS | position & _POSITION_MASK
    return uuid.UUID(int=high << 64 | low)


def position_of(identity: uuid.UUID) -> int:
    """Bus position that `record_id` put into an id."""
    return identity.int & _POSITION_MASK


def timestamp_ms_of(identity: uuid.UUID) -> int:
    """Milliseconds since 1970 of the record an id names."""
    return identity.int >> 80

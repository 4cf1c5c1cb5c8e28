"""What an operator may set about Kafka as the bus."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from heimdall.bus.buses.kafka.connection import KafkaSecurityConfig

_MIB = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class KafkaBusConfig:
    group: str = "heimdall-bus"
    """Under this group the offset is committed before which everything is stored: what tools show as the lag."""
    partitions: int = 1
    """Of the topic, where this node makes it."""
    replication_factor: int = -1
    """Of the topic, where this node makes it; -1 = what the brokers do by default. 3 is usual."""
    acknowledged_within_s: float = 30.0
    """A batch the brokers have not acknowledged by then is answered with 503. Brokers that restart need some of it."""
    max_waiting_bytes: int = 64 * _MIB
    """Encoded batches that may wait for the brokers, bytes. Beyond it appends raise `Overloaded`. Bounds memory."""
    max_batch_bytes: int = 64 * _MIB
    """Largest batch taken, bytes as Arrow columns in memory. Larger ones raise `TooLarge`."""
    max_message_bytes: int = 32 * _MIB
    """Largest batch taken, bytes encoded; `max.message.bytes` of the topic where this node makes it."""
    recent_bytes: int = 32 * _MIB
    """Newest encoded batches that stay in memory until they are stored, bytes: who keeps up fetches none again."""
    delete_stored: bool = True
    """Delete from the topic what is stored, as the journal does. Turn it off where others read the topic too; it then
    needs a retention of its own."""
    compression: Literal["lz4", "zstd", "none"] = "lz4"
    """Of the columns. zstd costs more time and less network and disk."""
    security: KafkaSecurityConfig = field(default_factory=KafkaSecurityConfig)

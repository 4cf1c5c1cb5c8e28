"""Apache Kafka as the bus: `KafkaBus` on one partition of a topic. `connection` is shared with the source."""

from heimdall.bus.buses.kafka.bus import KafkaBus
from heimdall.bus.buses.kafka.config import KafkaBusConfig

__all__ = ["KafkaBus", "KafkaBusConfig"]

"""The topic behind the bus: made when it is not there, and looked at when it is."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from typing import Any

from heimdall.bus.buses.kafka.config import KafkaBusConfig
from heimdall.errors import BusUnavailable, Misconfigured

_LOG = logging.getLogger(__name__)

_ASK_WITHIN_S = 30.0
_KNOWN_WITHIN_TRIES, _TRY_AGAIN_S = 50, 0.1


@dataclass(frozen=True, slots=True)
class Topic:
    id: str
    """The brokers' own: a topic that was deleted and made anew has another one."""
    max_message_bytes: int


def open_topic(admin: Any, name: str, partition: int, config: KafkaBusConfig) -> Topic:
    """
    Raises:
        BusUnavailable: the brokers did not answer; trying again is safe.
        Misconfigured: the topic has no such partition, or loses records by its own settings.
    """
    from confluent_kafka import KafkaException  # noqa: PLC0415  (an extra)

    try:
        if name not in admin.list_topics(timeout=_ASK_WITHIN_S).topics:
            _make(admin, name, max(partition + 1, config.partitions), config)
        found = _described(admin, name)
        settings = _settings(admin, name)
    except KafkaException as exc:
        raise BusUnavailable(f"kafka topic {name} cannot be opened: {exc}") from exc
    if partition >= len(found.partitions):
        raise Misconfigured(f"bus.url: topic {name} has {len(found.partitions)} partitions, none is number {partition}")
    if "compact" in settings.get("cleanup.policy", ""):
        raise Misconfigured(f"bus.url: topic {name} is compacted, which would lose batches; use another topic")
    if settings.get("retention.ms") != "-1" or settings.get("retention.bytes") != "-1":
        _LOG.warning(
            "kafka: topic %s deletes by age or size whether records are stored or not; set retention.ms and "
            "retention.bytes to -1", name,
        )  # fmt: skip
    return Topic(str(found.topic_id), int(settings.get("max.message.bytes", 1_048_588)))


def _described(admin: Any, name: str) -> Any:
    """Brokers tell one another of a new topic within moments, and know nothing of it until then."""
    from confluent_kafka import KafkaError, KafkaException, TopicCollection  # noqa: PLC0415

    for _ in range(_KNOWN_WITHIN_TRIES):
        try:
            return admin.describe_topics(TopicCollection([name]), request_timeout=_ASK_WITHIN_S)[name].result()
        except KafkaException as exc:
            if exc.args[0].code() != KafkaError.UNKNOWN_TOPIC_OR_PART:
                raise
            time.sleep(_TRY_AGAIN_S)
    return admin.describe_topics(TopicCollection([name]), request_timeout=_ASK_WITHIN_S)[name].result()


def _make(admin: Any, name: str, partitions: int, config: KafkaBusConfig) -> None:
    from confluent_kafka import KafkaError, KafkaException  # noqa: PLC0415  (an extra)
    from confluent_kafka.cimpl import NewTopic  # noqa: PLC0415

    settings = {
        "cleanup.policy": "delete",
        "retention.ms": "-1",
        "retention.bytes": "-1",
        "max.message.bytes": str(config.max_message_bytes + (1 << 16)),
    }
    wanted = NewTopic(name, partitions, config.replication_factor, config=settings)
    try:
        admin.create_topics([wanted], request_timeout=_ASK_WITHIN_S)[name].result()
    except KafkaException as exc:
        if exc.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:  # another node was first
            raise


def _settings(admin: Any, name: str) -> dict[str, str]:
    from confluent_kafka.admin import ConfigResource, ResourceType  # type: ignore[attr-defined]  # noqa: PLC0415

    resource = ConfigResource(ResourceType.TOPIC, name)
    described = admin.describe_configs([resource], request_timeout=_ASK_WITHIN_S)[resource].result()
    return {key: entry.value or "" for key, entry in described.items()}

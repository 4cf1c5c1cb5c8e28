"""Sources that listen by themselves, from their settings."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from heimdall.bus.port import Bus
from heimdall.bus.registry import SchemaRegistry
from heimdall.clock import Clock
from heimdall.errors import MissingExtra
from heimdall.ingest.port import Source
from heimdall.ingest.sources.forward import ForwardConfig, ForwardSource
from heimdall.ingest.sources.gelf import GelfConfig, GelfSource
from heimdall.ingest.sources.kafka import KafkaConfig, KafkaSource
from heimdall.ingest.sources.mqtt import MqttConfig, MqttSource
from heimdall.ingest.sources.syslog import SyslogConfig, SyslogSource

if TYPE_CHECKING:
    from heimdall.ingest.sources.registered_schemas import RegisteredSchemas


@dataclass(frozen=True, slots=True, kw_only=True)
class SourcesConfig:
    syslog: SyslogConfig = field(default_factory=SyslogConfig)
    forward: ForwardConfig = field(default_factory=ForwardConfig)
    gelf: GelfConfig = field(default_factory=GelfConfig)
    kafka: KafkaConfig = field(default_factory=KafkaConfig)
    mqtt: MqttConfig = field(default_factory=MqttConfig)


def open_sources(
    config: SourcesConfig, bus: Bus, clock: Clock, *, default_host: str, schemas: SchemaRegistry
) -> tuple[Source, ...]:
    """Those that are turned on; `start` makes them listen. `default_host`: for those whose settings name no address.
    `schemas`: this node's own registry.

    Raises:
        MissingExtra: what one of them needs is not installed.
    """
    sources: list[Source] = []
    if config.syslog.ports:
        sources.append(SyslogSource(bus, clock, replace(config.syslog, host=config.syslog.host or default_host)))
    if config.forward.ports:
        sources.append(ForwardSource(bus, clock, replace(config.forward, host=config.forward.host or default_host)))
    if config.gelf.ports:
        sources.append(GelfSource(bus, clock, replace(config.gelf, host=config.gelf.host or default_host)))
    if config.kafka.topics:
        sources.append(KafkaSource(bus, clock, config.kafka, _registered(config.kafka, schemas, clock)))
    if config.mqtt.topics:
        sources.append(MqttSource(bus, clock, config.mqtt))
    return tuple(sources)


def _registered(config: KafkaConfig, own: SchemaRegistry, clock: Clock) -> RegisteredSchemas | None:
    if not config.registry:
        return None
    try:
        from heimdall.ingest.sources.registered_schemas import OutsideSchemas, OwnSchemas  # noqa: PLC0415  (an extra)
    except ImportError as exc:
        raise MissingExtra("fastavro", "kafka") from exc
    if config.registry == "own":
        return OwnSchemas(own)
    return OutsideSchemas(config.registry, clock, username=config.registry_username, secret=config.registry_secret)

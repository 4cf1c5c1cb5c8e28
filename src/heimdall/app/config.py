"""The whole node's configuration: one frozen dataclass per package, composed here."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from heimdall.alerting.config import AlertingConfig
from heimdall.alerting.mitigation.playbook import read_playbook
from heimdall.alerting.routing import read_routing
from heimdall.app.settings import load
from heimdall.bus.buses.journal import JournalConfig
from heimdall.bus.buses.kafka import KafkaBusConfig
from heimdall.bus.opening import SCHEMES as BUS_SCHEMES
from heimdall.errors import Misconfigured
from heimdall.ingest.sources.http.door import HttpIngestConfig
from heimdall.ingest.sources.opening import SourcesConfig
from heimdall.insight.similarity.meaning import InsightConfig, check_embeddings
from heimdall.pipeline.config import PipelineConfig
from heimdall.pipeline.stages.detect import DetectConfig
from heimdall.query.cache.opening import check_cache
from heimdall.query.service import QueryConfig
from heimdall.storage.config import StorageConfig
from heimdall.storage.objects import SCHEMES as STORE_SCHEMES
from heimdall.storage.opening import SCHEMES as ENGINE_SCHEMES


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerConfig:
    host: str = "127.0.0.1"
    """Address to listen on. The default serves this machine only; `0.0.0.0` serves the network, without a login."""
    port: int = 7373
    """Main port: pages, API and doors. 0 takes a free one."""
    alias_ports: tuple[int, ...] = (3100, 4317, 4318, 8088, 9200, 9428)
    """Further ports, where senders expect them (3100 Loki, 4317 OTLP/gRPC, 4318 OTLP/HTTP, 8088 Splunk HEC,
    9200 Elasticsearch, 9428 VictoriaLogs). One that is taken is skipped."""
    elasticsearch_port: int = 9200
    """The alias port whose root answers like Elasticsearch instead of showing the pages."""
    otlp_grpc_port: int = 4317
    """The alias port that speaks gRPC instead of HTTP."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BusConfig:
    url: str = "journal://"
    """Where accepted records are made durable. `journal://` = the `journal` folder below `data`;
    `journal:///dir` = another folder, best on the most durable disk; `kafka://host:port,host:port/topic` = a topic of a
    Kafka cluster, `…/topic?partition=1` = another partition than 0, for each of several nodes its own."""
    journal: JournalConfig = field(default_factory=JournalConfig)
    kafka: KafkaBusConfig = field(default_factory=KafkaBusConfig)


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeConfig:
    data: Path = Path("heimdall-data")
    """Folder for everything the node keeps. One node per folder."""
    server: ServerConfig = field(default_factory=ServerConfig)
    ingest: HttpIngestConfig = field(default_factory=HttpIngestConfig)
    sources: SourcesConfig = field(default_factory=SourcesConfig)
    bus: BusConfig = field(default_factory=BusConfig)
    pipeline: PipelineConfig = field(default_factory=PipelineConfig)
    detect: DetectConfig = field(default_factory=DetectConfig)
    alerting: AlertingConfig = field(default_factory=AlertingConfig)
    storage: StorageConfig = field(default_factory=StorageConfig)
    query: QueryConfig = field(default_factory=QueryConfig)
    insight: InsightConfig = field(default_factory=InsightConfig)


def load_config(
    file: Path | None, flags: Mapping[str, object], environment: Mapping[str, str] = os.environ
) -> NodeConfig:
    """Defaults, then `file`, then `HEIMDALL_…`, then flags.

    Raises:
        Misconfigured: with the key, and the nearest known one when it is unknown.
    """
    settings = {name: value for name, value in environment.items() if name not in _NOT_SETTINGS}
    return load(NodeConfig, file, settings, flags)


def check_config(config: NodeConfig) -> None:
    """Everything start-up would refuse, without starting.

    Raises:
        Misconfigured: naming the setting.
    """
    for name, url, schemes in (
        ("bus.url", config.bus.url, BUS_SCHEMES),
        ("storage.url", config.storage.url, ENGINE_SCHEMES),
        ("storage.cold_url", config.storage.cold_url, STORE_SCHEMES),
    ):
        scheme = url.partition("://")[0]
        if scheme not in schemes:
            raise Misconfigured(f"setting {name}: no adapter for {scheme}://; there are: {', '.join(sorted(schemes))}")
    check_cache(config.query.cache)
    check_embeddings(config.insight.embeddings)
    read_routing(config.alerting.file)
    read_playbook(config.alerting.actions)
    check_ports(config)
    config.storage.schedule()


def check_ports(config: NodeConfig) -> None:
    """
    Raises:
        Misconfigured: naming the setting that has a number that is no port.
    """
    sources = config.sources
    for name, ports in (
        ("server.port", (config.server.port,)),
        ("server.alias_ports", config.server.alias_ports),
        ("sources.syslog.ports", sources.syslog.ports),
        ("sources.forward.ports", sources.forward.ports),
        ("sources.gelf.ports", sources.gelf.ports),
    ):
        for port in ports:
            if not 0 <= port <= 65535:
                raise Misconfigured(f"setting {name}: {port} is not a port; use 0 to 65535")


_NOT_SETTINGS = frozenset({"HEIMDALL_URL", "HEIMDALL_ACTIONS_TOKEN"})
"""Variables that commands read for themselves."""

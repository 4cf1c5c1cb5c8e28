"""How the parts become a node: the product, read on one screen."""

from __future__ import annotations

from collections.abc import Callable

from starlette.routing import Route
from starlette.types import ASGIApp

from heimdall.api.accounts import account_routes
from heimdall.api.asgi import build_asgi
from heimdall.api.findings import finding_routes
from heimdall.api.loki import loki_routes
from heimdall.api.node import node_routes
from heimdall.api.queries import query_routes
from heimdall.api.static_files import StaticUi
from heimdall.api.tail import tail_routes
from heimdall.app.config import NodeConfig, ServerConfig
from heimdall.app.node import Feed, Node, Parts
from heimdall.bus.opening import open_bus
from heimdall.clock import Clock
from heimdall.ingest.sources.http.datadog import DatadogLogs
from heimdall.ingest.sources.http.door import HttpDoor, on_port
from heimdall.ingest.sources.http.elasticsearch import ElasticsearchLogs
from heimdall.ingest.sources.http.json import JsonLogs
from heimdall.ingest.sources.http.loki import LokiLogs
from heimdall.ingest.sources.http.otlp import OtlpLogs
from heimdall.ingest.sources.http.splunk import SplunkLogs
from heimdall.ingest.sources.opening import open_sources
from heimdall.ingest.sources.otlp_grpc import OtlpGrpc
from heimdall.ingest.sources.uploads import UploadSource
from heimdall.insight.feedback import Feedback
from heimdall.insight.store import FindingStore
from heimdall.pipeline.runners.embedded import EmbeddedRunner
from heimdall.pipeline.stages.detect import DetectStage
from heimdall.pipeline.stages.template.stage import TemplateStage
from heimdall.query.cache import open_cache
from heimdall.query.cached import CachedQueryService
from heimdall.query.live import LiveTail
from heimdall.query.logql import LokiService
from heimdall.storage.catalogue import Catalogue
from heimdall.storage.engine import Engine
from heimdall.storage.mover import Mover
from heimdall.storage.tiers import Tiers


def build_parts(config: NodeConfig, clock: Clock, storage: tuple[Engine, Catalogue]) -> Parts:
    """Open everything below `config.data` in front of storage, which `open_tiers` opened already.

    Raises:
        Misconfigured: a URL no engine or bus answers to.
    """
    bus = open_bus(config.bus.url, clock, default_directory=config.data / "journal", journal=config.bus.journal)
    schedule = config.storage.schedule()
    engine, catalogue = storage
    templates = TemplateStage()
    findings = FindingStore(config.data / "insight" / "findings.db")
    feedback = Feedback(findings.opinions())
    detection = DetectStage(findings, feedback, config.detect, clock=clock) if config.detect.enabled else None
    tail = LiveTail()
    runner = EmbeddedRunner(
        bus=bus,
        stages=[templates] if detection is None else [templates, detection],
        engine=engine,
        state_path=config.data / "pipeline" / "state.db",
        clock=clock,
        config=config.pipeline,
        on_stored=tail.publish,
    )
    mover = Mover(
        engine, catalogue, schedule, clock, settled=lambda: runner.committed - 1, on_expired=runner.ledger.expire
    )  # fmt: skip
    cache = open_cache(config.query.cache, clock)
    queries = CachedQueryService(Tiers({"hot": engine}), clock, config.query, templates.catalogue, cache)
    door = HttpDoor(bus, clock, config.ingest)
    uploads = UploadSource(bus, clock, config.ingest)
    sources = open_sources(config.sources, bus, clock, default_host=config.server.host)
    return Parts(
        door=door,
        grpc=OtlpGrpc(door.intake),
        bus=bus,
        runner=runner,
        engine=engine,
        mover=mover,
        tail=tail,
        sources=sources,
        uploads=uploads,
        queries=queries,
        templates=templates.catalogue,
        cache=cache,
        findings=findings,
        feedback=feedback,
        detection=detection,
    )


def build_node(
    config: NodeConfig,
    node_id: str,
    clock: Clock,
    make_feed: Callable[[str], Feed],
    storage: tuple[Engine, Catalogue],
) -> tuple[Node, ASGIApp]:
    """A node and what it serves. The caller starts the node, serves the application, stops the node.

    Raises:
        Misconfigured: a URL no engine or bus answers to.
    """
    parts = build_parts(config, clock, storage)
    node = Node(node_id, parts, clock, make_feed)
    return node, build_app(node, clock, config)


def build_app(node: Node, clock: Clock, config: NodeConfig) -> ASGIApp:
    """What a node serves over HTTP."""
    parts = node.parts
    return build_asgi(
        routers=[
            query_routes(parts.queries, clock),
            tail_routes(parts.tail, parts.queries, clock),
            account_routes(node, clock),
            finding_routes(parts.findings, parts.feedback, clock, parts.detection),
            node_routes(node),
        ],
        doors=[*door_routes(parts.door), *parts.uploads.routes],
        faces=[
            *face_routes(parts.door, config.server),
            *loki_routes(LokiService(parts.queries, clock, parts.templates), parts.tail, clock),
        ],
        pages=StaticUi(),
    )


def door_routes(door: HttpDoor) -> list[Route]:
    """Every protocol that is taken over HTTP, on every port."""
    protocols = (
        JsonLogs(door),
        OtlpLogs(door),
        ElasticsearchLogs(door),
        LokiLogs(door),
        SplunkLogs(door),
        DatadogLogs(door),
    )
    return [route for protocol in protocols for route in protocol.routes]


def face_routes(door: HttpDoor, server: ServerConfig) -> list[Route]:
    """What one port answers in its own way."""
    return on_port(server.elasticsearch_port, ElasticsearchLogs(door).root_routes)

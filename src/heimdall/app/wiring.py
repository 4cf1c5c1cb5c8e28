"""How the parts become a node: the product, read on one screen."""

from __future__ import annotations

from collections.abc import Callable

from starlette.types import ASGIApp

from heimdall.api.accounts import account_routes
from heimdall.api.asgi import build_asgi
from heimdall.api.findings import finding_routes
from heimdall.api.node import node_routes
from heimdall.api.queries import query_routes
from heimdall.api.static_files import StaticUi
from heimdall.api.tail import tail_routes
from heimdall.app.config import NodeConfig
from heimdall.app.node import Feed, Node, Parts
from heimdall.bus.opening import open_bus
from heimdall.clock import Clock
from heimdall.ingest.sources.http import HttpSource
from heimdall.insight.feedback import Feedback
from heimdall.insight.store import FindingStore
from heimdall.pipeline.runners.embedded import EmbeddedRunner
from heimdall.pipeline.stages.detect import DetectStage
from heimdall.pipeline.stages.template.stage import TemplateStage
from heimdall.query.live import LiveTail
from heimdall.query.service import QueryService
from heimdall.storage.opening import open_engine
from heimdall.storage.retention import Retention
from heimdall.storage.tiers import Tiers


def build_node(
    config: NodeConfig, node_id: str, clock: Clock, make_feed: Callable[[str], Feed]
) -> tuple[Node, ASGIApp]:
    """Open everything below `config.data`. The caller starts the node, serves the application, stops the node.

    Raises:
        Misconfigured: a URL no engine or bus answers to.
    """
    bus = open_bus(config.bus.url, clock, default_directory=config.data / "journal", journal=config.bus.journal)
    engine = open_engine(config.storage.url, clock, default_directory=config.data / "storage")
    templates = TemplateStage()
    findings = FindingStore(config.data / "insight" / "findings.db")
    feedback = Feedback(findings.opinions())
    tail = LiveTail()
    runner = EmbeddedRunner(
        bus=bus,
        stages=[templates, DetectStage(findings, feedback, config.detect)],
        engine=engine,
        state_path=config.data / "pipeline" / "state.db",
        clock=clock,
        config=config.pipeline,
        on_stored=tail.publish,
    )
    retention = Retention(engine, clock, days=config.storage.retention_days, on_expired=runner.ledger.expire)
    queries = QueryService(Tiers({"hot": engine}), clock, config.query, templates.catalogue)
    door = HttpSource(bus, clock, config.ingest)
    node = Node(node_id, Parts(door, bus, runner, engine, retention, tail, findings), clock, make_feed)
    app = build_asgi(
        routers=[
            query_routes(queries, clock),
            tail_routes(tail, queries, clock),
            account_routes(node, clock),
            finding_routes(findings, feedback, clock),
            node_routes(node),
        ],
        doors=door.routes,
        pages=StaticUi(),
    )
    return node, app

"""How the parts become a node: the product, read on one screen."""

from __future__ import annotations

from collections.abc import Callable

from starlette.types import ASGIApp

from heimdall.api.accounts import account_routes
from heimdall.api.asgi import build_asgi
from heimdall.api.node import node_routes
from heimdall.api.queries import query_routes
from heimdall.api.static_files import StaticUi
from heimdall.api.tail import tail_routes
from heimdall.app.config import NodeConfig
from heimdall.app.node import Feed, Node, Parts
from heimdall.bus.opening import open_bus
from heimdall.clock import Clock
from heimdall.ingest.sources.http import HttpSource
from heimdall.pipeline.runners.embedded import EmbeddedRunner
from heimdall.pipeline.stages.template.stage import TemplateStage
from heimdall.query.live import LiveTail
from heimdall.query.service import QueryService
from heimdall.storage.opening import open_engine
from heimdall.storage.retention import Retention
from heimdall.storage.tiers import Tiers


def build_parts(config: NodeConfig, clock: Clock) -> Parts:
    """Open everything below `config.data`.

    Raises:
        Misconfigured: a URL no engine or bus answers to.
    """
    bus = open_bus(config.bus.url, clock, default_directory=config.data / "journal", journal=config.bus.journal)
    engine = open_engine(config.storage.url, clock, default_directory=config.data / "storage")
    templates = TemplateStage()
    tail = LiveTail()
    runner = EmbeddedRunner(
        bus=bus,
        stages=[templates],
        engine=engine,
        state_path=config.data / "pipeline" / "state.db",
        clock=clock,
        config=config.pipeline,
        on_stored=tail.publish,
    )
    retention = Retention(engine, clock, days=config.storage.retention_days, on_expired=runner.ledger.expire)
    queries = QueryService(Tiers({"hot": engine}), clock, config.query, templates.catalogue)
    door = HttpSource(bus, clock, config.ingest)
    return Parts(door, bus, runner, engine, retention, tail, queries)


def build_node(
    config: NodeConfig, node_id: str, clock: Clock, make_feed: Callable[[str], Feed]
) -> tuple[Node, ASGIApp]:
    """A node and what it serves. The caller starts the node, serves the application, stops the node.

    Raises:
        Misconfigured: a URL no engine or bus answers to.
    """
    parts = build_parts(config, clock)
    node = Node(node_id, parts, clock, make_feed)
    return node, build_app(node, clock)


def build_app(node: Node, clock: Clock) -> ASGIApp:
    """What a node serves over HTTP."""
    parts = node.parts
    return build_asgi(
        routers=[
            query_routes(parts.queries, clock),
            tail_routes(parts.tail, parts.queries, clock),
            account_routes(node, clock),
            node_routes(node),
        ],
        doors=parts.door.routes,
        pages=StaticUi(),
    )

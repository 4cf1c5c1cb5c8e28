"""How the parts become a node: the product, read on one screen."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING

from prometheus_client import REGISTRY
from starlette.routing import Route
from starlette.types import ASGIApp

from heimdall.alerting.actions.opening import open_actions
from heimdall.alerting.delivery import Delivery
from heimdall.alerting.manager import AlertManager
from heimdall.alerting.mitigation.journal import KeptIncidents
from heimdall.alerting.mitigation.mitigator import Mitigator
from heimdall.alerting.mitigation.playbook import read_playbook
from heimdall.alerting.mitigation.signal import MeasuredSignals
from heimdall.alerting.mitigation.store import RunStore
from heimdall.alerting.notifiers.opening import open_notifiers, open_push_key
from heimdall.alerting.notifiers.push import Push
from heimdall.alerting.notifiers.slackbot import SlackBot
from heimdall.alerting.routing import read_routing, secret
from heimdall.alerting.schedule import AlertClock
from heimdall.alerting.store import AlertStore
from heimdall.api.accounts import account_routes
from heimdall.api.actions import action_routes
from heimdall.api.alerts import alert_routes, rule_routes
from heimdall.api.asgi import build_asgi
from heimdall.api.elasticsearch.routes import elasticsearch_routes
from heimdall.api.explaining import explaining_routes
from heimdall.api.findings import finding_routes
from heimdall.api.graphql import graphql_routes
from heimdall.api.loki import loki_routes
from heimdall.api.node import node_routes
from heimdall.api.oncall import on_call_routes
from heimdall.api.prometheus import prometheus_routes
from heimdall.api.push import push_routes
from heimdall.api.queries import query_routes
from heimdall.api.sending import sending_routes
from heimdall.api.slack import slack_routes
from heimdall.api.static_files import StaticUi
from heimdall.api.tail import tail_routes
from heimdall.api.templates import template_routes, with_labels
from heimdall.api.victorialogs import victorialogs_routes
from heimdall.app.config import NodeConfig, ServerConfig
from heimdall.app.node import Feed, Node, Parts
from heimdall.bus.opening import open_bus
from heimdall.bus.registry import SchemaRegistry
from heimdall.bus.registry.own import register_own
from heimdall.clock import Clock
from heimdall.ingest.sources.http.datadog import DatadogLogs
from heimdall.ingest.sources.http.door import HttpDoor, on_port
from heimdall.ingest.sources.http.elasticsearch import ElasticsearchLogs
from heimdall.ingest.sources.http.firehose import FirehoseLogs
from heimdall.ingest.sources.http.gelf import GelfLogs
from heimdall.ingest.sources.http.journal import JournalUploads
from heimdall.ingest.sources.http.json import JsonLogs
from heimdall.ingest.sources.http.loki import LokiLogs
from heimdall.ingest.sources.http.otlp import OtlpLogs
from heimdall.ingest.sources.http.pubsub import PubSubLogs
from heimdall.ingest.sources.http.schema_registry import SchemaRegistryDoor
from heimdall.ingest.sources.http.splunk import SplunkLogs
from heimdall.ingest.sources.http.victorialogs import VictoriaLogsLines, victorialogs_aliases
from heimdall.ingest.sources.opening import open_sources
from heimdall.ingest.sources.otlp_grpc import OtlpGrpc
from heimdall.insight.feedback import Feedback
from heimdall.insight.finding import FindingSinks
from heimdall.insight.rules.book import open_book
from heimdall.insight.similarity.meaning import open_meaning
from heimdall.insight.store import FindingStore
from heimdall.pipeline.runners.embedded import EmbeddedRunner
from heimdall.pipeline.stages.detect import DetectStage
from heimdall.pipeline.stages.rules import RulesStage
from heimdall.pipeline.stages.template.stage import TemplateStage
from heimdall.pipeline.state import first_free_position
from heimdall.query.cache import open_cache
from heimdall.query.cached import CachedQueryService
from heimdall.query.live import LiveTail
from heimdall.query.logql import LokiService
from heimdall.query.promql.own import OwnMetrics
from heimdall.query.service import QueryService
from heimdall.query.templatelabels import TemplateLabels
from heimdall.storage.catalogue import Catalogue
from heimdall.storage.engine import Engine
from heimdall.storage.mover import Mover
from heimdall.storage.tiers import Tiers

if TYPE_CHECKING:
    from heimdall.api.graphql.answering import GraphqlService
    from heimdall.query.promql.service import PrometheusService


def build_parts(config: NodeConfig, clock: Clock, storage: tuple[Engine, Catalogue]) -> Parts:
    """Open everything below `config.data` in front of storage, which `open_tiers` opened already and which is closed
    where the rest cannot be opened.

    Raises:
        Misconfigured: a URL no bus answers to; a file that cannot be read.
    """
    try:
        return _parts_before(config, clock, storage)
    except BaseException:
        storage[0].close()
        raise


def _parts_before(config: NodeConfig, clock: Clock, storage: tuple[Engine, Catalogue]) -> Parts:
    state_path = config.data / "pipeline" / "state.db"
    bus = open_bus(
        config.bus.url,
        clock,
        default_directory=config.data / "journal",
        journal=config.bus.journal,
        kafka=config.bus.kafka,
        begin_at=first_free_position(state_path),
    )
    schedule = config.storage.schedule()
    engine, catalogue = storage
    templates = TemplateStage()
    findings = FindingStore(config.data / "insight" / "findings.db")
    feedback = Feedback(findings.opinions())
    rules = open_book(config.data / "insight" / "rules.db", config.alerting.rules)
    routing = read_routing(config.alerting.file)
    labels = TemplateLabels(config.data / "templates" / "labels.db")
    alerts = AlertManager(
        AlertStore(config.data / "alerting" / "alerts.db"),
        routing,
        config.alerting,
        clock,
        template_owner=lambda tenant, template_id: labels.owner(tenant, template_id, templates.catalogue),
    )
    push_key = open_push_key(routing, config.data / "alerting" / "push-key.pem")
    notifiers = open_notifiers(routing, clock, os.environ, alerts.store, push_key)
    delivery = Delivery(alerts.store, notifiers, clock)
    alerts.on_outgoing = delivery.wake
    noticed = FindingSinks((findings, alerts))
    detection = None
    if config.detect.enabled:
        detection = DetectStage(noticed, feedback, config.detect, clock=clock, names=templates.names)
    tail = LiveTail()
    runner = EmbeddedRunner(
        bus=bus,
        stages=[templates, *([] if detection is None else [detection]), RulesStage(rules, alerts)],
        engine=engine,
        state_path=state_path,
        clock=clock,
        config=config.pipeline,
        on_stored=tail.publish,
        is_watched=lambda: tail.is_watched,
    )
    mover = Mover(
        engine, catalogue, schedule, clock, settled=lambda: runner.committed - 1, on_expired=runner.ledger.expire
    )  # fmt: skip
    cache = open_cache(config.query.cache, clock)
    queries = CachedQueryService(Tiers({"hot": engine}), clock, config.query, templates.catalogue, cache)
    queries.on_question = runner.hurry
    meaning = open_meaning(config.insight.embeddings, config.data / "insight", templates.catalogue)
    queries.meaning = meaning
    door = HttpDoor(bus, clock, config.ingest)
    schemas = SchemaRegistry(config.data / "registry" / "schemas.db")
    register_own(schemas)
    sources = open_sources(config.sources, bus, clock, default_host=config.server.host, schemas=schemas)
    return Parts(
        door=door,
        grpc=OtlpGrpc(door.intake),
        bus=bus,
        runner=runner,
        engine=engine,
        mover=mover,
        tail=tail,
        sources=sources,
        schemas=SchemaRegistryDoor(schemas),
        queries=queries,
        meaning=meaning,
        templates=templates.catalogue,
        labels=labels,
        cache=cache,
        findings=findings,
        feedback=feedback,
        detection=detection,
        rules=rules,
        alerts=alerts,
        slack_bots=[each for each in notifiers.values() if isinstance(each, SlackBot)],
        push_channels={each.name: each for each in notifiers.values() if isinstance(each, Push)},
        push_key=push_key,
        delivery=delivery,
        alert_clock=AlertClock(alerts, rules, queries, clock),
        mitigator=open_mitigator(config, alerts, queries, clock),
        own_metrics=OwnMetrics(REGISTRY, clock, {"job": "heimdall"}),
    )


def open_mitigator(config: NodeConfig, alerts: AlertManager, queries: QueryService, clock: Clock) -> Mitigator:
    """Raises Misconfigured: the playbook, or an action of it."""
    playbook = read_playbook(config.alerting.actions)
    actions = open_actions(playbook, queries, clock, os.environ)
    incidents = KeptIncidents(alerts, clock)
    store = RunStore(config.data / "alerting" / "actions.db")
    token = secret(playbook.token, "approval: token", os.environ)
    return Mitigator(playbook, actions, store, incidents, MeasuredSignals(incidents, queries), clock, token)


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
    parts.queries.keep_warm()
    node = Node(node_id, parts, clock, make_feed)
    return node, build_app(node, clock, config)


def build_app(node: Node, clock: Clock, config: NodeConfig) -> ASGIApp:
    """What a node serves over HTTP."""
    parts = node.parts
    return build_asgi(
        routers=[
            query_routes(parts.queries, clock, lambda found: with_labels(found, parts.templates, parts.labels)),
            template_routes(parts.queries, parts.templates, parts.labels, clock),
            explaining_routes(parts.queries, clock),
            tail_routes(parts.tail, parts.queries, clock),
            account_routes(node, clock),
            finding_routes(parts.findings, parts.feedback, clock, parts.detection),
            alert_routes(parts.alerts, clock),
            action_routes(parts.mitigator, parts.alerts, clock),
            on_call_routes(parts.alerts.on_call, clock),
            slack_routes(parts.slack_bots, parts.alerts, clock),
            push_routes(parts.push_channels, parts.push_key, parts.alerts.store, clock),
            rule_routes(parts.rules, parts.queries, clock),
            node_routes(node),
            sending_routes(node, clock),
            elasticsearch_routes(parts.queries, clock),
        ],
        doors=[*door_routes(parts.door), *parts.schemas.routes],
        faces=[
            *face_routes(parts.door, config.server),
            *loki_routes(LokiService(parts.queries, clock, parts.templates), parts.tail, clock),
            *victorialogs_routes(parts.queries, parts.tail, clock),
            *prometheus_routes(prometheus_service(parts, clock), clock),
            *graphql_routes(graphql_service(parts, clock)),
        ],
        pages=StaticUi(),
    )


def prometheus_service(parts: Parts, clock: Clock) -> Callable[[], PrometheusService]:
    """Opens it when it is first asked for: few nodes ever are."""

    @lru_cache(maxsize=1)
    def opened() -> PrometheusService:
        from heimdall.query.promql.logs import LogMetrics
        from heimdall.query.promql.service import PrometheusService
        from heimdall.query.promql.source import Sources

        logs = LogMetrics(parts.queries.search, parts.templates)
        return PrometheusService(Sources((logs, parts.own_metrics)), clock)

    return opened


def graphql_service(parts: Parts, clock: Clock) -> Callable[[], GraphqlService]:
    """Opens it when it is first asked for."""

    @lru_cache(maxsize=1)
    def opened() -> GraphqlService:
        from heimdall.api.graphql.answering import GraphqlService

        return GraphqlService(parts.queries, parts.templates, clock, parts.tail, parts.labels)

    return opened


def door_routes(door: HttpDoor) -> list[Route]:
    """Every protocol that is taken over HTTP, on every port."""
    protocols = (
        JsonLogs(door),
        OtlpLogs(door),
        ElasticsearchLogs(door),
        LokiLogs(door),
        SplunkLogs(door),
        DatadogLogs(door),
        FirehoseLogs(door),
        PubSubLogs(door),
        JournalUploads(door),
        GelfLogs(door),
    )
    routes = [route for protocol in protocols for route in protocol.routes]
    return [*routes, *VictoriaLogsLines(door).routes, *victorialogs_aliases(routes)]


def face_routes(door: HttpDoor, server: ServerConfig) -> list[Route]:
    """What one port answers in its own way."""
    return on_port(server.elasticsearch_port, ElasticsearchLogs(door).root_routes)

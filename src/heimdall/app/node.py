"""A node: every part of Heimdall in one process, started and stopped in the right order."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from heimdall import __version__
from heimdall.alerting.delivery import Delivery
from heimdall.alerting.manager import AlertManager
from heimdall.alerting.mitigation.mitigator import Mitigator
from heimdall.alerting.notifiers.push import Push
from heimdall.alerting.notifiers.slackbot import SlackBot
from heimdall.alerting.schedule import AlertClock
from heimdall.bus.port import Bus
from heimdall.clock import Clock
from heimdall.errors import Unavailable
from heimdall.ingest.port import Source
from heimdall.ingest.sources.http.door import HttpDoor
from heimdall.ingest.sources.http.schema_registry import SchemaRegistryDoor
from heimdall.ingest.sources.intake import RECORDS
from heimdall.ingest.sources.otlp_grpc import OtlpGrpc
from heimdall.insight.feedback import Feedback
from heimdall.insight.rules.book import RuleBook
from heimdall.insight.similarity.meaning import TemplateMeaning
from heimdall.insight.store import FindingStore
from heimdall.model.timerange import format_time
from heimdall.pipeline import deadletters
from heimdall.pipeline.deadletters import DeadLetter
from heimdall.pipeline.ledger import MINUTE_NS
from heimdall.pipeline.runners.embedded import EmbeddedRunner
from heimdall.pipeline.stages.detect import DetectStage
from heimdall.query.cache import Cache
from heimdall.query.cached import CachedQueryService
from heimdall.query.live import LiveTail
from heimdall.query.promql.own import OwnMetrics
from heimdall.query.rows import plain_rows, record_table
from heimdall.query.templatelabels import TemplateLabels
from heimdall.query.templates import Catalogue
from heimdall.storage.engine import Engine
from heimdall.storage.mover import Mover
from heimdall.storage.overview import overview

if TYPE_CHECKING:
    from heimdall.alerting.push.vapid import VapidKey

_PORT_NAMES = {
    3100: "loki", 4317: "otlp_grpc", 4318: "otlp", 8088: "splunk", 9200: "elasticsearch", 9428: "victorialogs",
}  # fmt: skip
"""Where senders of a protocol look for it."""


class Feed(Protocol):
    """Something that sends logs to the node until it is told to stop: the demo."""

    def run(self, stop: threading.Event) -> None: ...

    @property
    def progress(self) -> dict[str, Any]: ...


@dataclass(frozen=True, slots=True)
class Parts:
    """What `heimdall.app.wiring` puts together, in the order a record meets it."""

    door: HttpDoor
    grpc: OtlpGrpc
    bus: Bus
    runner: EmbeddedRunner
    engine: Engine
    mover: Mover
    tail: LiveTail
    sources: tuple[Source, ...]
    queries: CachedQueryService
    meaning: TemplateMeaning | None
    """None where no model is configured."""
    templates: Catalogue
    labels: TemplateLabels
    schemas: SchemaRegistryDoor
    cache: Cache
    findings: FindingStore
    feedback: Feedback
    detection: DetectStage | None
    """None where it is turned off."""
    rules: RuleBook
    alerts: AlertManager
    slack_bots: list[SlackBot]
    push_channels: dict[str, Push]
    push_key: VapidKey | None
    """None where there are no such channels."""
    delivery: Delivery
    alert_clock: AlertClock
    mitigator: Mitigator
    own_metrics: OwnMetrics


class Node:
    """Starts the parts downstream first and stops them upstream first, so that each can drain."""

    def __init__(self, node_id: str, parts: Parts, clock: Clock, make_feed: Callable[[str], Feed]) -> None:
        self.id = node_id
        self.parts = parts
        self._clock = clock
        self._make_feed = make_feed
        self._started_at_ns = clock.time_ns()
        self._url = ""
        self._ports: dict[str, int] = {}
        self._ready = False
        self._feed: Feed | None = None
        self._feed_stop = threading.Event()
        self._feed_thread: threading.Thread | None = None
        self._feed_lock = threading.Lock()

    def start(self) -> None:
        self.parts.delivery.start()
        self.parts.runner.start()
        self.parts.alert_clock.start()
        self.parts.mitigator.start()
        self.parts.mover.start()
        self.parts.own_metrics.start()
        if self.parts.meaning is not None:
            self.parts.meaning.start()
        for source in self.parts.sources:
            source.start()

    def serving(self, host: str, ports: Sequence[int]) -> None:
        """Called once the server accepts connections."""
        shown = "127.0.0.1" if host in ("0.0.0.0", "::", "") else host
        self._url = f"http://[{shown}]:{ports[0]}" if ":" in shown else f"http://{shown}:{ports[0]}"
        self._ports = {"http": ports[0]} | {_PORT_NAMES.get(port, str(port)): port for port in ports[1:]}
        self._ready = True

    def stop(self) -> None:
        """Called once, after the server stopped. Everything acknowledged stays on the bus or in storage."""
        self._ready = False
        self._feed_stop.set()
        if self._feed_thread is not None:
            self._feed_thread.join(timeout=10)
        for source in self.parts.sources:
            source.stop()
        self.parts.grpc.stop()
        self.parts.door.close()
        self.parts.schemas.close()
        self.parts.own_metrics.stop()
        self.parts.mover.stop()
        self.parts.mitigator.stop()
        self.parts.alert_clock.stop()
        self.parts.runner.stop()
        self.parts.delivery.stop()
        self.parts.bus.close()
        self.parts.tail.close()
        self.parts.queries.close()
        if self.parts.meaning is not None:
            self.parts.meaning.close()
        self.parts.labels.close()
        self.parts.findings.close()
        self.parts.alerts.store.close()
        self.parts.rules.close()
        self.parts.engine.close()

    # -- what the pages ask (heimdall.api.node.NodeFacts) -----------------------------------------------------------

    def describe(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "version": __version__,
            "url": self._url,
            "ports": self._ports,
            "sources": {source.name: [str(address) for address in source.addresses] for source in self.parts.sources},
            "records": self.parts.engine.statistics().rows,
            "pending": self.parts.runner.pending,
            "started_at": format_time(self._started_at_ns),
            "demo": self._demo_state(),
        }

    def records_by_door(self) -> Mapping[tuple[str, str], int]:
        return {
            (sample.labels["door"], sample.labels["outcome"]): int(sample.value)
            for metric in RECORDS.collect()
            for sample in metric.samples
            if sample.name.endswith("_total")
        }

    def not_ready_because(self) -> str | None:
        if not self._ready:
            return "starting or stopping"
        failure = self.parts.runner.failure
        return None if failure is None else f"the pipeline stopped: {failure}; records stay on the bus until a restart"

    def start_demo(self) -> dict[str, Any]:
        with self._feed_lock:
            if not self._ready:
                raise Unavailable("the node is not serving yet")
            if self._feed_thread is None or not self._feed_thread.is_alive():
                self._feed = self._make_feed(self._url)
                self._feed_thread = threading.Thread(
                    target=self._feed.run, args=(self._feed_stop,), name="demo-feed", daemon=True
                )
                self._feed_thread.start()
        return self._demo_state()

    def _demo_state(self) -> dict[str, Any]:
        running = self._feed_thread is not None and self._feed_thread.is_alive()
        return {"running": running} | (self._feed.progress if self._feed is not None else {})

    # -- where every record is (heimdall.api.accounts.Accounts) ------------------------------------------------------

    def ledger(self, start_ns: int | None, end_ns: int | None) -> list[dict[str, Any]]:
        entries = self.parts.runner.ledger.entries(start_ns, end_ns)
        rows = [
            {
                "tenant": entry.tenant,
                "minute": format_time(entry.minute_ns),
                "accepted": entry.accepted,
                "stored": entry.stored,
                "dead_lettered": entry.dead_lettered,
                "expired": entry.expired,
                "pending": 0,
                "balanced": entry.balanced,
            }
            for entry in entries
        ]
        return self._with_pending(rows, start_ns, end_ns)

    def _with_pending(
        self, rows: list[dict[str, Any]], start_ns: int | None, end_ns: int | None
    ) -> list[dict[str, Any]]:
        """Add what the bus holds and storage does not yet, to the minute it was accepted in."""
        places = {(row["tenant"], row["minute"]): row for row in rows}
        for frame in self.parts.bus.read(self.parts.runner.committed, max_bytes=_PENDING_BYTES):
            minute_ns = frame.accepted_at_ns // MINUTE_NS * MINUTE_NS
            if (start_ns is not None and minute_ns < start_ns) or (end_ns is not None and minute_ns >= end_ns):
                continue
            key = (frame.tenant, format_time(minute_ns))
            if key not in places:
                zero = {"accepted": 0, "stored": 0, "dead_lettered": 0, "expired": 0, "pending": 0, "balanced": True}
                places[key] = {"tenant": key[0], "minute": key[1]} | zero
                rows.insert(0, places[key])
            places[key]["accepted"] += frame.count
            places[key]["pending"] += frame.count
        return rows

    def tiers(self) -> list[dict[str, Any]]:
        return overview(self.parts.engine, self.parts.mover, self._clock.time_ns())

    def dead_letters(self, limit: int) -> list[dict[str, Any]]:
        return [_letter_row(letter) for letter in self.parts.runner.dead_letters.list(limit)]

    def dead_letter(self, letter_id: int) -> tuple[dict[str, Any], list[dict[str, Any]], bytes]:
        letter, raw = self.parts.runner.dead_letters.get(letter_id)
        records = list(plain_rows(record_table(deadletters.decode(letter, raw).table))) if raw else []
        return _letter_row(letter), records, raw

    def replay(self, letter_id: int) -> int:
        return self.parts.runner.replay(letter_id)


_PENDING_BYTES = 64 * 1024 * 1024
"""Of the bus, read for the ledger's pending counts; usually everything that is pending."""


def _letter_row(letter: DeadLetter) -> dict[str, Any]:
    return {
        "id": letter.id,
        "time": format_time(letter.time_ns),
        "tenant": letter.tenant,
        "stage": letter.stage,
        "reason": letter.reason,
        "records": letter.records,
        "excerpt": letter.excerpt,
    }

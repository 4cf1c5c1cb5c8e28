"""What happens by the clock: alerts end, incidents are told again or escalate, scheduled rules ask their queries."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any, Protocol

from heimdall.alerting.manager import AlertManager
from heimdall.clock import Clock
from heimdall.errors import HeimdallError
from heimdall.insight.rules.firing import Firing, firing_id
from heimdall.insight.rules.rule import Rule, RuleKind
from heimdall.model.batch import DEFAULT_TENANT
from heimdall.query.request import SearchRequest
from heimdall.query.rows import plain_rows, record_table
from heimdall.query.service import QueryService

_log = logging.getLogger(__name__)

TICK_S = 1.0
MOST_ROWS = 1_000
"""Rows of a scheduled rule's answer that are looked at."""
TOLD_ROWS = 200
"""Rows that become alerts of their own."""
_TIMEOUT_S = 60.0


class RuleSource(Protocol):
    def rules(self) -> list[Rule]: ...


class AlertClock:
    """Two threads, so that no query of a scheduled rule holds up an escalation. `start` returns at once."""

    def __init__(self, manager: AlertManager, rules: RuleSource, queries: QueryService, clock: Clock) -> None:
        self._manager = manager
        self._rules = rules
        self._queries = queries
        self._clock = clock
        self._asked: dict[str, int] = {}
        """By rule: the step of its schedule that was asked last."""
        self._stopping = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, args=(work,), name=name, daemon=True)
            for name, work in (("alert-clock", manager.tick), ("scheduled-rules", self.ask_rules))
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._stopping.set()
        for thread in self._threads:
            if thread.is_alive():
                thread.join(timeout=_TIMEOUT_S + 5)

    def _run(self, work: Callable[[], None]) -> None:
        while not self._stopping.wait(TICK_S):
            try:
                work()
            except Exception:  # the next second tries again
                _log.exception("alerts could not be looked after")

    def ask_rules(self) -> None:
        """Ask the queries of scheduled rules whose time has come."""
        for rule in self._rules.rules():
            if self._stopping.is_set():
                return
            if rule.kind is RuleKind.SCHEDULED and rule.enabled:
                self._ask_when_due(rule)

    def _ask_when_due(self, rule: Rule) -> None:
        now_ns = self._clock.time_ns()
        step = now_ns // rule.every_ns
        if self._asked.setdefault(rule.id, step) == step:
            return
        self._asked[rule.id] = step
        try:
            firings = scheduled_firings(rule, self._queries, step * rule.every_ns)
        except HeimdallError as exc:
            _log.warning("scheduled rule %s could not be asked: %s", rule.id, exc)
            return
        if firings:
            self._manager.fired(firings)


def scheduled_firings(rule: Rule, queries: QueryService, end_ns: int) -> list[Firing]:
    """What the rule's query finds in the window that ends at `end_ns`.

    Raises:
        Overloaded, QueryCancelled, EngineUnavailable: as `QueryService.search`.
    """
    start_ns = end_ns - rule.window_ns
    answer = queries.search(
        SearchRequest(
            q=rule.condition, start_ns=start_ns, end_ns=end_ns, limit=MOST_ROWS, timeout_s=_TIMEOUT_S, fresh=True
        )
    )
    if answer.rows.num_rows < rule.threshold:
        return []
    rows = list(plain_rows(record_table(answer.rows.slice(0, TOLD_ROWS))))
    if not rule.group_by:
        return [_firing(rule, (), rows, answer.rows.num_rows, start_ns, end_ns)]
    keyed: dict[tuple[tuple[str, str], ...], list[dict[str, Any]]] = {}
    for row in rows:
        key = tuple((name, _text(row.get(name))) for name in rule.group_by)
        keyed.setdefault(key, []).append(row)
    return [_firing(rule, key, own, len(own), start_ns, end_ns) for key, own in keyed.items()]


def _firing(
    rule: Rule, labels: tuple[tuple[str, str], ...], rows: list[dict[str, Any]], count: int, start_ns: int, end_ns: int
) -> Firing:
    key = ", ".join(f"{name} {value or '(none)'}" for name, value in labels)
    shown = ", ".join(f"{name} {_text(value)[:60]}" for name, value in list(rows[0].items())[:6]) if rows else ""
    return Firing(
        id=firing_id(DEFAULT_TENANT, rule.id, labels, end_ns),
        tenant=DEFAULT_TENANT,
        rule=rule.id,
        name=rule.name,
        severity=rule.severity.value,
        labels=labels,
        service=dict(labels).get("service", ""),
        template_id=0,
        statement=f"{rule.name}{f' ({key})' if key else ''}: {count:,} rows; the first: {shown}"[:500],
        value=float(count),
        started_ns=start_ns,
        detected_ns=end_ns,
        records=count,
        examples=(),
        query=rule.condition,
        quiet_after_ns=2 * rule.every_ns,
    )


def _text(value: object) -> str:
    return "" if value is None else str(value)

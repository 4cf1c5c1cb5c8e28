"""Rules over a stream of batches: which hold now, with everything they must remember in between."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

import numpy as np
import pyarrow as pa
from prometheus_client import Counter

from heimdall.insight.rules.columns import RuleColumns
from heimdall.insight.rules.firing import Firing, firing_id
from heimdall.insight.rules.kinds.kind import Found, Hit, Kind
from heimdall.insight.rules.kinds.order import Join, Unanswered
from heimdall.insight.rules.kinds.order import Sequence as InOrder
from heimdall.insight.rules.kinds.presence import Absence, NewTemplate
from heimdall.insight.rules.kinds.threshold import Distinct, Matches, Windows
from heimdall.insight.rules.matching import RuleSet
from heimdall.insight.rules.rule import Rule, RuleKind
from heimdall.model.batch import TenantId
from heimdall.query.ast import And, Compare, Operator, Or, Predicate, Query
from heimdall.query.languages.hql import to_text

_log = logging.getLogger(__name__)

FIRINGS = Counter("heimdall_rules_firings", "Firings of rules, by kind.", ["kind"])
FAILED = Counter("heimdall_rules_failures", "Batches a rule could not be evaluated on.")

LATENESS_NS = 5 * 10**9
"""Records this much older than the newest are still waited for, by rules that wait."""
AHEAD_NS = 60 * 10**9
"""A sender's clock may be this far ahead; what is farther counts as this far."""
KEYS_A_BATCH = 200
"""Firings of one rule in one batch; the rest are told as one."""
OTHERS = "(others)"
EXAMPLES = 3
_EXAMPLE_CHARACTERS = 300
_QUIET_NS = 300 * 10**9
_SHOWN_KEYS = 500
"""Characters of a key's value that are told."""


def kind_of(rule: Rule) -> Kind:
    """A fresh state for the rule."""
    match rule.kind:
        case RuleKind.THRESHOLD if rule.distinct:
            return Distinct(rule)
        case RuleKind.THRESHOLD if rule.threshold <= 1:
            return Matches()
        case RuleKind.THRESHOLD:
            return Windows(rule, ratio=False)
        case RuleKind.RATIO:
            return Windows(rule, ratio=True)
        case RuleKind.ABSENCE:
            return Absence(rule)
        case RuleKind.NEW_TEMPLATE:
            return NewTemplate(rule)
        case RuleKind.SEQUENCE if rule.absent_last:
            return Unanswered(rule)
        case RuleKind.SEQUENCE:
            return InOrder(rule)
        case RuleKind.JOIN:
            return Join(rule)
        case _:
            raise ValueError(f"rules of kind {rule.kind} are not evaluated over batches")


class CompiledRules:
    """Enabled rules that are evaluated over batches, compiled together. Immutable; shared by all tenants."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self.rules = tuple(rule for rule in rules if rule.enabled and rule.kind is not RuleKind.SCHEDULED)
        self.predicates = tuple(rule.predicates() for rule in self.rules)
        self.set = RuleSet([predicate for own in self.predicates for predicate in own])


class RuleEngine:
    """One tenant's rules. Deterministic: the same batches give the same firings with the same ids."""

    def __init__(self, tenant: TenantId, compiled: CompiledRules, *, strict: bool = False) -> None:
        """`strict`: a rule that cannot be evaluated raises, in place of being skipped for the batch."""
        self._strict = strict
        self.tenant = tenant
        self.compiled = compiled
        self._kinds: dict[str, Kind] = {rule.id: kind_of(rule) for rule in compiled.rules}
        self._newest_ns = 0

    def process(self, table: pa.Table) -> list[Firing]:
        """What holds as of these records, which have the columns of `LOG_SCHEMA`, `position` and `template_id`."""
        if not table.num_rows or not self.compiled.rules:
            return []
        columns = RuleColumns(table)
        matched = iter(self.compiled.set.match(columns))
        times = columns.times_ns()
        times = np.minimum(times, columns.observed_ns() + AHEAD_NS)
        self._newest_ns = max(self._newest_ns, int(times.max()))
        firings: list[Firing] = []
        for rule, predicates in zip(self.compiled.rules, self.compiled.predicates, strict=True):
            rows = [next(matched) for _ in predicates]
            kind = self._kinds[rule.id]
            if kind.idle and not any(len(own) for own in rows):
                continue
            found = Found(columns, times, rows, rule.group_by, self._newest_ns - LATENESS_NS, self._newest_ns)
            try:
                firings += self._told(rule, predicates, kind, found)
            except Exception:  # one rule must stop neither the others nor the records
                if self._strict:
                    raise
                FAILED.inc()
                _log.exception("rule %s could not be evaluated on a batch", rule.id)
        return firings

    def _told(self, rule: Rule, predicates: Sequence[Predicate], kind: Kind, found: Found) -> Iterator[Firing]:
        hits = kind.step(found)
        for hit in islice(hits, KEYS_A_BATCH):
            FIRINGS.labels(kind=rule.kind.value).inc()
            yield self._firing(rule, predicates, hit, found.columns)
        others = [hit for hit in hits if not hit.resolved]
        if others:
            FIRINGS.labels(kind=rule.kind.value).inc()
            merged = Hit(
                (OTHERS,) * len(rule.group_by), len(others), min(hit.started_ns for hit in others),
                max(hit.detected_ns for hit in others), others[0].rows, sum(hit.records for hit in others),
            )  # fmt: skip
            yield self._firing(rule, predicates, merged, found.columns)

    def _firing(self, rule: Rule, predicates: Sequence[Predicate], hit: Hit, columns: RuleColumns) -> Firing:
        rows = hit.rows[:EXAMPLES]
        taken = pa.array(rows)
        messages = columns.table.column("message").take(taken).to_pylist()
        service, template_id = "", 0
        if len(rows):
            place, names = columns.texts("service", rows[:1])
            service = names[int(place[0])]
            if "template_id" in columns.table.column_names:
                template_id = int(columns.table.column("template_id")[int(rows[0])].as_py())
        labels = tuple((name, value[:_SHOWN_KEYS]) for name, value in zip(rule.group_by, hit.key, strict=True))
        service = dict(labels).get("service", service)
        first = int(columns.table.column("position")[int(rows[0])].as_py()) if len(rows) else hit.detected_ns
        lasting = rule.kind is RuleKind.ABSENCE
        return Firing(
            id=firing_id(self.tenant, rule.id, hit.key, first, hit.resolved),
            tenant=self.tenant,
            rule=rule.id,
            name=rule.name,
            severity=rule.severity.value,
            labels=labels,
            service=service,
            template_id=template_id,
            statement=_statement(rule, hit),
            value=float(hit.value),
            started_ns=hit.started_ns,
            detected_ns=hit.detected_ns,
            records=hit.records,
            examples=tuple(str(message)[:_EXAMPLE_CHARACTERS] for message in messages),
            query=_query(predicates, rule, hit.key),
            quiet_after_ns=max(rule.window_ns, _QUIET_NS),
            resolved=hit.resolved,
            lasting=lasting,
        )

    # -- checkpoint ------------------------------------------------------------------------------------------------

    def snapshot(self) -> dict[str, Any]:
        """Plain JSON values."""
        states = [[rule.id, rule.fingerprint, self._kinds[rule.id].snapshot()] for rule in self.compiled.rules]
        return {"newest": self._newest_ns, "rules": [state for state in states if state[2] is not None]}

    def restore(self, state: dict[str, Any]) -> None:
        """Of rules that are still what they were; others begin anew."""
        self._newest_ns = int(state["newest"])
        fingerprints = {rule.id: rule.fingerprint for rule in self.compiled.rules}
        for rule_id, fingerprint, own in state["rules"]:
            if fingerprints.get(rule_id) == fingerprint:
                self._kinds[rule_id].restore(own)

    def recompiled(self, compiled: CompiledRules) -> RuleEngine:
        """The same memory with other rules."""
        engine = RuleEngine(self.tenant, compiled)
        engine._newest_ns = self._newest_ns
        before = {rule.id: rule.fingerprint for rule in self.compiled.rules}
        for rule in compiled.rules:
            if before.get(rule.id) == rule.fingerprint and rule.threshold == self._rule(rule.id).threshold:
                engine._kinds[rule.id] = self._kinds[rule.id]
        return engine

    def _rule(self, rule_id: str) -> Rule:
        return next(rule for rule in self.compiled.rules if rule.id == rule_id)


def _statement(rule: Rule, hit: Hit) -> str:
    key = ", ".join(f"{name} {value[:80] or '(none)'}" for name, value in zip(rule.group_by, hit.key, strict=True))
    about = f" ({key})" if key else ""
    window = rule.as_row().get("window", "5m")
    match rule.kind:
        case RuleKind.ABSENCE if hit.resolved:
            what = "records come again"
        case RuleKind.ABSENCE:
            what = f"no record for {window}"
        case RuleKind.RATIO:
            what = f"{hit.value:.1%} of records within {window}, at least {rule.ratio:.1%}"
        case RuleKind.THRESHOLD if rule.distinct:
            what = f"{hit.value:,.0f} different {rule.distinct} within {window}, at least {rule.threshold:,.0f}"
        case RuleKind.THRESHOLD if rule.threshold > 1:
            what = f"{hit.value:,.0f} records within {window}, at least {rule.threshold:,.0f}"
        case RuleKind.NEW_TEMPLATE:
            what = "a kind of message never seen before"
        case RuleKind.SEQUENCE if rule.absent_last:
            what = f"{hit.records:,} times without what has to follow within {window}"
        case RuleKind.SEQUENCE | RuleKind.JOIN:
            what = f"{hit.records:,} times within {window}"
        case _:
            what = f"{hit.records:,} records"
    return f"{rule.name}{about}: {what}"


def _query(predicates: Sequence[Predicate], rule: Rule, key: tuple[str, ...]) -> str:
    several = rule.kind in (RuleKind.SEQUENCE, RuleKind.JOIN)
    search: Predicate = Or(tuple(predicates)) if several else predicates[0]
    narrowed = [
        Compare(name, Operator.EQ, value)
        for name, value in zip(rule.group_by, key, strict=True)
        if value and value != OTHERS
    ]
    return to_text(Query(And((search, *narrowed)) if narrowed else search))

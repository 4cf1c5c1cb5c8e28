"""Batches of records for tests of rules, written as short as they can be."""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa

from heimdall.insight.rules.engine import CompiledRules, RuleEngine
from heimdall.insight.rules.firing import Firing
from heimdall.insight.rules.rule import Rule, rule_of
from heimdall.model.batch import DEFAULT_TENANT, LOG_SCHEMA, TIMESTAMP
from heimdall.model.severity import SEVERITY_BY_NAME

START_S = 1_763_985_600  # 2025-11-24T12:00:00Z


def table(rows: list[dict[str, Any]], *, first: int = 1) -> pa.Table:
    """`at`: seconds after START_S. Keys that are no columns become attributes."""
    columns: dict[str, list[Any]] = {name: [] for name in ("timestamp", "severity_number", "service", "message")}
    columns |= {"attributes": [], "template_id": [], "instance": []}
    for row in rows:
        own = dict(row)
        columns["timestamp"].append(round((START_S + own.pop("at", 0)) * 1e9))
        columns["severity_number"].append(SEVERITY_BY_NAME[own.pop("level", "info")])
        columns["service"].append(own.pop("service", None))
        columns["instance"].append(own.pop("instance", None))
        columns["message"].append(own.pop("message", ""))
        columns["template_id"].append(own.pop("template", 1))
        columns["attributes"].append(json.dumps(own) if own else None)
    times = pa.array(columns["timestamp"], TIMESTAMP)
    named = {
        name: pa.array(columns[name]).cast(LOG_SCHEMA.field(name).type)
        for name in ("severity_number", "service", "instance", "message", "attributes")
    }
    return pa.table(
        {
            "timestamp": times,
            "observed_timestamp": times,
            **named,
            "template_id": pa.array(columns["template_id"], pa.uint64()),
            "position": pa.array(range(first, first + len(rows)), pa.uint64()),
        }
    )


def rule(**given: Any) -> Rule:
    return rule_of({"id": "r", "name": "Rule", "kind": "threshold", **given})


def engine(*rules: Rule) -> RuleEngine:
    return RuleEngine(DEFAULT_TENANT, CompiledRules(rules))


def fired(own: RuleEngine, *batches: list[dict[str, Any]]) -> list[list[Firing]]:
    found, first = [], 1
    for rows in batches:
        found.append(own.process(table(rows, first=first)))
        first += len(rows)
    return found

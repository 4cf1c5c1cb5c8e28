"""A query and its plan as plain data."""

from __future__ import annotations

import dataclasses
from enum import Enum

from heimdall.model.timerange import format_time
from heimdall.query.planner import Plan
from heimdall.query.source import Question, Source
from heimdall.query.windows import windows
from heimdall.storage.engine import TierStatistics


def tree(node: object) -> object:
    """An AST as JSON: one object a node, its kind under `node`; places in the text are left out."""
    if dataclasses.is_dataclass(node) and not isinstance(node, type):
        parts = {
            field.name: tree(getattr(node, field.name)) for field in dataclasses.fields(node) if field.name != "span"
        }
        return {"node": type(node).__name__, **parts}
    if isinstance(node, Enum):
        return node.value
    if isinstance(node, (list, tuple, frozenset, set)):
        return [tree(item) for item in node]
    if isinstance(node, dict):
        return {str(name): tree(item) for name, item in node.items()}
    if node is None or isinstance(node, (str, int, float, bool)):
        return node
    return str(node)


def plan_facts(
    source: Source, question: Question, statistics: TierStatistics, plan: Plan, limit: int
) -> dict[str, object]:
    """What a tier would be asked, the ways there were with what each costs, and what lies in it."""
    chosen = plan.chosen
    asked = question if chosen is None else dataclasses.replace(question, strategy=chosen.strategy)
    planned = windows(asked.query, asked.start_ns, asked.end_ns, statistics, limit + 1, at_once=asked.at_once)
    return {
        "tier": source.tier,
        "strategy": None if chosen is None else chosen.strategy.value,
        "candidates": [
            {
                "strategy": candidate.strategy.value,
                "chosen": candidate is chosen,
                "why": candidate.why,
                "statements": candidate.statements,
                "estimated": candidate.estimate.as_data(),
            }
            for candidate in plan.candidates
        ],
        "statement": source.statement(asked, limit=limit + 1),
        "windows": [{"from": _time(window.start_ns), "to": _time(window.end_ns)} for window in planned],
        "rows": statistics.rows,
        "size_bytes": statistics.size_bytes,
        "oldest": _time(statistics.oldest_ns),
        "newest": _time(statistics.newest_ns),
    }


def _time(time_ns: int | None) -> str | None:
    return None if time_ns is None else format_time(time_ns)

"""Sigma's correlation rules → thresholds, sequences and joins over the rules they name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from heimdall.insight.rules.sigma.unsupported import Unsupported
from heimdall.query.ast import Or, Predicate, Query
from heimdall.query.languages.hql import to_text


def correlated(document: Mapping[str, Any], bases: Mapping[str, Predicate]) -> dict[str, Any]:
    """Keys of a rule of ours. Raises Unsupported."""
    given = document["correlation"]
    if not isinstance(given, Mapping):
        raise Unsupported("its correlation is not a map")
    names = given.get("rules") or []
    missing = [str(name) for name in names if str(name) not in bases]
    if not names or missing:
        raise Unsupported(f"it correlates rules that were not imported: {', '.join(missing)[:200] or 'none is named'}")
    predicates = [bases[str(name)] for name in names]
    if given.get("aliases"):
        raise Unsupported("it gives fields other names (aliases)")
    groups = given.get("group-by") or []
    keys: dict[str, Any] = {"group_by": [str(name) for name in ([groups] if isinstance(groups, str) else groups)]}
    keys |= {"window": str(given.get("timespan") or "")}
    match given.get("type"):
        case "event_count":
            return keys | {"kind": "threshold", "condition": _any(predicates), "threshold": _least(given)}
        case "value_count":
            condition = given.get("condition")
            field = condition.get("field") if isinstance(condition, Mapping) else None
            if not field:
                raise Unsupported("it counts values of no field")
            counted = {"kind": "threshold", "condition": _any(predicates), "threshold": _least(given)}
            return keys | counted | {"distinct": str(field)}
        case "temporal" | "temporal_ordered" as kind:
            steps = [to_text(Query(predicate)) for predicate in predicates]
            return keys | {"kind": "join" if kind == "temporal" else "sequence", "steps": steps}
        case other:
            raise Unsupported(f"correlations of type {str(other)[:40]} are not evaluated")


def _any(predicates: list[Predicate]) -> str:
    return to_text(Query(predicates[0] if len(predicates) == 1 else Or(tuple(predicates))))


def _least(given: Mapping[str, Any]) -> int:
    condition = given.get("condition")
    if isinstance(condition, Mapping):
        for word, more in (("gte", 0), ("gt", 1)):
            value = condition.get(word)
            if isinstance(value, int) and not isinstance(value, bool) and value + more >= 1:
                if len(condition.keys() - {"field"}) > 1:
                    raise Unsupported("it has an upper bound, too")
                return value + more
    raise Unsupported("its condition is none of gte and gt")

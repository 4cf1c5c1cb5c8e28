"""Metrics: which aggregates a statement has to have, and how their values are told."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from heimdall.query.ast import Arithmetic, Call, Comparison, Expression, Field, Literal, Operator
from heimdall.query.languages.esdsl.aggregations.reading import Aggregation
from heimdall.query.languages.esdsl.datemath import format_ms
from heimdall.query.languages.esdsl.faults import illegal
from heimdall.query.languages.esdsl.names import Name
from heimdall.query.languages.esdsl.values import number as number_of
from heimdall.query.types import Type

Columns = dict[str, Expression]
"""Part of the metric (`value`, `count`, `p95`, …) → aggregate."""

_USUAL_PERCENTS = (1.0, 5.0, 25.0, 50.0, 75.0, 95.0, 99.0)


def columns_of(metric: Aggregation) -> Columns:
    name = metric.field
    number = _number(metric, name)
    simple = {part: Call(part, (number,)) for part in ("min", "max", "avg", "sum")}
    match metric.kind:
        case "value_count":
            return {"value": Call("count_if", (presence(name),))}
        case "cardinality":
            return {"value": Call("count_distinct", (value(name, metric.body.get("missing")),))}
        case "stats":
            return {"count": _counted(number), **simple}
        case "extended_stats":
            return {"count": _counted(number), **simple, "squares": Call("sum", (Arithmetic("*", number, number),))}
        case "percentiles":
            return {_percentile(percent): Call(_percentile(percent), (number,)) for percent in percents(metric)}
        case "percentile_ranks":
            ranks = {f"below{place}": _at_most(number, amount) for place, amount in enumerate(_values(metric))}
            return {"count": _counted(number), **ranks}
        case "min" | "max" if name.type is Type.TIME:  # as a number of milliseconds it would lose its last digits
            return {"value": Call(metric.kind, (name.expression,))}
        case kind:
            return {"value": simple[kind]}


def told(metric: Aggregation, found: Mapping[str, Any]) -> dict[str, Any]:
    """The metric's part of the answer; parts that are missing are of no records."""
    match metric.kind:
        case "value_count" | "cardinality":
            return {"value": found.get("value") or 0}
        case "sum":
            return {"value": found.get("value") or 0.0}
        case "stats":
            return _stats(found)
        case "extended_stats":
            return _stats(found) | _deviation(found, number_of("sigma", metric.body.get("sigma", 2.0)))
        case "percentiles":
            values = {f"{percent}": found.get(_percentile(percent)) for percent in percents(metric)}
            return {"values": values if metric.body.get("keyed", True) else _listed(values)}
        case "percentile_ranks":
            count = found.get("count") or 0
            ranks = {
                f"{amount}": 100.0 * found[f"below{place}"] / count if count else None
                for place, amount in enumerate(_values(metric))
            }
            return {"values": ranks if metric.body.get("keyed", True) else _listed(ranks)}
    amount = found.get("value")
    if metric.field.type is Type.TIME and amount is not None:
        return {"value": float(amount), "value_as_string": format_ms(int(amount), metric.body.get("format"))}
    return {"value": amount}


def part_named(metric: Aggregation, path: str) -> str:
    """The part that `name.path` means, as in `order` and `buckets_path`.

    Raises:
        Fault: it has none of that name.
    """
    if metric.kind == "percentiles":
        return _percentile(_percent_of(path))
    if metric.kind in ("stats", "extended_stats"):
        if path in ("count", "min", "max", "avg", "sum"):
            return path
    elif path in ("", "value"):
        return "value"
    raise illegal(f"Invalid aggregation order path [{metric.name}.{path}].")


def _percent_of(path: str) -> float:
    try:
        return float(path)
    except ValueError:
        raise illegal(f"[{path[:40]}] is no percentile") from None


def value(name: Name, missing: Any = None) -> Expression:
    """The field; where nothing was said, missing, and `missing` in its place."""
    expression = name.expression
    if name.fields == ("level",):
        expression = Call("if", (presence(name), Call("tostring", (Field("level"),)), Literal(None)))
    if missing is None:
        return expression
    if isinstance(missing, list | dict):
        raise illegal("[missing] must be a value")
    return Call("coalesce", (expression, Literal(missing)))


def presence(name: Name) -> Expression:
    if name.fields == ("level",):
        return Comparison(Operator.GE, Field("severity_number"), Literal(1))
    return Call("exists", (name.expression,))


def percents(metric: Aggregation) -> list[float]:
    given = metric.body.get("percents", _USUAL_PERCENTS)
    given = given if isinstance(given, list | tuple) else [given]
    found = [_percent_of(str(percent)) for percent in given]
    if not found or len(found) > 50 or not all(0 <= percent <= 100 for percent in found):
        raise illegal(f"[percents] must be 1 to 50 numbers in [0, 100]. Found {given} in [{metric.name}]")
    return found


def _percentile(percent: float) -> str:
    return f"p{percent:.4f}".rstrip("0").rstrip(".")


def _values(metric: Aggregation) -> list[float]:
    given = metric.body.get("values")
    if not isinstance(given, list) or not given or len(given) > 50:
        raise illegal(f"[values] must not be null or an empty array: [{metric.name}]")
    return [number_of("values", amount) for amount in given]


def _number(metric: Aggregation, name: Name) -> Expression:
    missing = metric.body.get("missing")
    if missing is None or metric.kind == "cardinality":
        return name.number
    return Call("coalesce", (name.number, Literal(number_of("missing", missing))))


def _counted(number: Expression) -> Expression:
    return Call("count_if", (Call("exists", (number,)),))


def _at_most(number: Expression, amount: float) -> Expression:
    return Call("count_if", (Comparison(Operator.LE, number, Literal(amount)),))


def _listed(values: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{"key": float(key), "value": amount} for key, amount in values.items()]


def _stats(found: Mapping[str, Any]) -> dict[str, Any]:
    parts = {part: found.get(part) for part in ("min", "max", "avg")}
    return {"count": found.get("count") or 0, **parts, "sum": found.get("sum") or 0.0}


def _deviation(found: Mapping[str, Any], sigma: float) -> dict[str, Any]:
    count, total, squares = found.get("count") or 0, found.get("sum") or 0.0, found.get("squares")
    if not count or squares is None:
        nothing = dict.fromkeys(("sum_of_squares", "variance", "variance_population", "variance_sampling"))
        rest = dict.fromkeys(("std_deviation", "std_deviation_population", "std_deviation_sampling"))
        return nothing | rest
    population = max(0.0, squares / count - (total / count) ** 2)
    sampling = population * count / (count - 1) if count > 1 else None
    deviation, mean = math.sqrt(population), total / count
    return {
        "sum_of_squares": squares,
        "variance": population,
        "variance_population": population,
        "variance_sampling": sampling,
        "std_deviation": deviation,
        "std_deviation_population": deviation,
        "std_deviation_sampling": None if sampling is None else math.sqrt(sampling),
        "std_deviation_bounds": {"upper": mean + sigma * deviation, "lower": mean - sigma * deviation},
    }

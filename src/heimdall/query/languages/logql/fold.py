"""Arithmetic between numbers is done while a query is read: `2 * 3 < 7` is one number."""

from __future__ import annotations

import math

from heimdall.query.languages.logql.ast import Binary, LabelReplace, Metric, Number, VectorAggregation


def fold(metric: Metric) -> Metric:
    match metric:
        case Binary(op=op, left=left, right=right, returns_bool=returns_bool, matching=matching):
            a, b = fold(left), fold(right)
            if isinstance(a, Number) and isinstance(b, Number):
                return Number(calculate(op, a.value, b.value))
            return Binary(op, a, b, returns_bool, matching)
        case VectorAggregation(op=op, inner=inner, parameter=parameter, grouping=grouping):
            return VectorAggregation(op, fold(inner), parameter, grouping)
        case LabelReplace(inner=inner):
            return LabelReplace(fold(inner), metric.target, metric.replacement, metric.source, metric.pattern)
        case _:
            return metric


def calculate(op: str, a: float, b: float) -> float:
    """One operation on numbers; comparisons give 1 or 0."""
    match op:
        case "+":
            return a + b
        case "-":
            return a - b
        case "*":
            return a * b
        case "/":
            return a / b if b else math.nan
        case "%":
            return math.fmod(a, b) if b and not math.isinf(a) else math.nan
        case "^":
            return power(a, b)
        case _:
            return float(holds(op, a, b))


def power(a: float, b: float) -> float:
    try:
        return math.pow(a, b)
    except OverflowError:
        return -math.inf if a < 0 and b % 2 else math.inf
    except ValueError:
        return math.inf if a == 0 else math.nan


def holds(op: str, a: float, b: float) -> bool:
    match op:
        case "==":
            return a == b
        case "!=":
            return a != b
        case ">":
            return a > b
        case ">=":
            return a >= b
        case "<":
            return a < b
        case _:
            return a <= b

"""A metric query → its series over steps."""

from __future__ import annotations

import numpy as np

from heimdall.query.languages.logql.ast import (
    Binary,
    Grouping,
    LabelReplace,
    Metric,
    Number,
    RangeAggregation,
    Vector,
    VectorAggregation,
)
from heimdall.query.logql.ranges import Reading, evaluate_range
from heimdall.query.logql.series import Matrix, Steps
from heimdall.query.logql.vectors import aggregate, between, replace_label, with_number


def evaluate(metric: Metric, steps: Steps, reading: Reading, outer: Grouping | None = None) -> Matrix:
    """`outer`: how the series will be added up next; None = they stay as they are."""
    match metric:
        case Number(value=value) | Vector(value=value):
            return Matrix(((),), np.full((1, steps.count), value), np.ones((1, steps.count), dtype=bool))
        case RangeAggregation():
            return evaluate_range(metric, steps, outer, reading)
        case VectorAggregation(op=op, inner=inner, grouping=grouping):
            hint = (grouping or Grouping(())) if op == "sum" else None
            return aggregate(metric, evaluate(inner, steps, reading, hint))
        case LabelReplace(inner=inner):
            return replace_label(metric, evaluate(inner, steps, reading))
        case Binary(left=Number(value=number), right=right):
            return with_number(metric, evaluate(right, steps, reading), number, number_is_left=True)
        case Binary(left=left, right=Number(value=number)):
            return with_number(metric, evaluate(left, steps, reading), number, number_is_left=False)
        case Binary(left=left, right=right):
            return between(metric, evaluate(left, steps, reading), evaluate(right, steps, reading))

"""PromQL's words: functions with what they take and give, aggregations, operators.

Source: Prometheus documentation, "Query functions" and "Operators". Experimental functions and native histograms
are not here.
"""

from __future__ import annotations

from dataclasses import dataclass

from heimdall.query.languages.promql.ast import Kind

_V, _R, _S, _T = Kind.VECTOR, Kind.RANGE, Kind.SCALAR, Kind.STRING


@dataclass(frozen=True, slots=True)
class Signature:
    takes: tuple[Kind, ...]
    gives: Kind = Kind.VECTOR
    optional: int = 0
    """Arguments at the end that may be left out."""
    more: bool = False
    """The last may come any number of times."""


CALENDAR = ("day_of_month", "day_of_week", "day_of_year", "days_in_month", "hour", "minute", "month", "year")
NUMERIC = (
    "abs", "acos", "acosh", "asin", "asinh", "atan", "atanh", "ceil", "cos", "cosh", "deg", "exp", "floor", "ln",
    "log10", "log2", "rad", "sgn", "sin", "sinh", "sqrt", "tan", "tanh",
)  # fmt: skip
OVER_RANGES = (
    "avg_over_time", "changes", "count_over_time", "delta", "deriv", "idelta", "increase", "irate", "last_over_time",
    "max_over_time", "min_over_time", "present_over_time", "rate", "resets", "stddev_over_time", "stdvar_over_time",
    "sum_over_time",
)  # fmt: skip

FUNCTIONS: dict[str, Signature] = {
    **{name: Signature((_V,)) for name in NUMERIC},
    **{name: Signature((_R,)) for name in OVER_RANGES},
    **{name: Signature((_V,), optional=1) for name in CALENDAR},
    "absent": Signature((_V,)),
    "absent_over_time": Signature((_R,)),
    "clamp": Signature((_V, _S, _S)),
    "clamp_max": Signature((_V, _S)),
    "clamp_min": Signature((_V, _S)),
    "histogram_quantile": Signature((_S, _V)),
    "label_join": Signature((_V, _T, _T, _T), optional=1, more=True),
    "label_replace": Signature((_V, _T, _T, _T, _T)),
    "pi": Signature((), gives=_S),
    "predict_linear": Signature((_R, _S)),
    "quantile_over_time": Signature((_S, _R)),
    "round": Signature((_V, _S), optional=1),
    "scalar": Signature((_V,), gives=_S),
    "sort": Signature((_V,)),
    "sort_desc": Signature((_V,)),
    "time": Signature((), gives=_S),
    "timestamp": Signature((_V,)),
    "vector": Signature((_S,)),
}

AGGREGATIONS: dict[str, Kind | None] = {
    "avg": None, "bottomk": _S, "count": None, "count_values": _T, "group": None, "max": None, "min": None,
    "quantile": _S, "stddev": None, "stdvar": None, "sum": None, "topk": _S,
}  # fmt: skip
"""With what stands before the vector."""

PRECEDENCE = {
    "or": 1, "and": 2, "unless": 2, "==": 3, "!=": 3, ">": 3, "<": 3, ">=": 3, "<=": 3, "+": 4, "-": 4, "*": 5,
    "/": 5, "%": 5, "atan2": 5, "^": 6,
}  # fmt: skip
COMPARING = frozenset({"==", "!=", ">", "<", ">=", "<="})
SETS = frozenset({"and", "or", "unless"})

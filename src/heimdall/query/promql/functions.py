"""Functions of what series have at a step.

Source: Prometheus documentation, "Query functions".
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from heimdall.errors import InvalidInput
from heimdall.query.languages.promql.ast import NAME, Expression, Matcher, Selector
from heimdall.query.logql.series import Floats, Labels, Marks, Matrix, Steps, labels_from
from heimdall.query.promql.operators import SAME_LABELS, merged, nameless, without_names
from heimdall.query.regex import compile_pattern

_REFERENCE = re.compile(r"\$(?:\$|\{(\w+)\}|(\w+))")

_NUMERIC: dict[str, Callable[[Floats], Floats]] = {
    "abs": np.abs, "acos": np.arccos, "acosh": np.arccosh, "asin": np.arcsin, "asinh": np.arcsinh, "atan": np.arctan,
    "atanh": np.arctanh, "ceil": np.ceil, "cos": np.cos, "cosh": np.cosh, "deg": np.degrees, "exp": np.exp,
    "floor": np.floor, "ln": np.log, "log10": np.log10, "log2": np.log2, "rad": np.radians, "sgn": np.sign,
    "sin": np.sin, "sinh": np.sinh, "sqrt": np.sqrt, "tan": np.tan, "tanh": np.tanh,
}  # fmt: skip


def numeric(function: str, inner: Matrix) -> Matrix:
    with np.errstate(all="ignore"):
        values = np.asarray(_NUMERIC[function](inner.values), dtype=np.float64)
    return without_names(Matrix(inner.labels, values, inner.present))


def clamped(inner: Matrix, low: Floats | None, high: Floats | None) -> Matrix:
    values = inner.values
    present: Marks = inner.present
    if low is not None:
        values = np.maximum(values, low)
    if high is not None:
        values = np.minimum(values, high)
    if low is not None and high is not None:
        present = present & np.broadcast_to(low <= high, present.shape)
    return without_names(Matrix(inner.labels, values, present).living())


def rounded(inner: Matrix, nearest: Floats) -> Matrix:
    """Halves go up."""
    with np.errstate(all="ignore"):
        inverse = 1.0 / nearest
        values = np.floor(inner.values * inverse + 0.5) / inverse
    return without_names(Matrix(inner.labels, values, inner.present))


def calendar(function: str, inner: Matrix) -> Matrix:
    """Parts of moments in seconds, in UTC; NaN of what is no moment."""
    odd = ~np.isfinite(inner.values) | (np.abs(inner.values) > 2**53)
    moments = np.where(odd, 0, np.trunc(inner.values)).astype("datetime64[s]")
    values = np.where(odd, np.nan, _CALENDAR[function](moments).astype(np.float64))
    return without_names(Matrix(inner.labels, values, inner.present))


Moments = np.ndarray[Any, Any]


def _days(moments: Moments) -> Moments:
    return moments.astype("datetime64[D]")


def _months(moments: Moments) -> Moments:
    return moments.astype("datetime64[M]")


_CALENDAR: dict[str, Callable[[Moments], Moments]] = {
    "day_of_month": lambda at: (_days(at) - _months(at).astype("datetime64[D]")).astype(np.int64) + 1,
    "day_of_week": lambda at: (_days(at).astype(np.int64) + 4) % 7,
    "day_of_year": lambda at: (_days(at) - at.astype("datetime64[Y]").astype("datetime64[D]")).astype(np.int64) + 1,
    "days_in_month": lambda at: (
        (_months(at) + 1).astype("datetime64[D]") - _months(at).astype("datetime64[D]")
    ).astype(np.int64),
    "hour": lambda at: at.astype(np.int64) // 3_600 % 24,
    "minute": lambda at: at.astype(np.int64) // 60 % 60,
    "month": lambda at: _months(at).astype(np.int64) % 12 + 1,
    "year": lambda at: at.astype("datetime64[Y]").astype(np.int64) + 1970,
}


def absent(argument: Expression, inner: Matrix, steps: Steps) -> Matrix:
    """1 where no series has a value, with the labels that the selector names for certain."""
    anything: Marks = np.any(inner.present, axis=0) if inner.labels else np.zeros(steps.count, dtype=bool)
    labels: Labels = labels_from(_certain(argument.matchers)) if isinstance(argument, Selector) else ()
    return Matrix((labels,), np.ones((1, steps.count)), ~anything[np.newaxis, :]).living()


def _certain(matchers: Sequence[Matcher]) -> dict[str, str]:
    names = [each.name for each in matchers]
    return {
        each.name: each.value
        for each in matchers
        if each.op == "=" and each.name != NAME and names.count(each.name) == 1
    }


def to_scalar(inner: Matrix) -> Floats:
    """The value where one series alone has one; NaN elsewhere."""
    if not inner.labels:
        return np.full(inner.values.shape[1], np.nan)
    single = inner.present.sum(axis=0) == 1
    return np.where(single, np.where(inner.present, inner.values, 0.0).sum(axis=0), np.nan)


def in_order(inner: Matrix, *, descending: bool) -> Matrix:
    """By the value of the last step: that of an instant question."""
    if not inner.labels:
        return inner
    last = inner.values[:, -1]
    order = np.argsort(np.where(np.isnan(last), np.inf, -last if descending else last), kind="stable")
    return Matrix(tuple(inner.labels[place] for place in order), inner.values[order], inner.present[order])


# ---- labels ----------------------------------------------------------------------------------------------------------


def label_replaced(inner: Matrix, target: str, replacement: str, source: str, pattern: str) -> Matrix:
    try:
        compiled = compile_pattern(f"(?s:{pattern})")
    except ValueError as exc:
        raise InvalidInput(f"invalid regular expression in label_replace(): {pattern}") from exc
    _check_name(target, "label_replace")
    made: list[Labels] = []
    for labels in inner.labels:
        pairs = dict(labels)
        if (match := compiled.fullmatch(pairs.get(source, ""))) is not None:
            pairs[target] = _REFERENCE.sub(partial(_group_text, match), replacement)
        made.append(labels_from(pairs))
    return _relabelled(inner, made)


def _group_text(match: Any, found: re.Match[str]) -> str:
    name = found[1] or found[2]
    if name is None:
        return "$"
    try:
        return str(match.group(int(name) if name.isdecimal() else name) or "")
    except (IndexError, KeyError):
        return ""


def label_joined(inner: Matrix, target: str, separator: str, sources: Sequence[str]) -> Matrix:
    _check_name(target, "label_join")
    made = []
    for labels in inner.labels:
        pairs = dict(labels)
        made.append(labels_from(pairs | {target: separator.join(pairs.get(name, "") for name in sources)}))
    return _relabelled(inner, made)


def _check_name(name: str, function: str) -> None:
    if not name:
        raise InvalidInput(f"invalid destination label name in {function}(): {name}")


def _relabelled(inner: Matrix, labels: Sequence[Labels]) -> Matrix:
    if len(set(labels)) == len(labels):
        return Matrix(tuple(labels), inner.values, inner.present)
    return merged(labels, inner.values, inner.present)


# ---- histograms ------------------------------------------------------------------------------------------------------


def histogram_quantile(q: Floats, inner: Matrix) -> Matrix:
    """Of classic histograms: series that differ in `le` alone are the buckets of one."""
    groups: dict[Labels, list[tuple[float, int]]] = {}
    for place, labels in enumerate(inner.labels):
        bound = _bound(dict(labels).get("le"))
        if bound is not None:
            own = tuple(pair for pair in nameless(labels) if pair[0] != "le")
            groups.setdefault(own, []).append((bound, place))
    steps = inner.values.shape[1]
    values = np.zeros((len(groups), steps))
    present = np.zeros((len(groups), steps), dtype=bool)
    for row, buckets in enumerate(groups.values()):
        buckets.sort()
        bounds = np.array([bound for bound, _ in buckets])
        places = [place for _, place in buckets]
        present[row] = inner.present[places].any(axis=0)
        if len(set(bounds.tolist())) < len(places) and (inner.present[places].sum(axis=0) > len(set(bounds))).any():
            raise InvalidInput(SAME_LABELS)
        for step in np.flatnonzero(present[row]):
            there = inner.present[places, step]
            values[row, step] = bucket_quantile(float(q[step]), bounds[there], inner.values[places, step][there])
    return Matrix(tuple(groups), values, present).living()


def _bound(text: str | None) -> float | None:
    try:
        return None if text is None else float(text)
    except ValueError:
        return None


def bucket_quantile(q: float, bounds: Floats, counts: Floats) -> float:
    """Linear within the bucket that holds the quantile; `counts` are cumulative, and mended where they fall."""
    if math.isnan(q):
        return math.nan
    if q < 0 or q > 1:
        return -math.inf if q < 0 else math.inf
    if len(bounds) < 2 or bounds[-1] != math.inf:
        return math.nan
    counts = np.maximum.accumulate(counts)
    total = float(counts[-1])
    if total == 0 or math.isnan(total):
        return math.nan
    rank = q * total
    place = int(np.searchsorted(counts[:-1], rank, side="left"))
    if place == len(bounds) - 1:
        return float(bounds[-2])
    if place == 0 and bounds[0] <= 0:
        return float(bounds[0])
    start, before = (0.0, 0.0) if place == 0 else (float(bounds[place - 1]), float(counts[place - 1]))
    return start + (float(bounds[place]) - start) * ((rank - before) / (float(counts[place]) - before))

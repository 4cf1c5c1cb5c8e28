"""Aggregations over series and operators between them, all steps at once.

Source: Grafana Loki, "LogQL: Metric queries" and "Operators"; matching and set operators are those of Prometheus.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence

import numpy as np

from heimdall.errors import InvalidInput
from heimdall.query.languages.logql.ast import Binary, Grouping, LabelReplace, Matching, VectorAggregation
from heimdall.query.languages.logql.checks import whole
from heimdall.query.languages.logql.fold import calculate, holds, power
from heimdall.query.languages.logql.templatefunctions import expand
from heimdall.query.logql.series import Floats, Labels, Marks, Matrix, labels_from

_AMBIGUOUS = {
    True: "multiple matches for labels: grouping labels must ensure unique matches",
    False: "multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)",
}
_COMPARING = frozenset({"==", "!=", ">", ">=", "<", "<="})


def group_of(labels: Labels, grouping: Grouping | None) -> Labels:
    if grouping is None:
        return ()
    return tuple(pair for pair in labels if (pair[0] in grouping.labels) != grouping.without)


def aggregate(node: VectorAggregation, inner: Matrix) -> Matrix:
    if node.op in ("sort", "sort_desc"):
        return _sorted(inner, descending=node.op == "sort_desc")
    groups: dict[Labels, list[int]] = {}
    for place, labels in enumerate(inner.labels):
        groups.setdefault(group_of(labels, node.grouping), []).append(place)
    if node.op in ("topk", "bottomk"):
        return chosen(inner, list(groups.values()), node.parameter or 1, largest=node.op == "topk")
    steps = inner.values.shape[1]
    values = np.zeros((len(groups), steps))
    present = np.zeros((len(groups), steps), dtype=bool)
    for row, members in enumerate(groups.values()):
        own, there = inner.values[members], inner.present[members]
        present[row] = there.any(axis=0)
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore", RuntimeWarning)  # columns without any value are marked absent
            values[row] = AGGREGATES[node.op](own, there)
    return Matrix(tuple(groups), values, present)


def _sum(values: Floats, there: Marks) -> Floats:
    return np.asarray(np.where(there, values, 0.0).sum(axis=0))


def _count(values: Floats, there: Marks) -> Floats:
    return np.asarray(there.sum(axis=0), dtype=np.float64)


def _mean(values: Floats, there: Marks) -> Floats:
    return _sum(values, there) / _count(values, there)


def _variance(values: Floats, there: Marks) -> Floats:
    return _sum((values - _mean(values, there)) ** 2, there) / _count(values, there)


def _minimum(values: Floats, there: Marks) -> Floats:
    return np.asarray(np.fmin.reduce(np.where(there, values, np.nan), axis=0))


def _maximum(values: Floats, there: Marks) -> Floats:
    return np.asarray(np.fmax.reduce(np.where(there, values, np.nan), axis=0))


AGGREGATES: dict[str, Callable[[Floats, Marks], Floats]] = {
    "sum": _sum,
    "count": _count,
    "avg": _mean,
    "min": _minimum,
    "max": _maximum,
    "stdvar": _variance,
    "stddev": lambda values, there: np.sqrt(_variance(values, there)),
}


def chosen(inner: Matrix, groups: Sequence[list[int]], count: int, *, largest: bool) -> Matrix:
    """The k largest or smallest of each group, step by step; of equal ones the first by labels. NaN comes last."""
    present = np.zeros_like(inner.present)
    for members in groups:
        ordered = np.array(sorted(members, key=lambda place: inner.labels[place]))
        own, there = inner.values[ordered], inner.present[ordered]
        key = -own if largest else own
        odd = np.isnan(key)
        places = np.lexsort((np.where(odd, 0.0, key), odd, ~there), axis=0)[:count]  # an infinite value is one too
        for step in range(own.shape[1]):
            rows = places[:, step]
            present[ordered[rows[there[rows, step]]], step] = True
    return Matrix(inner.labels, inner.values, present).living()


def _sorted(inner: Matrix, *, descending: bool) -> Matrix:
    """By the value of the last step: that of an instant question."""
    if not inner.labels:
        return inner
    last = inner.values[:, -1]
    key = np.where(np.isnan(last), np.inf, -last if descending else last)
    order = np.argsort(key, kind="stable")
    return Matrix(tuple(inner.labels[place] for place in order), inner.values[order], inner.present[order])


def replace_label(node: LabelReplace, inner: Matrix) -> Matrix:
    compiled = whole(node.pattern)
    labels: list[Labels] = []
    for each in inner.labels:
        pairs = dict(each)
        match = compiled.fullmatch(pairs.get(node.source, ""))
        if match is not None:
            pairs[node.target] = expand(node.replacement, match)
        labels.append(labels_from(pairs))
    if len(set(labels)) < len(labels):
        raise InvalidInput("vector cannot contain metrics with the same labelset")
    return Matrix(tuple(labels), inner.values, inner.present)


# ---- operators -----------------------------------------------------------------------------------------------------


def with_number(node: Binary, matrix: Matrix, number: float, *, number_is_left: bool) -> Matrix:
    sides = (number, matrix.values) if number_is_left else (matrix.values, number)
    if node.op in _COMPARING:
        true = _compared(node.op, *sides)
        if node.returns_bool:
            return Matrix(matrix.labels, true.astype(np.float64), matrix.present)
        return Matrix(matrix.labels, matrix.values, matrix.present & true).living()
    return Matrix(matrix.labels, _calculated(node.op, *sides), matrix.present)


def between(node: Binary, left: Matrix, right: Matrix) -> Matrix:
    if node.op in ("and", "or", "unless"):
        return _set_operation(node, left, right)
    matching = node.matching or Matching()
    many, one = (right, left) if matching.many == "right" else (left, right)
    ones: dict[Labels, list[int]] = {}
    for place, labels in enumerate(one.labels):
        ones.setdefault(_key(labels, matching), []).append(place)
    found: dict[Labels, tuple[Floats, Marks]] = {}
    used: dict[Labels, list[Labels]] = {}
    for place, labels in enumerate(many.labels):
        key = _key(labels, matching)
        for partner in ones.get(key, []):
            both = many.present[place] & one.present[partner]
            if not both.any():
                continue
            _check_single(one, ones[key], both, matching)
            own, other = many.values[place], one.values[partner]
            a, b = (other, own) if matching.many == "right" else (own, other)
            name = _result_labels(labels, one.labels[partner], matching)
            values, kept = _one_pair(node, a, b, both)
            if name in found:
                before, there = found[name]
                if (there & kept).any():
                    raise InvalidInput(_AMBIGUOUS[matching.many is not None])
                values, kept = np.where(kept, values, before), there | kept
            found[name] = (values, kept)
            used.setdefault(key, []).append(name)
    if not found:
        return Matrix.empty(left.values.shape[1])
    values = np.stack([each for each, _ in found.values()])
    return Matrix(tuple(found), values, np.stack([there for _, there in found.values()])).living()


def _one_pair(node: Binary, a: Floats, b: Floats, both: Marks) -> tuple[Floats, Marks]:
    if node.op not in _COMPARING:
        return _calculated(node.op, a, b), both
    true = _compared(node.op, a, b)
    if node.returns_bool:
        return true.astype(np.float64), both
    return a, both & true


def _check_single(one: Matrix, places: Sequence[int], where: Marks, matching: Matching) -> None:
    if len(places) > 1 and (one.present[list(places)][:, where].sum(axis=0) > 1).any():
        side = "left" if matching.many == "right" else "right"
        raise InvalidInput(
            f"found duplicate series on the {side} hand-side;many-to-many matching not allowed: matching labels must "
            "be unique on one side"
        )


def _key(labels: Labels, matching: Matching) -> Labels:
    return tuple(pair for pair in labels if (pair[0] in matching.labels) == matching.on)


def _result_labels(many: Labels, one: Labels, matching: Matching) -> Labels:
    if matching.many is None:
        return _key(many, matching)
    pairs = dict(many)
    other = dict(one)
    for name in matching.include:
        pairs[name] = other.get(name, "")
    return labels_from(pairs)


def _set_operation(node: Binary, left: Matrix, right: Matrix) -> Matrix:
    matching = node.matching or Matching()
    steps = left.values.shape[1]

    def seen(side: Matrix) -> dict[Labels, Marks]:
        found: dict[Labels, Marks] = {}
        for labels, there in zip(side.labels, side.present, strict=True):
            key = _key(labels, matching)
            found[key] = found[key] | there if key in found else there
        return found

    nowhere = np.zeros(steps, dtype=bool)
    if node.op == "or":
        known = seen(left)
        added = [~known.get(_key(labels, matching), nowhere) & there
                 for labels, there in zip(right.labels, right.present, strict=True)]  # fmt: skip
        found = {labels: (left.values[place], left.present[place]) for place, labels in enumerate(left.labels)}
        for place, labels in enumerate(right.labels):
            if not added[place].any():
                continue
            values, there = found.get(labels, (np.zeros(steps), nowhere))
            found[labels] = (np.where(added[place], right.values[place], values), there | added[place])
        if not found:
            return Matrix.empty(steps)
        values = np.stack([each for each, _ in found.values()])
        return Matrix(tuple(found), values, np.stack([there for _, there in found.values()]))
    known = seen(right)
    present = left.present.copy()
    for place, labels in enumerate(left.labels):
        partner = known.get(_key(labels, matching), nowhere)
        present[place] &= partner if node.op == "and" else ~partner
    return Matrix(left.labels, left.values, present).living()


def _compared(op: str, a: Floats | float, b: Floats | float) -> Marks:
    compare = {
        "==": np.equal, "!=": np.not_equal, ">": np.greater, ">=": np.greater_equal, "<": np.less,
        "<=": np.less_equal,
    }[op]  # fmt: skip
    return np.asarray(compare(a, b), dtype=bool)


def _calculated(op: str, a: Floats | float, b: Floats | float) -> Floats:
    with np.errstate(all="ignore"):
        match op:
            case "+":
                return np.asarray(np.add(a, b))
            case "-":
                return np.asarray(np.subtract(a, b))
            case "*":
                return np.asarray(np.multiply(a, b))
            case "/":
                return np.where(np.equal(b, 0.0), np.nan, np.divide(a, b))
            case "%":
                return np.where(np.equal(b, 0.0), np.nan, np.fmod(a, b))
            case _:
                return np.asarray(np.frompyfunc(power, 2, 1)(a, b), dtype=np.float64)


__all__ = [
    "AGGREGATES",
    "aggregate",
    "between",
    "calculate",
    "chosen",
    "group_of",
    "holds",
    "replace_label",
    "with_number",
]

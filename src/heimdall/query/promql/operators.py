"""Operators between series and aggregations over them, all steps at once.

Source: Prometheus documentation, "Operators". LogQL's own are `heimdall.query.logql.vectors`, whose folds over series
these share.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence

import numpy as np

from heimdall.errors import InvalidInput
from heimdall.query.languages.promql.ast import NAME, Aggregation, Binary, Matching
from heimdall.query.languages.promql.words import COMPARING
from heimdall.query.logql.series import Floats, Labels, Marks, Matrix, labels_from
from heimdall.query.logql.vectors import AGGREGATES, chosen
from heimdall.query.promql.numbers import format_value
from heimdall.query.promql.windows import quantile

SAME_LABELS = "vector cannot contain metrics with the same labelset"

Values = Floats | float
_CALCULATE: dict[str, Callable[[Values, Values], Floats]] = {
    "+": np.add, "-": np.subtract, "*": np.multiply, "/": np.divide, "%": np.fmod, "^": np.power, "atan2": np.arctan2,
}  # fmt: skip
_COMPARE: dict[str, Callable[[Values, Values], Marks]] = {
    "==": np.equal, "!=": np.not_equal, ">": np.greater, ">=": np.greater_equal, "<": np.less, "<=": np.less_equal,
}  # fmt: skip


def nameless(labels: Labels) -> Labels:
    return tuple(pair for pair in labels if pair[0] != NAME)


def without_names(matrix: Matrix) -> Matrix:
    return merged([nameless(labels) for labels in matrix.labels], matrix.values, matrix.present)


def merged(labels: Sequence[Labels], values: Floats, present: Marks) -> Matrix:
    """Series that have the same labels become one, where they never have a value at the same step.

    Raises:
        InvalidInput: they do.
    """
    if len(set(labels)) == len(labels):
        return Matrix(tuple(labels), values, present)
    rows: dict[Labels, int] = {}
    out_values: list[Floats] = []
    out_present: list[Marks] = []
    for place, each in enumerate(labels):
        if each not in rows:
            rows[each] = len(out_values)
            out_values.append(values[place])
            out_present.append(present[place])
            continue
        row = rows[each]
        if (out_present[row] & present[place]).any():
            raise InvalidInput(SAME_LABELS)
        out_values[row] = np.where(present[place], values[place], out_values[row])
        out_present[row] = out_present[row] | present[place]
    return Matrix(tuple(rows), np.stack(out_values), np.stack(out_present))


def calculated(op: str, a: Values, b: Values) -> Floats:
    with np.errstate(all="ignore"):
        if op in COMPARING:
            return np.asarray(_COMPARE[op](a, b), dtype=np.float64)
        return np.asarray(_CALCULATE[op](a, b), dtype=np.float64)


def with_scalar(node: Binary, matrix: Matrix, number: Floats, *, scalar_is_left: bool) -> Matrix:
    sides = (number, matrix.values) if scalar_is_left else (matrix.values, number)
    found = np.broadcast_to(calculated(node.op, *sides), matrix.values.shape)
    if node.op not in COMPARING or node.returns_bool:
        return without_names(Matrix(matrix.labels, found, matrix.present))
    return Matrix(matrix.labels, matrix.values, matrix.present & (found > 0)).living()


# ---- two vectors -----------------------------------------------------------------------------------------------------


def key_of(labels: Labels, matching: Matching) -> Labels:
    if matching.on:
        return tuple(pair for pair in labels if pair[0] in matching.labels)
    return tuple(pair for pair in labels if pair[0] not in matching.labels and pair[0] != NAME)


def between(node: Binary, left: Matrix, right: Matrix) -> Matrix:
    matching = node.matching
    many, one = (right, left) if matching.many == "right" else (left, right)
    ones = _grouped(one, matching, many, "left" if matching.many == "right" else "right")
    found: dict[Labels, tuple[Floats, Marks]] = {}
    taken: dict[Labels, Marks] = {}
    for place, labels in enumerate(many.labels):
        key = key_of(labels, matching)
        for partner in ones.get(key, ()):
            both = many.present[place] & one.present[partner]
            if not both.any():
                continue
            sides = (many.values[place], one.values[partner])
            a, b = sides[::-1] if matching.many == "right" else sides
            values, kept = _pair(node, a, b, both)
            name = _result_labels(node, labels, one.labels[partner])
            _claim(taken, key if matching.many is None else name, both, matching)
            if name in found:
                before, there = found[name]
                if (there & kept).any():
                    raise InvalidInput(SAME_LABELS)
                values, kept = np.where(kept, values, before), there | kept
            found[name] = (values, kept)
    if not found:
        return Matrix.empty(left.values.shape[1])
    values = np.stack([each for each, _ in found.values()])
    return Matrix(tuple(found), values, np.stack([there for _, there in found.values()])).living()


def _pair(node: Binary, a: Floats, b: Floats, both: Marks) -> tuple[Floats, Marks]:
    made = calculated(node.op, a, b)
    if node.op in COMPARING and not node.returns_bool:
        return a, both & (made > 0)
    return made, both


def _claim(taken: dict[Labels, Marks], key: Labels, kept: Marks, matching: Matching) -> None:
    """No two pairs may make one result at one step."""
    if key in taken and (taken[key] & kept).any():
        if matching.many is None:
            raise InvalidInput(
                "multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)"
            )
        raise InvalidInput("multiple matches for labels: grouping labels must ensure unique matches")
    taken[key] = taken[key] | kept if key in taken else kept


def _grouped(one: Matrix, matching: Matching, many: Matrix, side: str) -> dict[Labels, list[int]]:
    """Series of the side that must be unique, by what they are matched by."""
    found: dict[Labels, list[int]] = {}
    for place, labels in enumerate(one.labels):
        found.setdefault(key_of(labels, matching), []).append(place)
    asked = many.present.any(axis=0)
    for key, places in found.items():
        if len(places) > 1 and ((one.present[places].sum(axis=0) > 1) & asked).any():
            group = ", ".join(f'{name}="{value}"' for name, value in key)
            shown = ", ".join(_text(one.labels[place]) for place in places[:2])
            raise InvalidInput(
                f"found duplicate series for the match group {{{group}}} on the {side} hand-side of the operation: "
                f"[{shown}];many-to-many matching not allowed: matching labels must be unique on one side"
            )
    return found


def _text(labels: Labels) -> str:
    return "{" + ", ".join(f'{name}="{value}"' for name, value in labels) + "}"


def _result_labels(node: Binary, many: Labels, one: Labels) -> Labels:
    matching = node.matching
    labels = many if node.op in COMPARING and not node.returns_bool else nameless(many)
    if matching.many is None:
        return tuple(pair for pair in labels if (pair[0] in matching.labels) == matching.on)
    pairs = dict(labels)
    other = dict(one)
    for name in matching.include:
        pairs[name] = other.get(name, "")
    return labels_from(pairs)


def set_operation(node: Binary, left: Matrix, right: Matrix) -> Matrix:
    if node.op == "or":
        known = _presence(left, node.matching)
        nowhere = np.zeros(left.values.shape[1], dtype=bool)
        added = right.present.copy()
        for place, labels in enumerate(right.labels):
            added[place] &= ~known.get(key_of(labels, node.matching), nowhere)
        values = np.concatenate([left.values, right.values])
        both = Matrix((*left.labels, *right.labels), values, np.concatenate([left.present, added])).living()
        return merged(both.labels, both.values, both.present)
    known = _presence(right, node.matching)
    present = left.present.copy()
    for place, labels in enumerate(left.labels):
        partner = known.get(key_of(labels, node.matching))
        if node.op == "and":
            present[place] &= False if partner is None else partner
        elif partner is not None:
            present[place] &= ~partner
    return Matrix(left.labels, left.values, present).living()


def _presence(side: Matrix, matching: Matching) -> dict[Labels, Marks]:
    found: dict[Labels, Marks] = {}
    for labels, there in zip(side.labels, side.present, strict=True):
        key = key_of(labels, matching)
        found[key] = found[key] | there if key in found else there
    return found


# ---- aggregations ----------------------------------------------------------------------------------------------------


def aggregated(node: Aggregation, inner: Matrix, parameter: Floats | str | None) -> Matrix:
    """`parameter`: a number for each step, or the label of `count_values`."""
    groups: dict[Labels, list[int]] = {}
    for place, labels in enumerate(inner.labels):
        groups.setdefault(_group(labels, node), []).append(place)
    if isinstance(parameter, str):
        return _count_values(groups, inner, parameter)
    if node.op in ("topk", "bottomk"):
        assert parameter is not None
        return _some(node, list(groups.values()), inner, parameter)
    steps = inner.values.shape[1]
    values = np.zeros((len(groups), steps))
    present = np.zeros((len(groups), steps), dtype=bool)
    for row, members in enumerate(groups.values()):
        own, there = inner.values[members], inner.present[members]
        present[row] = there.any(axis=0)
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore", RuntimeWarning)  # columns without any value are marked absent
            if node.op == "group":
                values[row] = 1.0
            elif node.op == "quantile":
                assert parameter is not None
                values[row] = [quantile(q, own[there[:, step], step]) for step, q in enumerate(parameter.tolist())]
            else:
                values[row] = AGGREGATES[node.op](own, there)
    return Matrix(tuple(groups), values, present).living()


def _group(labels: Labels, node: Aggregation) -> Labels:
    if node.without:
        return tuple(pair for pair in labels if pair[0] not in node.labels and pair[0] != NAME)
    return tuple(pair for pair in labels if pair[0] in node.labels)


def _some(node: Aggregation, groups: Sequence[list[int]], inner: Matrix, wanted: Floats) -> Matrix:
    """The k largest or smallest of each group; k may differ from step to step."""
    if np.isnan(wanted).any():
        raise InvalidInput("Parameter value is NaN")
    present = np.zeros_like(inner.present)
    for k in np.unique(wanted):
        if k < 1:
            continue
        steps = wanted == k
        part = Matrix(inner.labels, inner.values[:, steps], inner.present[:, steps])
        kept = chosen(part, groups, int(min(k, len(inner.labels))), largest=node.op == "topk")
        places = {labels: place for place, labels in enumerate(inner.labels)}
        columns = np.flatnonzero(steps)
        for row, labels in enumerate(kept.labels):
            present[places[labels], columns] = kept.present[row]
    found = Matrix(inner.labels, inner.values, present).living()
    if not found.labels:
        return found
    last = found.values[:, -1]
    order = np.argsort(np.where(np.isnan(last), np.inf, -last if node.op == "topk" else last), kind="stable")
    return Matrix(tuple(found.labels[place] for place in order), found.values[order], found.present[order])


def _count_values(groups: dict[Labels, list[int]], inner: Matrix, label: str) -> Matrix:
    steps = inner.values.shape[1]
    rows: dict[Labels, Floats] = {}
    for labels, members in groups.items():
        own, there = inner.values[members], inner.present[members]
        for value in np.unique(own[there]):
            same = there & ((own == value) | (np.isnan(own) & np.isnan(value)))
            name = labels_from(dict(labels) | {label: format_value(float(value))})
            rows[name] = rows.get(name, np.zeros(steps)) + same.sum(axis=0)
    if not rows:
        return Matrix.empty(steps)
    counts = np.stack(list(rows.values()))
    return Matrix(tuple(rows), counts, counts > 0)

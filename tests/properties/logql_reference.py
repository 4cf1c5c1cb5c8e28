"""LogQL answered the plainest way: one entry after the other, one window after the other, dictionaries of labels.

Independent of `heimdall.query.logql` on purpose: it shares the tree and nothing else.
"""

from __future__ import annotations

import ipaddress
import json
import math
import re
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from heimdall.query.languages.logql import ast as t

SECOND_NS = 10**9
Labels = tuple[tuple[str, str], ...]


class Failed(Exception):
    """The query has no answer."""


@dataclass
class Entry:
    time_ns: int
    line: str
    stream: dict[str, str]
    metadata: dict[str, str]
    hidden: dict[str, str] = field(default_factory=dict)
    """Fields of a JSON line, which can be asked for."""

    @cached_property
    def base(self) -> dict[str, str]:
        """Labels and metadata as LogQL names them; looked at for every query, so made once."""
        service = self.stream.get("service_name") or self.stream.get("app") or "unknown_service"
        level = self.stream.get("level")
        base = self.stream | self.metadata | {"service_name": service, "detected_level": level or "unknown"}
        return {re.sub(r"[^A-Za-z0-9_]", "_", name): value for name, value in base.items()}


@dataclass
class State:
    line: str
    base: dict[str, str]
    hidden: dict[str, str]
    parsed: dict[str, str] = field(default_factory=dict)
    time_ns: int = 0

    def get(self, name: str) -> str:
        return self.parsed.get(name) or self.base.get(name) or self.hidden.get(name) or ""

    def fail(self, error: str) -> None:
        self.parsed.setdefault("__error__", error)

    @property
    def failed(self) -> bool:
        return bool(self.parsed.get("__error__"))

    @property
    def shown(self) -> dict[str, str]:
        both = self.base | {name: value for name, value in self.parsed.items() if value}
        return {name: value for name, value in both.items() if value and name != "__error_details__"}


def start(entry: Entry) -> State:
    return State(entry.line, dict(entry.base), dict(entry.hidden), {}, entry.time_ns)


def fits(op: str, value: str, wanted: str) -> bool:
    if op in ("=", "!="):
        return (value == wanted) == (op == "=")
    return bool(re.fullmatch(wanted, value, re.DOTALL)) == (op == "=~")


def run(query: t.LogQuery, entry: Entry) -> State | None:
    state = start(entry)
    if not all(fits(each.op, state.get(each.name), each.value) for each in query.matchers):
        return None
    for stage in query.stages:
        if not apply(stage, state):
            return None
    return state


def apply(stage: t.Stage, state: State) -> bool:
    match stage:
        case t.LineFilter(op=op, choices=choices):
            found = any(in_line(op, each, state.line) for each in choices)
            return not found if op.startswith("!") else found
        case t.Json(wanted=wanted):
            read_json(state, wanted)
        case t.Logfmt(wanted=wanted):
            pairs: dict[str, str] = {}
            for key, quoted, plain in re.findall(r'([^\s="]+)=(?:"((?:\\.|[^"\\])*)"|([^\s"=]*))(?=\s|$)', state.line):
                pairs.setdefault(key, quoted.replace('\\"', '"') or plain)
            add(state, pairs if not wanted else {name: pairs[path] for name, path in wanted if path in pairs})
        case t.Regexp(pattern=pattern):
            match = re.search(pattern, state.line)
            add(state, {} if match is None else {k: v or "" for k, v in match.groupdict().items()})
        case t.PatternParser(pattern=pattern):
            add(state, by_pattern(pattern, state.line))
        case t.LabelFilter(condition=condition):
            return holds(condition, state)
        case t.LineFormat(template=template):
            state.line = fill(template, state)
        case t.LabelFormat(renamings=renamings):
            for each in renamings:
                value = fill(each.value, state) if each.is_template else state.get(each.value)
                if each.is_template or value:
                    clear(state, each.label)
                    state.parsed[each.label] = value
                    if not each.is_template and each.label != each.value:
                        clear(state, each.value)
        case t.Drop(items=items):
            for item in items:
                if isinstance(item, str) or fits(item.op, state.get(item.name), item.value):
                    clear(state, item if isinstance(item, str) else item.name)
        case t.Keep(items=items):
            kept = {item if isinstance(item, str) else item.name for item in items
                    if isinstance(item, str) or fits(item.op, state.get(item.name), item.value)}  # fmt: skip
            for name in {*state.base, *state.hidden, *state.parsed} - kept - {"__error__", "__error_details__"}:
                clear(state, name)
    return True


def clear(state: State, name: str) -> None:
    for labels in (state.base, state.hidden, state.parsed):
        labels.pop(name, None)


def in_line(op: str, choice: t.LineMatch, line: str) -> bool:
    return choice.text in line if op in ("|=", "!=") else re.search(choice.text, line) is not None


def add(state: State, pairs: dict[str, str]) -> None:
    for name, value in pairs.items():
        target = f"{name}_extracted" if state.base.get(name) else name
        if value and not state.parsed.get(target):
            state.parsed[target] = value


def read_json(state: State, wanted: Sequence[tuple[str, str]]) -> None:
    try:
        whole = json.loads(state.line, parse_int=str, parse_float=str)
        if not isinstance(whole, dict):
            raise ValueError
    except ValueError:
        state.fail("JSONParserErr")
        return
    pairs: dict[str, str] = {}

    def flat(value: dict[str, Any], prefix: str) -> None:
        for key, inner in value.items():
            name = prefix + re.sub(r"[^A-Za-z0-9_]", "_", key)
            if isinstance(inner, dict):
                flat(inner, name + "_")
            elif isinstance(inner, str):
                pairs.setdefault(name, inner)
            elif isinstance(inner, bool):
                pairs.setdefault(name, str(inner).lower())

    flat(whole, "")
    if wanted:
        pairs = {name: pairs[path.replace(".", "_")] for name, path in wanted if path.replace(".", "_") in pairs}
    add(state, pairs)


def by_pattern(pattern: str, line: str) -> dict[str, str]:
    parts = re.split(r"<(\w+)>", pattern)
    if not line.startswith(parts[0]):
        return {}
    rest, found = line[len(parts[0]) :], {}
    for name, literal in zip(parts[1::2], parts[2::2], strict=True):
        value, stop, after = rest.partition(literal) if literal else (rest, "", "")
        if name != "_":
            found[name] = value
        if not stop:
            return found
        rest = after
    return found


def fill(template: str, state: State) -> str:
    return re.sub(r"\{\{\.(\w+)( \| ToUpper)?\}\}",
                  lambda m: state.get(m[1]).upper() if m[2] else state.get(m[1]), template)  # fmt: skip


UNITS = {"ms": 1e6, "s": 1e9, "m": 60e9}
SIZES = {"B": 1.0, "KB": 1e3, "MB": 1e6}


def amount(kind: t.Kind, text: str) -> float | None:
    if kind is t.Kind.NUMBER:
        return float(text) if re.fullmatch(r"-?\d+(\.\d+)?", text) else None
    units = UNITS if kind is t.Kind.DURATION else SIZES
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([A-Za-z]*)", text)
    if found is None or (found[2] not in units and not (kind is t.Kind.BYTES and not found[2])):
        return None
    return float(found[1]) * units.get(found[2], 1.0)


def holds(condition: t.Condition, state: State) -> bool:
    match condition:
        case t.Both(left=left, right=right):
            return holds(left, state) and holds(right, state)
        case t.Either(left=left, right=right):
            return holds(left, state) or holds(right, state)
    value = state.get(condition.label)
    if condition.kind is t.Kind.TEXT:
        return fits(condition.op, value, condition.value)
    if state.failed:
        return True
    if not value:
        return False
    if condition.kind is t.Kind.IP:
        try:
            inside = ipaddress.ip_address(value) in ipaddress.ip_network(condition.value, strict=False)
        except ValueError:
            inside = False
        return inside if condition.op == "=" else not inside
    number = amount(condition.kind, value)
    if number is None:
        state.fail("LabelFilterErr")
        return True
    return compare(condition.op, number, condition.amount)


def compare(op: str, a: float, b: float) -> bool:
    return {"==": a == b, "!=": a != b, ">": a > b, ">=": a >= b, "<": a < b, "<=": a <= b}[op]


# ---- metrics -------------------------------------------------------------------------------------------------------

Vector = dict[Labels, float]
SUMMED = ("count_over_time", "rate", "bytes_over_time", "bytes_rate", "sum_over_time")


def key_of(labels: dict[str, str]) -> Labels:
    return tuple(sorted((name, value) for name, value in labels.items() if value and not name.startswith("__")))


def grouped(labels: Labels, grouping: t.Grouping | None) -> Labels:
    if grouping is None:
        return ()
    return tuple(pair for pair in labels if (pair[0] in grouping.labels) != grouping.without)


def evaluate(metric: t.Metric, entries: Sequence[Entry], at_ns: int) -> Vector:
    match metric:
        case t.Number(value=value) | t.Vector(value=value):
            return {(): value}
        case t.RangeAggregation():
            return over_range(metric, entries, at_ns)
        case t.VectorAggregation(op="sum", grouping=by, inner=t.RangeAggregation(grouping=None, op=op) as inner) if (
            by is not None and not by.without and op in SUMMED
        ):  # hidden fields can be grouped by where nothing stands between
            return over_range(replace(inner, grouping=by), entries, at_ns)
        case t.VectorAggregation():
            return aggregated(metric, evaluate(metric.inner, entries, at_ns))
        case t.Binary():
            return combined(metric, entries, at_ns)
    raise AssertionError(metric)


def over_range(node: t.RangeAggregation, entries: Sequence[Entry], at_ns: int) -> Vector:
    end_ns = at_ns - node.offset_ns
    series: dict[Labels, list[float]] = {}
    for entry in entries:  # oldest first
        if not end_ns - node.range_ns < entry.time_ns <= end_ns:
            continue
        state = run(node.query, entry)
        if state is None:
            continue
        value = float(len(state.line.encode())) if node.op.startswith("bytes") else 1.0
        labels = state.shown
        if node.unwrap is not None:
            text = state.get(node.unwrap.label)
            if not text:
                continue
            kind = {"duration": t.Kind.DURATION, "bytes": t.Kind.BYTES}.get(node.unwrap.conversion or "", t.Kind.NUMBER)
            number = amount(kind, text)
            if number is None:
                state.fail("SampleExtractionErr")
            value = (number or 0.0) / (1e9 if kind is t.Kind.DURATION else 1.0)
            if not all(apply(each, state) for each in node.unwrap.filters):
                continue
            labels = {name: each for name, each in state.shown.items() if name != node.unwrap.label}
        if state.failed:
            raise Failed(state.parsed["__error__"])
        if node.grouping is None:
            group = key_of(labels)
        elif node.grouping.without:
            group = grouped(key_of(labels), node.grouping)
        else:
            group = key_of({name: state.get(name) for name in node.grouping.labels})
        series.setdefault(group, []).append(value)
    return {labels: reduce(node, values) for labels, values in series.items()}


def reduce(node: t.RangeAggregation, values: list[float]) -> float:
    seconds = node.range_ns / 1e9
    match node.op:
        case "count_over_time" | "bytes_over_time" | "sum_over_time":
            return math.fsum(values)
        case "rate" | "bytes_rate":
            return math.fsum(values) / seconds
        case "avg_over_time":
            return math.fsum(values) / len(values)
        case "min_over_time":
            return min(values)
        case "max_over_time":
            return max(values)
        case "stddev_over_time":
            return statistics.pstdev(values)
        case "stdvar_over_time":
            return statistics.pvariance(values)
        case "first_over_time":
            return values[0]
        case "last_over_time":
            return values[-1]
        case "quantile_over_time":
            ordered = sorted(values)
            rank = (node.parameter or 0.0) * (len(ordered) - 1)
            low = math.floor(rank)
            high = min(low + 1, len(ordered) - 1)
            return ordered[low] + (ordered[high] - ordered[low]) * (rank - low)
    raise AssertionError(node.op)


REDUCE: dict[str, Callable[[list[float]], float]] = {
    "sum": math.fsum,
    "count": lambda values: float(len(values)),
    "avg": lambda values: math.fsum(values) / len(values),
    "min": min,
    "max": max,
    "stddev": statistics.pstdev,
    "stdvar": statistics.pvariance,
}


def aggregated(node: t.VectorAggregation, inner: Vector) -> Vector:
    if node.op in ("sort", "sort_desc"):
        return inner
    groups: dict[Labels, Vector] = {}
    for labels, value in inner.items():
        groups.setdefault(grouped(labels, node.grouping), {})[labels] = value
    if node.op in ("topk", "bottomk"):
        sign = -1 if node.op == "topk" else 1
        found: Vector = {}
        for members in groups.values():
            # no number stands behind all numbers, whichever end is asked for; of equal ones the first by labels counts
            ordered = sorted(
                members.items(),
                key=lambda item: (math.isnan(item[1]), 0.0 if math.isnan(item[1]) else sign * item[1], item[0]),
            )
            found |= dict(ordered[: node.parameter])
        return found
    return {labels: REDUCE[node.op](list(members.values())) for labels, members in groups.items()}


def arithmetic(op: str, a: float, b: float) -> float:
    match op:
        case "+":
            return a + b
        case "-":
            return a - b
        case "*":
            return a * b
        case "/":
            return a / b if b else math.nan
        case _:
            return math.fmod(a, b) if b else math.nan


def combined(node: t.Binary, entries: Sequence[Entry], at_ns: int) -> Vector:
    left, right = evaluate(node.left, entries, at_ns), evaluate(node.right, entries, at_ns)
    compares = node.op in ("==", "!=", ">", ">=", "<", "<=")

    def pair(a: float, b: float, kept: float) -> float | None:
        if not compares:
            return arithmetic(node.op, a, b)
        if node.returns_bool:
            return float(compare(node.op, a, b))
        return kept if compare(node.op, a, b) else None

    made: dict[Labels, float | None] = {}
    if isinstance(node.left, t.Number):
        made = {labels: pair(left[()], value, value) for labels, value in right.items()}
    elif isinstance(node.right, t.Number):
        made = {labels: pair(value, right[()], value) for labels, value in left.items()}
    else:
        matching = node.matching or t.Matching()

        def key(labels: Labels) -> Labels:
            return tuple(each for each in labels if (each[0] in matching.labels) == matching.on)

        if node.op in ("and", "unless"):
            there = {key(labels) for labels in right}
            return {labels: value for labels, value in left.items() if (key(labels) in there) == (node.op == "and")}
        if node.op == "or":
            there = {key(labels) for labels in left}
            return left | {labels: value for labels, value in right.items() if key(labels) not in there}
        partners: dict[Labels, list[float]] = {}
        for labels, value in right.items():
            partners.setdefault(key(labels), []).append(value)
        for labels, value in left.items():
            others = partners.get(key(labels), [])
            if len(others) > 1:
                raise Failed("many to many")
            if others:
                name = labels if matching.many == "left" else key(labels)
                result = pair(value, others[0], value)
                if result is not None and made.get(name) is not None:
                    raise Failed("many to one")
                made[name] = made.get(name) if result is None else result
    return {labels: value for labels, value in made.items() if value is not None}

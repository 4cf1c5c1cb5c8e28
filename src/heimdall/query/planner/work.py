"""What a statement does: which columns it reads for every record, and what it computes with each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlglot import exp

from heimdall.storage.rollups import weighs

COMPUTE_NS: Mapping[str, float] = {
    "match": 110, "regexplike": 110, "regexpextract": 95, "extract": 95, "extractgroups": 140,
    "extractallgroupsvertical": 160, "replaceregexpall": 250, "replaceregexpone": 200, "regexpreplace": 250,
    "hasalltokens": 8, "hastoken": 25, "hasphrase": 60, "positioncaseinsensitive": 40, "position": 20, "lower": 12,
    "tojsonstring": 600, "a path": 20, "splitbystring": 120,
    "uniqexact": 125, "uniqexactif": 65, "uniqcombined64": 10, "uniqcombined64if": 10,
    "quantile": 20, "quantileexact": 40, "quantileexactif": 40, "quantiletdigest": 60, "quantiletdigestif": 60,
    "grouparray": 30, "groupuniqarray": 12, "argmax": 30, "argmin": 30, "row_number": 60,
}  # fmt: skip
"""Nanoseconds one record costs by function, on the clock of two cores; `benchmarks/planner.py --calibrate` measures
them again. What is not here counts as `OTHER_NS`."""

OTHER_NS = 1.5
GROUP_NS, GROUP_TEXT_NS, GROUP_ID_NS = 6.0, 12.0, 65.0
"""A record finding its group: by numbers, by texts of few values, by values of which there are thousands."""

DECODE_NS_PER_BYTE = 1.1
"""Text and numbers under ZSTD, per uncompressed byte."""

DECODE_FIXED_NS_PER_BYTE = 0.4
"""Ids under LZ4, and numbers that most records do not have."""

JSON_PATH_NS, JSON_PATH_BYTES = 25.0, 16.0
"""One path of `attributes`."""

_IDS = frozenset({"trace_id", "span_id", "parent_span_id"})
_SELDOM = frozenset({"duration_ms", "cpu_usage", "memory_usage", "error_rate", "anomaly_score", "trace_flags"})
_MANY_VALUES = frozenset({*_IDS, "user_id", "session_id", "request_id", "customer_id", "message"})
_JSON = "attributes"
_FORM = "form"
_AGGREGATES = ("quantile", "uniq", "group", "arg", "sum", "count", "any", "min", "max", "avg", "stddev")


@dataclass(frozen=True, slots=True)
class Work:
    """Costs of one record of the table, split by how many of them have to be paid for."""

    tested_bytes: float
    tested_ns: float
    """Of every record the indexes leave."""
    matched_bytes: float
    matched_ns: float
    """Of those that pass the conditions."""
    shown_bytes: float
    shown_ns: float
    """Of those of the answer."""
    on_rollup: bool
    grouped: bool
    many_groups: bool


def work_of(statement: exp.Query, row_bytes: Mapping[str, float], *, grouped: bool) -> Work:
    """`grouped`: the answer's rows are made of many records each, and the levels above the grouping cost nothing."""
    row_bytes = {**row_bytes, _JSON: JSON_PATH_BYTES}
    whole: exp.Expr = statement
    selects = list(statement.find_all(exp.Select))
    while grouped and len(selects) > 1 and not _groups(selects[0]):
        whole = selects.pop(0).args["from_"]
    tested: set[str] = set()
    tested_ns = 0.0
    for select in selects:
        for clause in ("where", "prewhere"):
            if (test := select.args.get(clause)) is not None:
                tested |= _columns(test)
                tested_ns += _compute_ns(test)
    top = not grouped and any(select.args.get("limit") for select in selects)
    if top:
        for select in selects:
            if (order := select.args.get("order")) is not None:
                tested |= {name for name in _columns(order) if name in row_bytes}
        tested |= {"timestamp", "position"}
    star = any(isinstance(item, exp.Star) for select in selects for item in select.expressions)
    others = (set(row_bytes) if star else _columns(whole)) - tested
    decoded = {name: _decode_ns(name, row_bytes) for name in tested | others}
    all_ns = _compute_ns(whole)
    groups = [select.args["group"] for select in selects if select.args.get("group")]
    group_ns, many = _group_ns(groups, whole)
    other_bytes = sum(row_bytes.get(name, 0.0) for name in others)
    other_ns = sum(decoded[name] for name in others) + all_ns - tested_ns + group_ns
    return Work(
        tested_bytes=sum(row_bytes.get(name, 0.0) for name in tested),
        tested_ns=tested_ns + sum(decoded[name] for name in tested),
        matched_bytes=0.0 if top else other_bytes,
        matched_ns=0.0 if top else other_ns,
        shown_bytes=other_bytes if top else 0.0,
        shown_ns=other_ns if top else 0.0,
        on_rollup=any(weighs(select) for select in selects),
        grouped=grouped,
        many_groups=many,
    )


def _columns(node: exp.Expr) -> set[str]:
    found = {column.name for column in node.find_all(exp.Column) if not isinstance(column.this, exp.Star)}
    for dot in node.find_all(exp.Dot):
        inner = dot
        while isinstance(inner.this, exp.Dot):
            inner = inner.this
        found.add(inner.expression.name)
    return found


def _decode_ns(name: str, row_bytes: Mapping[str, float]) -> float:
    if name == _JSON:
        return JSON_PATH_NS
    return row_bytes.get(name, 0.0) * (DECODE_FIXED_NS_PER_BYTE if name in _IDS | _SELDOM else DECODE_NS_PER_BYTE)


def _compute_ns(node: exp.Expr) -> float:
    total = 0.0
    for call in node.find_all(exp.Func):
        if isinstance(call, (exp.And, exp.Or)):
            continue
        name = _name(call)
        if name == "tojsonstring" and not isinstance(call.expressions[0], exp.Column):
            name = "a path"  # of the attributes, not all of them
        total += OTHER_NS if _of_forms(call) else COMPUTE_NS.get(name, OTHER_NS)
    return total


def _of_forms(call: exp.Func) -> bool:
    """Whether it is computed once for each different form, not for each record."""
    return {column.name for column in call.find_all(exp.Column)} == {_FORM}


def _name(call: exp.Func) -> str:
    if isinstance(call, (exp.Anonymous, exp.AnonymousAggFunc)):
        return call.name.lower() if isinstance(call, exp.Anonymous) else str(call.this).lower()
    if isinstance(call, exp.ParameterizedAgg):
        return str(call.this).lower()
    return type(call).__name__.lower()


def _groups(select: exp.Select) -> bool:
    """Whether a level makes one row of many."""
    if select.args.get("group"):
        return True
    calls = (call for item in select.expressions for call in item.find_all(exp.Func))
    return any(
        isinstance(call, exp.AggFunc) or _name(call).startswith(_AGGREGATES)
        for call in calls
        if not isinstance(call.parent, exp.Window)
    )


def _group_ns(groups: list[exp.Expr], statement: exp.Expr) -> tuple[float, bool]:
    if not groups:
        return 0.0, False
    names = set().union(*(_columns(group) for group in groups))
    aliases = {alias.alias: alias.this for alias in statement.find_all(exp.Alias)}
    for name in list(names):
        if name in aliases:
            names |= _columns(aliases[name])
    if names & _MANY_VALUES:
        return GROUP_ID_NS, True
    return (GROUP_TEXT_NS if names - {"timestamp", "severity_number", "template_id"} else GROUP_NS), False

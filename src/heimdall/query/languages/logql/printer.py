"""The tree as LogQL text: `parse(to_text(query)) == query`; long queries break as `/format_query` shows them."""

from __future__ import annotations

from heimdall.query.languages.logql.amounts import format_duration, format_number
from heimdall.query.languages.logql.ast import (
    Binary,
    Both,
    Comparison,
    Condition,
    Decolorize,
    Drop,
    Either,
    Grouping,
    Json,
    Keep,
    Kind,
    LabelFilter,
    LabelFormat,
    LabelReplace,
    LineFilter,
    LineFormat,
    LineMatch,
    Logfmt,
    LogQuery,
    Matcher,
    Matching,
    Metric,
    Number,
    PatternParser,
    Query,
    RangeAggregation,
    Regexp,
    Stage,
    Unpack,
    Unwrap,
    Vector,
    VectorAggregation,
)
from heimdall.query.languages.logql.lexer import quoted

WIDTH = 100
"""Longest line `pretty` leaves whole."""


def to_text(query: Query) -> str:
    return _log(query) if isinstance(query, LogQuery) else _metric(query)


def pretty(query: Query, level: int = 0) -> str:
    """The query over several lines where one would be too long."""
    pad = "  " * level
    text = to_text(query)
    if len(pad) + len(text) <= WIDTH:
        return pad + text
    match query:
        case LogQuery():
            lines = [selector_text(query.matchers), *(f"  {_stage(stage)}" for stage in query.stages)]
            return "\n".join(pad + line for line in lines)
        case RangeAggregation():
            head = f"{pad}{query.op}(\n" + ("" if query.parameter is None else f"{pad}  {_number(query.parameter)},\n")
            unwrap = "" if query.unwrap is None else f"\n{pad}      {_unwrap(query.unwrap).strip()}"
            tail = f" {_range(query)}\n{pad})" + ("" if query.grouping is None else f" {_grouping(query.grouping)}")
            return head + pretty(query.query, level + 1) + unwrap + tail
        case VectorAggregation():
            grouping = "" if query.grouping is None else f" {_grouping(query.grouping)} "
            head = f"{pad}{query.op}{grouping}(\n"
            if query.parameter is not None:
                head += f"{pad}  {query.parameter},\n"
            return head + pretty(query.inner, level + 1) + f"\n{pad})"
        case Binary():
            sides = [_side(query, side, pretty(side, level + 1), pad) for side in (query.left, query.right)]
            return f"{sides[0]}\n{pad}{_operator(query)}\n{sides[1]}"
        case _:
            return pad + text


def _side(outer: Binary, side: Metric, text: str, pad: str) -> str:
    return f"{pad}(\n{text}\n{pad})" if isinstance(side, Binary) else text


def selector_text(matchers: tuple[Matcher, ...]) -> str:
    return "{" + ", ".join(_matcher(each) for each in matchers) + "}"


def _matcher(matcher: Matcher) -> str:
    return f"{matcher.name}{matcher.op}{quoted(matcher.value)}"


def _log(query: LogQuery) -> str:
    return " ".join([selector_text(query.matchers), *(_stage(stage) for stage in query.stages)])


def _stage(stage: Stage) -> str:
    match stage:
        case LineFilter(op=op, choices=choices):
            return f"{op} " + " or ".join(_line_match(each) for each in choices)
        case Json(wanted=wanted):
            return "| json" + _extractions(wanted)
        case Logfmt(wanted=wanted, strict=strict, keep_empty=keep_empty):
            flags = (" --strict" if strict else "") + (" --keep-empty" if keep_empty else "")
            return f"| logfmt{flags}{_extractions(wanted)}"
        case PatternParser(pattern=pattern):
            return f"| pattern {quoted(pattern)}"
        case Regexp(pattern=pattern):
            return f"| regexp {quoted(pattern)}"
        case Unpack():
            return "| unpack"
        case LabelFilter(condition=condition):
            return f"| {_condition(condition)}"
        case LineFormat(template=template):
            return f"| line_format {quoted(template)}"
        case LabelFormat(renamings=renamings):
            return "| label_format " + ",".join(
                f"{each.label}={quoted(each.value) if each.is_template else each.value}" for each in renamings
            )
        case Decolorize():
            return "| decolorize"
        case Drop(items=items):
            return "| drop " + ",".join(each if isinstance(each, str) else _matcher(each) for each in items)
        case Keep(items=items):
            return "| keep " + ",".join(each if isinstance(each, str) else _matcher(each) for each in items)


def _line_match(match: LineMatch) -> str:
    return f"ip({quoted(match.text)})" if match.ip else quoted(match.text)


def _extractions(wanted: tuple[tuple[str, str], ...]) -> str:
    return " " + ",".join(f"{name}={quoted(path)}" for name, path in wanted) if wanted else ""


def _condition(condition: Condition) -> str:
    match condition:
        case Comparison(label=label, op=op, value=value, kind=kind):
            shown = f"ip({quoted(value)})" if kind is Kind.IP else quoted(value) if kind is Kind.TEXT else value
            return f"{label}{op}{shown}"
        case Both(left=left, right=right):
            return f"( {_condition(left)} , {_condition(right)} )"
        case Either(left=left, right=right):
            return f"( {_condition(left)} or {_condition(right)} )"


def _metric(metric: Metric) -> str:
    match metric:
        case Number(value=value):
            return format_number(value)
        case Vector(value=value):
            return f"vector({format_number(value)})"
        case RangeAggregation(op=op, query=query, parameter=parameter, unwrap=unwrap, grouping=grouping):
            first = "" if parameter is None else f"{_number(parameter)},"
            unwrapped = "" if unwrap is None else _unwrap(unwrap)
            group = "" if grouping is None else f" {_grouping(grouping)}"
            return f"{op}({first}{_log(query)}{unwrapped}{_range(metric)}){group}"
        case VectorAggregation(op=op, inner=inner, parameter=parameter, grouping=grouping):
            first = "" if parameter is None else f"{parameter},"
            group = "" if grouping is None else f" {_grouping(grouping)} "
            return f"{op}{group}({first}{_metric(inner)})"
        case Binary(left=left, right=right):
            return f"({_metric(left)} {_operator(metric)} {_metric(right)})"
        case LabelReplace(inner=inner):
            rest = (metric.target, metric.replacement, metric.source, metric.pattern)
            return f"label_replace({_metric(inner)},{','.join(map(quoted, rest))})"


def _number(value: float) -> str:
    return format_number(value)


def _operator(metric: Binary) -> str:
    text = metric.op + (" bool" if metric.returns_bool else "")
    return text if metric.matching is None else f"{text} {_matching(metric.matching)}"


def _matching(matching: Matching) -> str:
    text = f"{'on' if matching.on else 'ignoring'} ({','.join(matching.labels)})"
    return text if matching.many is None else f"{text} group_{matching.many} ({','.join(matching.include)})"


def _grouping(grouping: Grouping) -> str:
    return f"{'without' if grouping.without else 'by'} ({','.join(grouping.labels)})"


def _range(metric: RangeAggregation) -> str:
    offset = f" offset {format_duration(metric.offset_ns)}" if metric.offset_ns else ""
    return f"[{format_duration(metric.range_ns)}]{offset}"


def _unwrap(unwrap: Unwrap) -> str:
    name = unwrap.label if unwrap.conversion is None else f"{unwrap.conversion}({unwrap.label})"
    return f" | unwrap {name}" + "".join(f" {_stage(each)}" for each in unwrap.filters)

"""Stages over a frame of lines (`heimdall.query.logql.reader`): each takes one and gives one.

Texts are compared a column at a time; what needs thinking is thought once for each distinct value of a batch.
Source: Grafana Loki, "LogQL: Log pipeline". A line whose parser failed is kept, with `__error__`; filters that read a
number, a duration, a size or an address let it pass, those that compare text do not care.
"""

from __future__ import annotations

import ipaddress
import operator
import re
from collections.abc import Callable, Sequence
from functools import reduce

import polars as pl

from heimdall.errors import InvalidInput
from heimdall.query.languages.logql.amounts import parse_bytes, parse_duration, parse_number
from heimdall.query.languages.logql.ast import (
    Both,
    Comparison,
    Condition,
    Decolorize,
    Drop,
    Json,
    Keep,
    Kind,
    LabelFilter,
    LabelFormat,
    LineFilter,
    LineFormat,
    LineMatch,
    Logfmt,
    Matcher,
    PatternParser,
    Regexp,
    Stage,
    Unpack,
)
from heimdall.query.languages.logql.checks import ip_range, matches, whole
from heimdall.query.languages.logql.template import LINE, TIME, Template, compile_template
from heimdall.query.languages.logql.templatefunctions import TemplateFailure
from heimdall.query.logql.extract import extractor
from heimdall.query.logql.labels import ERROR, ERROR_DETAILS
from heimdall.query.logql.reader import BASE, HIDDEN, MAX_LABELS, PARSED, label, mapped, values_of, with_error
from heimdall.query.regex import compile_pattern

_COLOUR = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_ADDRESS = re.compile(r"(?<![\w:.])(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9A-Fa-f:]*:[0-9A-Fa-f:.]+)(?![\w:])")
_COMPARE: dict[str, Callable[[pl.Expr, float], pl.Expr]] = {
    "==": operator.eq, "!=": operator.ne, ">": operator.gt, ">=": operator.ge, "<": operator.lt, "<=": operator.le,
}  # fmt: skip
_PARSE: dict[Kind, Callable[[str], float | None]] = {
    Kind.NUMBER: parse_number, Kind.DURATION: parse_duration, Kind.BYTES: parse_bytes,
}  # fmt: skip
_SPECIAL = frozenset({ERROR, ERROR_DETAILS})


def apply(frame: pl.DataFrame, stages: Sequence[Stage], wanted: frozenset[str] | None = None) -> pl.DataFrame:
    """`wanted`: labels anyone will look at afterwards; None = all."""
    for stage in stages:
        if not frame.height:
            return frame
        frame = _apply(frame, stage, wanted)
    return frame


def _apply(frame: pl.DataFrame, stage: Stage, wanted: frozenset[str] | None) -> pl.DataFrame:
    match stage:
        case LineFilter():
            return frame.filter(_line_filter(frame["line"], stage))
        case Json() | Logfmt() | PatternParser() | Regexp() | Unpack():
            return _parsed(frame, stage, wanted)
        case LabelFilter(condition=condition):
            kept, frame = _condition(frame, condition, pl.Series([True]).new_from_index(0, frame.height))
            return frame.filter(kept)
        case LineFormat(template=template):
            return _line_format(frame, compile_template(template))
        case LabelFormat():
            return _label_format(frame, stage)
        case Decolorize():
            return frame.with_columns(line=mapped(frame["line"], lambda text: _COLOUR.sub("", text)).fill_null(""))
        case Drop(items=items):
            return _without(frame, items)
        case Keep(items=items):
            return _only(frame, items)


# ---- lines --------------------------------------------------------------------------------------------------------


def _line_filter(lines: pl.Series, stage: LineFilter) -> pl.Series:
    found = reduce(operator.or_, (_in_lines(lines, stage.op, choice) for choice in stage.choices))
    return ~found if stage.negative else found


def _in_lines(lines: pl.Series, op: str, choice: LineMatch) -> pl.Series:
    if choice.ip:
        version, low, high = ip_range(choice.text)
        return _each(lines, lambda line: any(_inside(text, version, low, high) for text in _ADDRESS.findall(line)))
    if op.endswith("~"):
        compiled = compile_pattern(f"(?-s){choice.text}")
        return _each(lines, lambda line: compiled.search(line) is not None)
    return lines.str.contains(choice.text, literal=True)


def _inside(text: str, version: int, low: int, high: int) -> bool:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    return address.version == version and low <= int(address) <= high


def _each(values: pl.Series, test: Callable[[str], bool]) -> pl.Series:
    """A test of each distinct text."""
    distinct = values.unique()
    truth = pl.Series([text is not None and test(text) for text in distinct.to_list()], dtype=pl.Boolean)
    return values.is_in(distinct.filter(truth).to_list()).fill_null(value=False)


# ---- parsers ------------------------------------------------------------------------------------------------------


def _parsed(
    frame: pl.DataFrame, stage: Json | Logfmt | PatternParser | Regexp | Unpack, wanted: frozenset[str] | None
) -> pl.DataFrame:
    distinct = frame["line"].unique(maintain_order=True)
    read = extractor(stage)
    columns: dict[str, list[str | None]] = {}
    errors: list[str | None] = [None] * len(distinct)
    details: list[str | None] = [None] * len(distinct)
    changed: list[str | None] = [None] * len(distinct)
    for place, line in enumerate(distinct.to_list()):
        found = read(line)
        errors[place], details[place], changed[place] = found.error, found.details, found.line
        for name, value in found.pairs.items():
            if wanted is not None and name not in wanted and f"{name}_extracted" not in wanted:
                continue
            column = columns.get(name)
            if column is None:
                if len(columns) >= MAX_LABELS:
                    raise InvalidInput(
                        f"the lines have more than {MAX_LABELS} different labels; name those you want to the parser"
                    )
                column = columns[name] = [None] * len(distinct)
            column[place] = value or None
    where = frame["line"].replace_strict(
        distinct, pl.int_range(len(distinct), dtype=pl.UInt32, eager=True), return_dtype=pl.UInt32
    )

    def spread(values: list[str | None]) -> pl.Series:
        return pl.Series(values, dtype=pl.String).gather(where)

    frame = _with_parsed(frame, {name: spread(values) for name, values in columns.items()})
    frame = with_error(frame, spread(errors), spread(details))
    if any(line is not None for line in changed):
        frame = frame.with_columns(line=pl.coalesce(pl.lit(spread(changed)), pl.col("line")))
    return frame


def _with_parsed(frame: pl.DataFrame, found: dict[str, pl.Series]) -> pl.DataFrame:
    """What a line came with keeps its name; what was read out of it is `NAME_extracted` then. The first word counts."""
    added: dict[str, pl.Expr] = {}
    for name, values in found.items():
        new = pl.lit(values)
        if BASE + name in frame.columns:
            taken = pl.col(BASE + name).is_not_null()
            added[f"{name}_extracted"] = pl.when(taken).then(new)
            new = pl.when(~taken).then(new)
        added[name] = pl.coalesce(added[name], new) if name in added else new
    return frame.with_columns(
        (pl.coalesce(pl.col(PARSED + name), value) if PARSED + name in frame.columns else value).alias(PARSED + name)
        for name, value in added.items()
    )


# ---- label filters ------------------------------------------------------------------------------------------------


def _condition(frame: pl.DataFrame, condition: Condition, asked: pl.Series) -> tuple[pl.Series, pl.DataFrame]:
    """Which of the `asked` lines fulfil it, and the lines with the errors that came up. The right side is asked only
    where the left one has not decided."""
    if isinstance(condition, Comparison):
        return _comparison(frame, condition, asked)
    left, frame = _condition(frame, condition.left, asked)
    if isinstance(condition, Both):
        return _condition(frame, condition.right, left)
    right, frame = _condition(frame, condition.right, asked & ~left)
    return left | right, frame


def _comparison(frame: pl.DataFrame, test: Comparison, asked: pl.Series) -> tuple[pl.Series, pl.DataFrame]:
    value = values_of(frame, test.label)
    if test.kind is Kind.TEXT:
        return asked & _text_matches(value, Matcher(test.label, test.op, test.value)), frame
    failed = values_of(frame, ERROR).is_not_null()
    if test.kind is Kind.IP:
        version, low, high = ip_range(test.value)
        inside = _each(value, lambda text: _inside(text, version, low, high))
        holds = inside if test.op == "=" else ~inside & value.is_not_null()
        return asked & (failed | holds), frame
    parse = _PARSE[test.kind]
    distinct = value.drop_nulls().unique()
    numbers = pl.Series([parse(text) for text in distinct.to_list()], dtype=pl.Float64)
    amount = value.replace_strict(distinct, numbers, default=None, return_dtype=pl.Float64)
    unreadable = asked & ~failed & value.is_not_null() & amount.is_null()
    holds = pl.select(_COMPARE[test.op](pl.lit(amount), test.amount).fill_null(value=False)).to_series()
    if unreadable.any():
        error = pl.select(pl.when(pl.lit(unreadable)).then(pl.lit("LabelFilterErr"))).to_series()
        details = mapped(value, lambda text: f"cannot read {text!r} as a {test.kind.value}")
        frame = with_error(frame, error, details)
    return asked & (failed | holds | unreadable), frame


def _text_matches(value: pl.Series, matcher: Matcher) -> pl.Series:
    if matcher.op in ("=", "!="):
        same = value.fill_null("") == matcher.value
        return same if matcher.op == "=" else ~same
    compiled = whole(matcher.value)
    found = _each(value.fill_null(""), lambda text: compiled.fullmatch(text) is not None)
    return found if matcher.op == "=~" else ~found


# ---- formats ------------------------------------------------------------------------------------------------------


def _rendered(frame: pl.DataFrame, template: Template) -> tuple[pl.Series, pl.Series]:
    """What the template makes of each line, and why it could not: once for each set of what it reads."""
    names = sorted(template.names)
    columns = {LINE: pl.col("line"), TIME: pl.col("t")}
    keys = frame.select(
        pl.col("t").alias("\0t"), *(columns.get(name, label(frame, name)).alias(name) for name in names)
    )
    keys = keys.drop("\0t")
    if not names:
        keys = pl.DataFrame({"": pl.Series([""]).new_from_index(0, frame.height)})
    distinct = keys.unique(maintain_order=True)
    texts: list[str | None] = []
    faults: list[str | None] = []
    for scope in distinct.iter_rows(named=True):
        try:
            texts.append(template.render(scope))
            faults.append(None)
        except TemplateFailure as exc:
            texts.append(None)
            faults.append(str(exc))
    made = distinct.with_columns(
        pl.Series(texts, dtype=pl.String).alias("\0text"), pl.Series(faults, dtype=pl.String).alias("\0fault")
    )
    joined = keys.join(made, on=keys.columns, how="left", nulls_equal=True, maintain_order="left")
    return joined["\0text"], joined["\0fault"]


def _template_error(frame: pl.DataFrame, faults: pl.Series) -> pl.DataFrame:
    error = pl.select(pl.when(pl.lit(faults).is_not_null()).then(pl.lit("TemplateFormatErr"))).to_series()
    return with_error(frame, error, faults)


def _line_format(frame: pl.DataFrame, template: Template) -> pl.DataFrame:
    texts, faults = _rendered(frame, template)
    frame = frame.with_columns(line=pl.coalesce(pl.lit(texts), pl.col("line")))
    return _template_error(frame, faults)


def _label_format(frame: pl.DataFrame, stage: LabelFormat) -> pl.DataFrame:
    for each in stage.renamings:
        if each.is_template:
            texts, faults = _rendered(frame, compile_template(each.value))
            kept = pl.coalesce(pl.lit(texts), label(frame, each.label))
            frame = _set(frame, each.label, pl.when(kept != "").then(kept), pl.lit(faults).is_null())
            frame = _template_error(frame, faults)
        else:
            source = label(frame, each.value)
            frame = _set(frame, each.label, pl.coalesce(source, label(frame, each.label)), source.is_not_null())
            if each.label != each.value:
                frame = _cleared(frame, [each.value], pl.lit(value=True))
    return frame


def _set(frame: pl.DataFrame, name: str, value: pl.Expr, where: pl.Expr) -> pl.DataFrame:
    """A label made by a stage: the one it came with is gone where it was set."""
    known = pl.col(PARSED + name) if PARSED + name in frame.columns else pl.lit(None, pl.String)
    changes = [pl.when(where).then(value).otherwise(known).alias(PARSED + name)]
    for prefix in (BASE, HIDDEN):
        if prefix + name in frame.columns:
            changes.append(pl.when(~where).then(pl.col(prefix + name)).alias(prefix + name))
    return frame.with_columns(changes)


def _cleared(frame: pl.DataFrame, names: Sequence[str], where: pl.Expr) -> pl.DataFrame:
    columns = [prefix + name for name in names for prefix in (BASE, HIDDEN, PARSED) if prefix + name in frame.columns]
    return frame.with_columns(pl.when(~where).then(pl.col(name)).alias(name) for name in columns)


def _without(frame: pl.DataFrame, items: Sequence[str | Matcher]) -> pl.DataFrame:
    for item in items:
        if isinstance(item, str):
            frame = _cleared(frame, [item], pl.lit(value=True))
        else:
            value = values_of(frame, item.name)
            frame = _cleared(frame, [item.name], pl.lit(_text_matches(value, item)))
    return frame


def _only(frame: pl.DataFrame, items: Sequence[str | Matcher]) -> pl.DataFrame:
    kept: dict[str, pl.Series] = {}
    for item in items:
        name = item if isinstance(item, str) else item.name
        here = (
            pl.Series([True]).new_from_index(0, frame.height)
            if isinstance(item, str)
            else _text_matches(values_of(frame, name), item)
        )
        kept[name] = kept[name] | here if name in kept else here
    for name in sorted({column[2:] for column in frame.columns if column[:2] in (BASE, HIDDEN, PARSED)}):
        if name not in _SPECIAL:
            where = ~pl.lit(kept[name]) if name in kept else pl.lit(value=True)
            frame = _cleared(frame, [name], where)
    return frame


def labels_read(stages: Sequence[Stage]) -> frozenset[str] | None:
    """Labels that stages look at; None where that depends on what is there."""
    found: set[str] = set()
    for stage in stages:
        match stage:
            case LabelFilter(condition=condition):
                found |= _read_by(condition)
            case LineFormat(template=template):
                found |= compile_template(template).names - {LINE, TIME}
            case LabelFormat(renamings=renamings):
                for each in renamings:
                    found |= compile_template(each.value).names - {LINE, TIME} if each.is_template else {each.value}
                    found.add(each.label)
            case Drop(items=items) | Keep(items=items):
                found |= {item if isinstance(item, str) else item.name for item in items}
            case _:
                pass
    return frozenset(found - _SPECIAL)


def _read_by(condition: Condition) -> set[str]:
    if isinstance(condition, Comparison):
        return {condition.label}
    return _read_by(condition.left) | _read_by(condition.right)


__all__ = ["apply", "labels_read", "matches"]

"""A search as a Polars expression over the columns of a batch: the memory engine's and the live tail's filter."""

from __future__ import annotations

import polars as pl

from heimdall.model.identity import position_of, timestamp_ms_of
from heimdall.query.ast import (
    And,
    Compare,
    Exists,
    Glob,
    MatchAll,
    Not,
    Operator,
    Or,
    Phrase,
    Predicate,
    Range,
    Regex,
    Word,
)
from heimdall.query.context import Context
from heimdall.query.fields import canonical, parse_hex, parse_identity, parse_level
from heimdall.query.frame.expressions import TESTS
from heimdall.query.frame.fields import BaseFields
from heimdall.query.frame.values import TIME, FrameValue, as_number, as_text, matching
from heimdall.query.literals import NS_PER_MS, parse_instant, parse_milliseconds, parse_number
from heimdall.query.types import Type
from heimdall.query.words import message_glob_pattern, phrase_pattern, value_glob_pattern

_ID_POSITION_BITS = (1 << 62) - 1


def predicate_frame(predicate: Predicate, fields: BaseFields, context: Context) -> pl.Expr:
    """True or false for every row, never null."""
    match predicate:
        case MatchAll():
            return pl.lit(True)
        case Word(text=text):
            return _word(text, fields)
        case Phrase(text=text):
            return _phrase(text)
        case Glob(pattern=pattern, field=name):
            if name is None:
                return pl.col("message").str.contains(message_glob_pattern(pattern))
            return as_text(fields.value(name)).str.contains(value_glob_pattern(pattern)).fill_null(False)
        case Regex(pattern=pattern, field=name):
            return matching(as_text(fields.value(name or "message")), pattern).fill_null(False)
        case Compare(field=name, operator=operator, value=value):
            return _compare(name, operator, value, fields, context).fill_null(False)
        case Range(field=name, low=low, high=high):
            tests = [fields.value(name).expr.is_not_null()] if low is None and high is None else []
            if low is not None:
                tests.append(
                    _compare(name, Operator.GE if predicate.include_low else Operator.GT, low, fields, context)
                )
            if high is not None:
                tests.append(
                    _compare(name, Operator.LE if predicate.include_high else Operator.LT, high, fields, context)
                )
            return pl.all_horizontal(tests).fill_null(False)
        case Exists(field=name):
            return fields.value(name).expr.is_not_null()
        case And(items=items):
            return pl.all_horizontal([predicate_frame(item, fields, context) for item in items])
        case Or(items=items):
            return pl.any_horizontal([predicate_frame(item, fields, context) for item in items])
        case Not(item=item):
            return ~predicate_frame(item, fields, context)


def _word(text: str, fields: BaseFields) -> pl.Expr:
    found = _phrase(text)
    if (trace := parse_hex(text, 16)) is not None:
        found = found | (fields.value("trace_id").expr == trace.hex()).fill_null(False)
    if len(text) == 36 and parse_identity(text) is not None:
        found = found | _has_identity(text)
    return found


def _phrase(text: str) -> pl.Expr:
    pattern = phrase_pattern(text)
    if pattern is None:
        return pl.col("message").str.contains(text, literal=True)
    return pl.col("message").str.contains(pattern)


def _compare(name: str, operator: Operator, value: str, fields: BaseFields, context: Context) -> pl.Expr:
    test = TESTS[operator]
    own = fields.value(name)
    match own.type:
        case Type.LEVEL:
            return test(own.expr, parse_level(value) or 0)
        case Type.TIME:
            return test(own.expr, pl.lit(parse_instant(value, context.now_ns) or 0, pl.Int64).cast(TIME))
        case Type.NUMBER:
            return test(own.expr, parse_milliseconds(value) or 0.0)
        case Type.INTEGER:
            return test(own.expr.cast(pl.Float64), parse_number(value) or 0.0)
        case Type.ANY:
            return _compare_any(own, operator, value)
    found = canonical(name)
    if name == "id" and operator in (Operator.EQ, Operator.NE):
        same = _has_identity(value)
        return same if operator is Operator.EQ else ~same
    if found is not None and found.width and operator is Operator.EQ:
        decoded = parse_hex(value, found.width)
        value = value if decoded is None else decoded.hex()
    return test(own.expr, pl.lit(value))


def _compare_any(own: FrameValue, operator: Operator, value: str) -> pl.Expr:
    text = as_text(own)
    if operator in (Operator.EQ, Operator.NE):
        found = text.is_in(list(spellings(value)))
        return found if operator is Operator.EQ else ~found
    amount = parse_milliseconds(value)
    return TESTS[operator](as_number(own), amount) if amount is not None else TESTS[operator](text, pl.lit(value))


def spellings(value: str) -> set[str]:
    """Texts of a sender's field that equal `value`: itself, and of a number its shortest form."""
    number = parse_number(value)
    if number is None:
        return {value}
    whole = number == int(number) and abs(number) < 1e15
    return {value, str(int(number)) if whole else repr(number)}


def _has_identity(text: str) -> pl.Expr:
    identity = parse_identity(text)
    if identity is None or timestamp_ms_of(identity) * NS_PER_MS + NS_PER_MS >= 1 << 63:
        return pl.lit(False)
    milliseconds = pl.col("timestamp").dt.epoch("ns").clip(0) // NS_PER_MS
    position = pl.col("position").cast(pl.UInt64) & pl.lit(_ID_POSITION_BITS, pl.UInt64)
    return (milliseconds == timestamp_ms_of(identity)) & (position == pl.lit(position_of(identity), pl.UInt64))

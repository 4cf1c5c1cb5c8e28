"""Typed values over Polars columns: how a field is read, and how a value becomes text, number, ….

The second, independent reading of the same rules as `heimdall.query.sql.values`. A value of type ANY is JSON text here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import orjson
import polars as pl

from heimdall.model.identity import record_id
from heimdall.model.severity import LEVELS
from heimdall.query.regex import compile_pattern
from heimdall.query.types import Type

TIME = pl.Datetime("ns", "UTC")
_In = TypeVar("_In")
_Out = TypeVar("_Out")
_NUMBER = r"^[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?$"


@dataclass(frozen=True, slots=True)
class FrameValue:
    """`expr` is null where the value is missing."""

    expr: pl.Expr
    type: Type


def as_text(value: FrameValue) -> pl.Expr:
    expr = value.expr
    match value.type:
        case Type.TEXT | Type.PATTERN:
            return expr
        case Type.ANY | Type.LIST:
            quoted = expr.str.starts_with('"')
            return pl.when(quoted).then(pl.when(quoted).then(expr).str.json_decode(pl.String)).otherwise(expr)
        case Type.LEVEL:
            return expr.replace_strict(
                list(range(len(LEVELS))), [str(level) for level in LEVELS], return_dtype=pl.String
            )
        case Type.TIME:
            return expr.dt.strftime("%Y-%m-%dT%H:%M:%S.%9fZ")
        case Type.BOOLEAN:
            return pl.when(expr.is_null()).then(None).when(expr).then(pl.lit("true")).otherwise(pl.lit("false"))
        case Type.INTEGER:
            return expr.cast(pl.String)
        case _:
            return each(expr, number_text, pl.String)


def as_number(value: FrameValue) -> pl.Expr:
    match value.type:
        case Type.NUMBER | Type.INTEGER | Type.DURATION | Type.BOOLEAN | Type.LEVEL:
            return value.expr.cast(pl.Float64)
        case Type.TIME:
            return value.expr.dt.epoch("ns").cast(pl.Float64) / 1e6
        case _:
            text = as_text(value)
            return finite(pl.when(text.str.contains(_NUMBER)).then(text).cast(pl.Float64, strict=False))


def finite(expr: pl.Expr) -> pl.Expr:
    """NaN and infinity are missing values."""
    return pl.when(expr.is_finite()).then(expr)


def as_boolean(value: FrameValue) -> pl.Expr:
    if value.type is Type.BOOLEAN:
        return value.expr.fill_null(False)
    return (as_text(value) == "true").fill_null(False)


def as_json(value: FrameValue) -> pl.Expr:
    match value.type:
        case Type.ANY | Type.LIST:
            return value.expr
        case Type.NUMBER | Type.INTEGER | Type.DURATION | Type.BOOLEAN:
            return as_text(value)
        case _:
            return each(as_text(value), json_text, pl.String)


def converted(value: FrameValue, kind: Type) -> pl.Expr:
    """The value as `kind`, where that can be."""
    if kind is Type.INTEGER:
        return value.expr.cast(pl.Int64)
    if value.type is kind:
        return value.expr
    match kind:
        case Type.TEXT:
            return as_text(value)
        case Type.NUMBER:
            return as_number(value)
        case Type.BOOLEAN:
            return as_boolean(value)
        case Type.ANY:
            return as_json(value)
        case _:
            return value.expr


def output(value: FrameValue) -> pl.Expr:
    """The value as an answer carries it."""
    match value.type:
        case Type.LEVEL:
            return as_text(value)
        case Type.DURATION:
            return as_number(value)
        case _:
            return value.expr


def ordering(value: FrameValue) -> list[pl.Expr]:
    """Keys that sort the value: sender's fields as numbers first, then as text."""
    return [as_number(value), as_text(value), value.expr] if value.type is Type.ANY else [value.expr]


def json_list(texts: pl.Expr) -> pl.Expr:
    """JSON text of a list made of JSON texts; missing when there are none."""
    joined = pl.concat_str(pl.lit("["), texts.str.join(","), pl.lit("]"))
    return pl.when(texts.len() > 0).then(joined)


# ---- one value at a time ------------------------------------------------------------------------------------------


def each(expr: pl.Expr, function: Callable[[_In], _Out | None], dtype: type[pl.DataType]) -> pl.Expr:
    """`function` of every value that is there, each different value only once."""

    def apply(column: pl.Series) -> pl.Series:
        known: dict[_In, _Out | None] = {}
        for item in column.unique().to_list():
            if item is not None:
                known[item] = function(item)
        return pl.Series(column.name, [known.get(item) for item in column.to_list()], dtype=dtype)

    return expr.map_batches(apply, return_dtype=dtype, is_elementwise=True)


def matching(text: pl.Expr, pattern: str) -> pl.Expr:
    """Whether RE2 finds the pattern; null where the text is missing."""
    compiled = compile_pattern(pattern)
    return each(text, lambda item: compiled.search(item) is not None, pl.Boolean)


def number_text(value: float) -> str:
    """The shortest digits that read back as the same number, as ECMAScript's Number::toString writes them."""
    if value == 0:
        return "-0" if str(value).startswith("-") else "0"
    digits, _, exponent = repr(abs(value)).partition("e")
    whole, _, fraction = digits.partition(".")
    fraction = "" if fraction == "0" else fraction
    point = len(whole) + int(exponent or 0)
    text = (whole + fraction).lstrip("0")
    point -= len(whole + fraction) - len((whole + fraction).lstrip("0"))
    text = text.rstrip("0")
    sign = "-" if value < 0 else ""
    if -6 < point <= 21:
        if point >= len(text):
            return sign + text.ljust(point, "0")
        return f"{sign}{text[:point]}.{text[point:]}" if point > 0 else f"{sign}0.{'0' * -point}{text}"
    mantissa = text[0] + ("." + text[1:] if len(text) > 1 else "")
    return f"{sign}{mantissa}e{point - 1}"


def json_text(value: object) -> str:
    """Compact JSON, numbers as `number_text` writes them."""
    match value:
        case bool():
            return "true" if value else "false"
        case float():
            return number_text(value)
        case list():
            return "[" + ",".join(map(json_text, value)) + "]"
        case dict():
            return "{" + ",".join(f"{json_text(str(key))}:{json_text(value[key])}" for key in sorted(value)) + "}"
        case _:
            return orjson.dumps(value).decode()


def attribute_values(text: str | None, paths: tuple[str, ...]) -> list[str | None]:
    """JSON text of each path of an attributes object; missing for null, objects and what is not there."""
    if text is None:
        return [None] * len(paths)
    try:
        decoded = orjson.loads(text)
    except orjson.JSONDecodeError:
        return [None] * len(paths)
    return [_json_or_none(_at(decoded, path)) for path in paths]


def _at(value: object, path: str) -> object:
    """`a.b` is a key `a.b`, or `b` inside `a`."""
    if not isinstance(value, dict):
        return None
    found = value.get(path)
    if found is not None and not isinstance(found, dict):
        return found
    for place, char in enumerate(path):
        if char == "." and path[:place] in value:
            inner = _at(value[path[:place]], path[place + 1 :])
            if inner is not None:
                return inner
    return None


def _json_or_none(value: object) -> str | None:
    return None if value is None or isinstance(value, dict) else json_text(value)


def identities(timestamps: pl.Series, positions: pl.Series) -> pl.Series:
    """Record ids as text."""
    pairs = zip(timestamps.cast(pl.Int64).to_list(), positions.to_list(), strict=True)
    return pl.Series([str(record_id(timestamp, position)) for timestamp, position in pairs], dtype=pl.String)

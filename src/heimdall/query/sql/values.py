"""Typed values inside a ClickHouse statement: how a field is read, and how a value becomes text, number, ….

Conversions follow one table, which `heimdall.query.frame.values` follows too; `docs/reference/hql.md` prints it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from sqlglot import exp

from heimdall.model.severity import LEVELS
from heimdall.query.ast import Operator
from heimdall.query.fields import ATTRIBUTES, Storage, attribute_path, canonical
from heimdall.query.sql.nodes import (
    array,
    binary,
    both,
    call,
    cast,
    choose,
    column,
    either,
    null,
    number,
    string,
)
from heimdall.query.types import Type


class Form(StrEnum):
    """How a value of type ANY is held."""

    PLAIN = "plain"
    DYNAMIC = "dynamic"
    """A sub-column of the JSON column."""
    JSON = "json"
    """JSON text."""


@dataclass(frozen=True, slots=True)
class Value:
    """`sql` is NULL where the value is missing. `raw` is the bare table column behind it, when it is nothing else."""

    sql: exp.Expression
    type: Type
    form: Form = Form.PLAIN
    raw: exp.Expression | None = None
    key: exp.Expression | None = None
    """Cheaper to group by, one to one with the value."""
    parts: tuple[tuple[exp.Expression, exp.Expression], ...] = ()
    """(cheaper value, condition) pairs: one to one with the value, no two hold for one record or share a value."""


def field_value(name: str) -> Value:
    """A field read from the table of records."""
    if name == ATTRIBUTES:
        return Value(call("toJSONString", column(ATTRIBUTES)), Type.ANY, Form.JSON)
    field = canonical(name)
    if field is None:
        return Value(attribute(name), Type.ANY, Form.DYNAMIC)
    raw = column(field.source)
    match field.storage:
        case Storage.EMPTY:
            return Value(call("nullIf", raw, string("")), field.type, raw=raw, key=raw)
        case Storage.BYTES:
            missing = binary("=", raw, zero_bytes(field.width))
            own = choose(missing, null(), call("lower", call("hex", raw)))
            other = dynamic_text(attribute(name))  # an id of another shape
            as_number = call(f"reinterpretAsUInt{field.width * 8}", raw)  # counted three times as fast as bytes
            parts = ((as_number, binary("!=", raw, zero_bytes(field.width))), (other, missing))
            return Value(call("coalesce", own, other), field.type, parts=parts)
        case Storage.DERIVED if field.type is Type.LEVEL:
            rank = call("intDiv", binary("+", raw, number(3)), number(4))
            return Value(call("toUInt8", rank), field.type, raw=raw)
        case Storage.DERIVED:
            return Value(_identity(), field.type)
        case _:
            return Value(raw, field.type, raw=raw)


def attribute(name: str) -> exp.Expression:
    """The dynamic sub-column of a sender's field."""
    path = attribute_path(name).split(".")
    if all(path):
        return column(ATTRIBUTES, *path)
    return call("getSubcolumn", column(ATTRIBUTES), string(".".join(path)))


def zero_bytes(width: int) -> exp.Expression:
    return call("toFixedString", string(""), number(width))


def _identity() -> exp.Expression:
    """`heimdall.model.identity.record_id` as SQL."""
    nanoseconds = call("greatest", call("toUnixTimestamp64Nano", column("timestamp")), number(0))
    high = call(
        "bitOr",
        call("bitShiftLeft", call("toUInt64", call("intDiv", nanoseconds, number(1_000_000))), number(16)),
        call(
            "toUInt64",
            binary("+", number(0x7000), call("intDiv", call("modulo", nanoseconds, number(1_000_000)), number(245))),
        ),
    )
    low = call("bitOr", number(1 << 63), call("bitAnd", column("position"), number((1 << 62) - 1)))
    digits = call("lower", call("concat", call("hex", high), call("hex", low)))
    groups = "^(.{8})(.{4})(.{4})(.{4})(.{12})$"
    return call("replaceRegexpOne", digits, string(groups), string(r"\1-\2-\3-\4-\5"))


# ---- conversions --------------------------------------------------------------------------------------------------


def dynamic_text(value: exp.Expression) -> exp.Expression:
    """Text of a dynamic value; a list as JSON."""
    is_list = call("startsWith", call("dynamicType", value), string("Array"))
    return choose(is_list, call("toJSONString", value.copy()), cast(value.copy(), "Nullable(String)"))


def as_text(value: Value) -> exp.Expression:
    sql = value.sql
    match value.type:
        case Type.TEXT:
            return sql
        case Type.ANY | Type.LIST:
            if value.form is Form.DYNAMIC:
                return dynamic_text(sql)
            quoted = call("startsWith", sql, string('"'))
            return choose(quoted, call("JSONExtractString", sql.copy()), sql.copy())
        case Type.LEVEL:
            return call("transform", sql, _RANKS.copy(), _NAMES.copy(), cast(null(), "Nullable(String)"))
        case Type.TIME:
            return call("concat", call("replaceOne", call("toString", sql), string(" "), string("T")), string("Z"))
        case Type.BOOLEAN:
            return choose(call("isNull", sql), null(), choose(sql.copy(), string("true"), string("false")))
        case _:
            return call("toString", sql)


_RANKS = array([number(rank) for rank in range(len(LEVELS))])
_NAMES = array([string(level) for level in LEVELS])


def as_number(value: Value) -> exp.Expression:
    """Float64; what does not look like a number is missing."""
    match value.type:
        case Type.NUMBER:
            return value.sql
        case Type.INTEGER | Type.DURATION:
            return call("toFloat64", value.sql)
        case Type.BOOLEAN | Type.LEVEL:
            return call("toFloat64", value.sql)
        case Type.TIME:
            return binary("/", call("toFloat64", call("toUnixTimestamp64Nano", value.sql)), number(1e6))
        case _:
            plain = value.form is Form.DYNAMIC
            text = cast(value.sql, "Nullable(String)") if plain else as_text(value)
            return finite(call("toFloat64OrNull", text))


def finite(value: exp.Expression) -> exp.Expression:
    """NaN and infinity are missing values."""
    return choose(call("isFinite", value), value.copy(), null())


def as_boolean(value: Value) -> exp.Expression:
    """True or false, never NULL: a missing condition does not hold."""
    if value.type is Type.BOOLEAN:
        return call("ifNull", value.sql, exp.false())
    return call("ifNull", binary("=", as_text(value), string("true")), exp.false())


def as_json(value: Value) -> exp.Expression:
    """JSON text: tells text, numbers and booleans apart."""
    match value.type:
        case Type.ANY | Type.LIST:
            return call("toJSONString", value.sql) if value.form is Form.DYNAMIC else value.sql
        case Type.NUMBER | Type.INTEGER | Type.DURATION:
            return call("toString", value.sql)
        case Type.BOOLEAN:
            return as_text(value)
        case _:
            text = as_text(value)
            return choose(call("isNull", text), null(), call("toJSONString", text.copy()))


def grouped(value: Value) -> Value:
    """The value as it leaves a grouping: dynamic values become JSON text."""
    if value.type is Type.ANY and value.form is Form.DYNAMIC:
        return Value(as_json(value), Type.ANY, Form.JSON)
    return value


def output(value: Value) -> exp.Expression:
    """The value as an answer carries it."""
    match value.type:
        case Type.LEVEL:
            return as_text(value)
        case Type.ANY | Type.LIST:
            return as_json(value)
        case Type.BOOLEAN:
            return cast(value.sql, "Nullable(Bool)")
        case Type.DURATION:
            return as_number(value)
        case _:
            return value.sql


def ordering(value: Value) -> list[exp.Expression]:
    """Keys that sort the value: sender's fields as numbers first, then as text."""
    if value.type is not Type.ANY:
        return [value.sql]
    return [as_number(value), as_text(value), as_json(value)]


def level_test(severity: exp.Expression, operator: Operator, rank: int) -> exp.Expression:
    """A level compared by rank, as bounds of the severity number that an index on it can check."""
    first, last = (0, 0) if rank == 0 else (rank * 4 - 3, rank * 4)
    match operator:
        case Operator.EQ:
            return both(binary(">=", severity, number(first)), binary("<=", severity.copy(), number(last)))
        case Operator.NE:
            return either(binary("<", severity, number(first)), binary(">", severity.copy(), number(last)))
        case Operator.LT | Operator.GE:
            return binary(operator, severity, number(first))
        case _:
            return binary(operator, severity, number(last))


def present(value: Value) -> exp.Expression:
    """The record has the field."""
    if value.raw is not None and value.key is not None:
        return binary("!=", value.raw, string(""))
    return call("isNotNull", value.sql)

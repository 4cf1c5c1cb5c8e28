"""Expressions as Polars expressions: the second, independent reading of `heimdall.query.sql.expressions`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

from heimdall.query.ast import (
    AllOf,
    AnyOf,
    Arithmetic,
    Call,
    Comparison,
    Duration,
    Expression,
    Field,
    Literal,
    Minus,
    Negate,
    Operator,
    Pattern,
    Within,
)
from heimdall.query.comparing import Meeting, level_literal, meeting, time_literal
from heimdall.query.fields import POSITION_COLUMN, TIME_COLUMN
from heimdall.query.frame.values import TIME, FrameValue, as_boolean, as_number, as_text, converted, finite
from heimdall.query.functions import function_named
from heimdall.query.sql.expressions import literal_of
from heimdall.query.types import Type

if TYPE_CHECKING:
    from heimdall.query.frame.evaluation import FrameBuilder

TESTS: dict[Operator, Callable[[Any, Any], pl.Expr]] = {
    Operator.EQ: lambda a, b: a == b,
    Operator.NE: lambda a, b: a != b,
    Operator.LT: lambda a, b: a < b,
    Operator.LE: lambda a, b: a <= b,
    Operator.GT: lambda a, b: a > b,
    Operator.GE: lambda a, b: a >= b,
}


@dataclass(frozen=True, slots=True)
class FrameArguments:
    """Arguments of a call; a function takes each as the type it wants."""

    expressions: tuple[Expression, ...]
    values: tuple[FrameValue, ...]
    builder: FrameBuilder

    def __len__(self) -> int:
        return len(self.values)

    @property
    def types(self) -> Sequence[Type]:
        return [value.type for value in self.values]

    @property
    def seconds(self) -> float | None:
        """What `rate()` divides by."""
        return self.builder.seconds

    def value(self, place: int) -> FrameValue:
        return self.values[place]

    def expression(self, place: int) -> pl.Expr:
        return self.values[place].expr

    def text(self, place: int) -> pl.Expr:
        return as_text(self.values[place])

    def number(self, place: int) -> pl.Expr:
        return as_number(self.values[place])

    def condition(self, place: int) -> pl.Expr:
        return as_boolean(self.values[place])

    def converted(self, place: int, kind: Type) -> pl.Expr:
        return converted(self.values[place], kind)

    def literal(self, place: int) -> str | int | float:
        return literal_of(self.expressions[place])

    def in_order(self, expr: pl.Expr) -> pl.Expr:
        """The values that are there, earliest first."""
        kept = expr.is_not_null()
        return expr.filter(kept).sort_by([pl.col(TIME_COLUMN).filter(kept), pl.col(POSITION_COLUMN).filter(kept)])


def compile_frame(expression: Expression, builder: FrameBuilder) -> FrameValue:
    """The expression over the columns of the builder's frame. Its types have been checked before."""
    match expression:
        case Literal(value=value):
            return _literal(value)
        case Duration(nanoseconds=nanoseconds):
            return FrameValue(pl.lit(nanoseconds / 1e6), Type.DURATION)
        case Pattern(pattern=pattern):
            return FrameValue(pl.lit(pattern), Type.PATTERN)
        case Field(name=name):
            return builder.lookup(name)
        case Call():
            return _call(expression, builder)
        case Arithmetic():
            return _arithmetic(expression, builder)
        case Minus(item=item):
            return FrameValue(-as_number(compile_frame(item, builder)), Type.NUMBER)
        case Comparison(operator=operator, left=left, right=right):
            return FrameValue(_compare(operator, left, right, builder), Type.BOOLEAN)
        case Within(item=item, choices=choices):
            return FrameValue(_within(item, choices, builder), Type.BOOLEAN)
        case AllOf(items=items):
            return FrameValue(
                pl.all_horizontal([as_boolean(compile_frame(item, builder)) for item in items]), Type.BOOLEAN
            )
        case AnyOf(items=items):
            return FrameValue(
                pl.any_horizontal([as_boolean(compile_frame(item, builder)) for item in items]), Type.BOOLEAN
            )
        case Negate(item=item):
            return FrameValue(~as_boolean(compile_frame(item, builder)), Type.BOOLEAN)


def _literal(value: str | float | bool | None) -> FrameValue:
    match value:
        case None:
            return FrameValue(pl.lit(None, pl.String), Type.ANY)
        case bool():
            return FrameValue(pl.lit(value), Type.BOOLEAN)
        case str():
            return FrameValue(pl.lit(value), Type.TEXT)
        case int():
            return FrameValue(pl.lit(value, pl.Int64), Type.INTEGER)
        case float():
            return FrameValue(pl.lit(value), Type.NUMBER)


def _call(expression: Call, builder: FrameBuilder) -> FrameValue:
    named = None if builder.grouping else builder.computed_call(expression)
    if named is not None:
        return named
    function = function_named(expression.name)
    if function is None:
        raise TypeError(f"checked before: no function {expression.name}")
    outside, builder.grouping = builder.grouping, builder.grouping and not function.aggregate
    values = tuple(compile_frame(argument, builder) for argument in expression.arguments)
    if function.aggregate:
        values = tuple(_in_every_row(value) for value in values)
    builder.grouping = outside
    arguments = FrameArguments(expression.arguments, values, builder)
    return FrameValue(function.frame(arguments), function.result(arguments.types))


def _in_every_row(value: FrameValue) -> FrameValue:
    """A constant as a column as long as the rows: no rows, no value."""
    if value.expr.meta.root_names():
        return value
    return FrameValue(pl.when(pl.int_range(pl.len()) >= 0).then(value.expr), value.type)


def _arithmetic(expression: Arithmetic, builder: FrameBuilder) -> FrameValue:
    left, right = compile_frame(expression.left, builder), compile_frame(expression.right, builder)
    if left.type is Type.TIME or right.type is Type.TIME:
        return _time_arithmetic(expression.operator, left, right)
    a, b = as_number(left), as_number(right)
    match expression.operator:
        case "+":
            result = a + b
        case "-":
            result = a - b
        case "*":
            result = a * b
        case "/":
            result = a / b
        case _:
            result = a - b * (a / b).floor()
    return FrameValue(finite(result), Type.NUMBER)


def _time_arithmetic(operator: str, left: FrameValue, right: FrameValue) -> FrameValue:
    if left.type is right.type:
        return FrameValue(as_number(left) - as_number(right), Type.NUMBER)
    moment, shift = (left, right) if left.type is Type.TIME else (right, left)
    nanoseconds = (as_number(shift) * 1e6).round().cast(pl.Int64, strict=False)
    start = moment.expr.dt.epoch("ns")
    return FrameValue((start + nanoseconds if operator == "+" else start - nanoseconds).cast(TIME), Type.TIME)


def _compare(operator: Operator, left: Expression, right: Expression, builder: FrameBuilder) -> pl.Expr:
    a, b = compile_frame(left, builder), compile_frame(right, builder)
    test = TESTS[operator]
    match meeting((left, a.type), (right, b.type)):
        case Meeting.NUMBER:
            result = test(as_number(a), as_number(b))
        case Meeting.TIME:
            result = test(_time(a, left, builder), _time(b, right, builder))
        case Meeting.LEVEL:
            result = test(_rank(a, left), _rank(b, right))
        case Meeting.ANY if operator not in (Operator.EQ, Operator.NE):
            numbers = as_number(a), as_number(b)
            both = numbers[0].is_not_null() & numbers[1].is_not_null()
            result = pl.when(both).then(test(*numbers)).otherwise(test(as_text(a), as_text(b)))
        case _:
            result = test(as_text(a), as_text(b))
    return result.fill_null(False)


def _within(item: Expression, choices: Sequence[Expression], builder: FrameBuilder) -> pl.Expr:
    """Equal to one of the choices; numbers that are written out are looked up together."""
    own = compile_frame(item, builder)
    numbers: list[float] = []
    rest: list[Expression] = []
    for choice in choices:
        match choice:
            case Literal(value=int() | float() as value) if not isinstance(value, bool):
                numbers.append(float(value))
            case _:
                rest.append(choice)
    tests = [_compare(Operator.EQ, item, choice, builder) for choice in rest]
    if numbers:
        tests.append(as_number(own).is_in(numbers).fill_null(False))
    return pl.any_horizontal(tests)


def _time(value: FrameValue, expression: Expression, builder: FrameBuilder) -> pl.Expr:
    instant = time_literal(expression, builder.context.now_ns)
    return value.expr if instant is None else pl.lit(instant, pl.Int64).cast(TIME)


def _rank(value: FrameValue, expression: Expression) -> pl.Expr:
    rank = level_literal(expression)
    return value.expr if rank is None else pl.lit(rank, pl.UInt8)

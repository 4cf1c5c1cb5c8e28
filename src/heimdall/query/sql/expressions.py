"""Expressions as typed ClickHouse values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlglot import exp

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
from heimdall.query.functions import function_named
from heimdall.query.sql.nodes import (
    binary,
    boolean,
    both,
    call,
    cast,
    choose,
    either,
    negate,
    null,
    number,
    string,
    within,
)
from heimdall.query.sql.values import (
    Form,
    Value,
    as_boolean,
    as_json,
    as_number,
    as_text,
    finite,
    level_test,
    present,
)
from heimdall.query.types import Type

if TYPE_CHECKING:
    from heimdall.query.sql.statement import SqlBuilder


@dataclass(frozen=True, slots=True)
class SqlArguments:
    """Arguments of a call, compiled; a function takes each as the type it wants."""

    expressions: tuple[Expression, ...]
    values: tuple[Value, ...]
    builder: SqlBuilder
    call: Call

    def __len__(self) -> int:
        return len(self.values)

    @property
    def types(self) -> Sequence[Type]:
        return [value.type for value in self.values]

    @property
    def seconds(self) -> float | None:
        """What `rate()` divides by."""
        return self.builder.seconds

    @property
    def rows(self) -> exp.Expression:
        """How many rows a group has."""
        return self.builder.rows

    def value(self, place: int) -> Value:
        return self.values[place]

    def text(self, place: int) -> exp.Expression:
        return as_text(self.values[place])

    def number(self, place: int) -> exp.Expression:
        return as_number(self.values[place])

    def condition(self, place: int) -> exp.Expression:
        return as_boolean(self.values[place])

    def converted(self, place: int, kind: Type) -> exp.Expression:
        return converted(self.values[place], kind)

    def literal(self, place: int) -> str | int | float:
        """Value of an argument that is written out; a duration in nanoseconds, a pattern as its text."""
        return literal_of(self.expressions[place])


def literal_of(expression: Expression) -> str | int | float:
    match expression:
        case Literal(value=str() | int() | float() as value) if not isinstance(value, bool):
            return value
        case Duration(nanoseconds=nanoseconds):
            return nanoseconds
        case Pattern(pattern=pattern):
            return pattern
        case _:
            raise TypeError("checked before: not a literal")


def converted(value: Value, kind: Type) -> exp.Expression:
    """The value as `kind`, where that can be."""
    if kind is Type.INTEGER:
        return call("toInt64", value.sql)  # an unsigned column beside a signed value would be of two types
    if value.type is kind and not (kind is Type.ANY and value.form is Form.DYNAMIC):
        return value.sql
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
            return value.sql


def compile_expression(expression: Expression, builder: SqlBuilder) -> Value:
    """The expression over the columns of the builder's level. Its types have been checked before."""
    match expression:
        case Literal(value=value):
            return _literal(value)
        case Duration(nanoseconds=nanoseconds):
            return Value(number(nanoseconds / 1e6), Type.DURATION)
        case Pattern(pattern=pattern):
            return Value(string(pattern), Type.PATTERN)
        case Field(name=name):
            return builder.lookup(name)
        case Call():
            return _call(expression, builder)
        case Arithmetic():
            return _arithmetic(expression, builder)
        case Minus(item=item):
            return Value(call("negate", as_number(compile_expression(item, builder))), Type.NUMBER)
        case Comparison(operator=operator, left=left, right=right):
            return Value(_compare(operator, left, right, builder), Type.BOOLEAN)
        case Within(item=item, choices=choices):
            return Value(_within(item, choices, builder), Type.BOOLEAN)
        case AllOf(items=items):
            return Value(both(*(as_boolean(compile_expression(item, builder)) for item in items)), Type.BOOLEAN)
        case AnyOf(items=items):
            return Value(either(*(as_boolean(compile_expression(item, builder)) for item in items)), Type.BOOLEAN)
        case Negate(item=item):
            return Value(negate(as_boolean(compile_expression(item, builder))), Type.BOOLEAN)


def _literal(value: str | float | bool | None) -> Value:
    match value:
        case None:
            return Value(cast(null(), "Nullable(String)"), Type.ANY, Form.JSON)
        case bool():
            return Value(boolean(value), Type.BOOLEAN)
        case str():
            return Value(string(value), Type.TEXT)
        case int():
            return Value(call("toInt64", number(value)), Type.INTEGER)
        case float():
            return Value(call("toFloat64", number(value)), Type.NUMBER)


def _call(expression: Call, builder: SqlBuilder) -> Value:
    named = None if builder.grouping else builder.computed_call(expression)
    if named is not None:
        return named
    function = function_named(expression.name)
    if function is None:
        raise TypeError(f"checked before: no function {expression.name}")
    outside, builder.grouping = builder.grouping, builder.grouping and not function.aggregate
    values = tuple(compile_expression(argument, builder) for argument in expression.arguments)
    builder.grouping = outside
    arguments = SqlArguments(expression.arguments, values, builder, expression)
    kind = function.result(arguments.types)
    return Value(function.sql(arguments), kind, Form.JSON if kind in (Type.ANY, Type.LIST) else Form.PLAIN)


def _arithmetic(expression: Arithmetic, builder: SqlBuilder) -> Value:
    left, right = compile_expression(expression.left, builder), compile_expression(expression.right, builder)
    if left.type is Type.TIME or right.type is Type.TIME:
        return _time_arithmetic(expression.operator, left, right)
    a, b = as_number(left), as_number(right)
    if expression.operator == "%":
        whole = call("floor", binary("/", a, b))
        return Value(finite(binary("-", a.copy(), binary("*", b.copy(), whole))), Type.NUMBER)
    return Value(finite(binary(expression.operator, a, b)), Type.NUMBER)


def _time_arithmetic(operator: str, left: Value, right: Value) -> Value:
    """time - time gives milliseconds; time ± duration gives a time."""
    if left.type is right.type:
        return Value(binary(operator, as_number(left), as_number(right)), Type.NUMBER)
    moment, shift = (left, right) if left.type is Type.TIME else (right, left)
    nanoseconds = call("toInt64", call("round", binary("*", as_number(shift), number(1e6))))
    shifted = binary(operator, call("toUnixTimestamp64Nano", moment.sql), nanoseconds)
    return Value(call("fromUnixTimestamp64Nano", shifted, string("UTC")), Type.TIME)


def _compare(operator: Operator, left: Expression, right: Expression, builder: SqlBuilder) -> exp.Expression:
    """True or false; a missing side makes it false."""
    a, b = compile_expression(left, builder), compile_expression(right, builder)
    stored = _compare_stored(operator, a, right)
    if stored is not None:
        return stored
    match meeting((left, a.type), (right, b.type)):
        case Meeting.NUMBER:
            test = binary(operator, as_number(a), as_number(b))
        case Meeting.TIME:
            test = binary(operator, _time(a, left, builder), _time(b, right, builder))
        case Meeting.LEVEL:
            test = binary(operator, _rank(a, left), _rank(b, right))
        case Meeting.ANY:
            test = _compare_any(operator, a, b)
        case _:
            test = binary(operator, as_text(a), as_text(b))
    return call("ifNull", test, exp.false())


def _within(item: Expression, choices: Sequence[Expression], builder: SqlBuilder) -> exp.Expression:
    """Equal to one of the choices; those written out as one `IN` for text and one for numbers."""
    own = compile_expression(item, builder)
    texts: list[exp.Expression] = []
    numbers: list[exp.Expression] = []
    tests: list[exp.Expression] = []
    for choice in choices:
        written = choice.value if isinstance(choice, Literal) else None
        if isinstance(written, str) and meeting((item, own.type), (choice, Type.TEXT)) is Meeting.TEXT:
            texts.append(string(written))
        elif isinstance(written, int | float) and not isinstance(written, bool) and own.type is not Type.TIME:
            numbers.append(number(float(written)))
        else:
            tests.append(_compare(Operator.EQ, item, choice, builder))
    if texts:
        stored = own.raw if own.type is Type.TEXT else None
        chosen = texts if stored is None or own.key is None else [text for text in texts if text.name]
        if chosen:
            tests.append(call("ifNull", within(as_text(own) if stored is None else stored, chosen), exp.false()))
    if numbers:
        tests.append(call("ifNull", within(as_number(own), numbers), exp.false()))
    return either(*tests)


def _compare_stored(operator: Operator, own: Value, other: Expression) -> exp.Expression | None:
    """A column of the table against quoted text, in the shape that the table's key and indexes know."""
    if own.raw is None or not isinstance(other, Literal) or not isinstance(other.value, str):
        return None
    rank = level_literal(other)
    if own.type is Type.LEVEL and rank is not None:
        return level_test(own.raw, operator, rank)
    if own.type is not Type.TEXT:
        return None
    test = binary(operator, own.raw, string(other.value))
    if own.key is None:
        return test
    if operator is Operator.EQ:
        return test if other.value else boolean(False)
    return both(test, present(own))


def _time(value: Value, expression: Expression, builder: SqlBuilder) -> exp.Expression:
    instant = time_literal(expression, builder.context.now_ns)
    if instant is None:
        return value.sql
    return call("fromUnixTimestamp64Nano", number(instant), string("UTC"))


def _rank(value: Value, expression: Expression) -> exp.Expression:
    rank = level_literal(expression)
    return value.sql if rank is None else number(rank)


def _compare_any(operator: Operator, a: Value, b: Value) -> exp.Expression:
    """Two sender's fields: as numbers when both are, else as text."""
    texts = binary(operator, as_text(a), as_text(b))
    if operator in (Operator.EQ, Operator.NE):
        return texts
    numbers = [as_number(a), as_number(b)]
    are_numbers = both(*(call("isNotNull", item) for item in numbers))
    return choose(are_numbers, binary(operator, numbers[0].copy(), numbers[1].copy()), texts)

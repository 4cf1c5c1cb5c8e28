"""What `stats` and `timechart` share: aggregates and the keys they are made by."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from heimdall.query.ast import Call, Duration, Expression, Field, Span, fields_of, walk
from heimdall.query.functions import function_named
from heimdall.query.languages.cursor import Cursor
from heimdall.query.languages.hql.expressions import parse_expression, parse_field
from heimdall.query.languages.hql.printer import expression_text, field_text
from heimdall.query.shape import Shape, assignable, failure, infer
from heimdall.query.types import Type


@dataclass(frozen=True, slots=True)
class Column:
    """An expression and the name its column gets: `alias`, or what the expression suggests."""

    expression: Expression
    alias: str | None = None
    span: Span | None = field(default=None, compare=False, repr=False)

    @property
    def name(self) -> str:
        if self.alias is not None:
            return self.alias
        match self.expression:
            case Field(name=name):
                return name
            case Call(name="bin", arguments=(Field(name=name), _)):
                return name
            case Call(name="bin", arguments=(_,)):
                return "timestamp"
            case _:
                return expression_text(self.expression)

    def to_text(self) -> str:
        text = expression_text(self.expression)
        return text if self.alias is None else f"{text} as {field_text(self.alias)}"


def expressions(columns: Sequence[Column]) -> tuple[Expression, ...]:
    return tuple(column.expression for column in columns)


def columns_text(columns: Sequence[Column]) -> str:
    return ", ".join(column.to_text() for column in columns)


def parse_columns(cursor: Cursor, *, aggregates: bool) -> tuple[Column, ...]:
    """`expression [as name], …`; among aggregates, `count` may go without parentheses."""
    columns: list[Column] = []
    while True:
        cursor.skip()
        start = cursor.position
        expression = parse_expression(cursor)
        if aggregates and isinstance(expression, Field):
            function = function_named(expression.name)
            if function is not None and function.aggregate and len(function.takes) == function.optional:
                expression = Call(expression.name, span=expression.span)
        alias = parse_field(cursor) if cursor.take_word("as") else None
        columns.append(Column(expression, alias, span=cursor.span(start)))
        if not cursor.take(","):
            return tuple(columns)


def read_by(columns: Sequence[Column]) -> Iterator[str]:
    for column in columns:
        yield from fields_of(column.expression)


def aggregated_shape(before: Shape, aggregates: Sequence[Column], keys: Sequence[Column]) -> Shape:
    """Keys first, then aggregates; every name once."""
    types: dict[str, Type] = {}
    for column in keys:
        kind = infer(column.expression, before)
        if kind is Type.PATTERN:
            raise failure(column.span, "a pattern is no value to group by")
        _add(types, column, kind)
    for column in aggregates:
        if not any(_is_aggregate(node) for node in walk(column.expression)):
            raise failure(
                column.span,
                f"'{expression_text(column.expression)[:60]}' is no aggregate",
                "stats wants count(), sum(field), p95(field) …; group by a field behind 'by'",
            )
        _add(types, column, infer(column.expression, before, grouping=frozenset(types)))
    return Shape(False, False, types)


def _add(types: dict[str, Type], column: Column, kind: Type) -> None:
    assignable(column.name, column.span)
    if column.name in types:
        raise failure(column.span, f"two columns are named '{column.name}'", "name one of them: … as other_name")
    types[column.name] = kind


def _is_aggregate(node: Expression) -> bool:
    if not isinstance(node, Call):
        return False
    function = function_named(node.name)
    return function is None or function.aggregate  # an unknown one is reported as such later


def step_seconds(keys: Sequence[Column]) -> float | None:
    """Seconds one group stands for, when one of these keys (of type TIME) is a step in time."""
    for column in keys:
        match column.expression:
            case Call(name="bin", arguments=(*_, Duration(nanoseconds=nanoseconds))):
                return nanoseconds / 1e9
    return None

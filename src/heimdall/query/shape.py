"""What rows look like between pipes: which columns there are and what they hold. Known before anything runs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from ipaddress import ip_network

from heimdall.errors import QuerySyntaxError
from heimdall.model.severity import Level
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
    Pattern,
    Query,
    Span,
    Within,
)
from heimdall.query.fields import POSITION_COLUMN, RECORD_FIELDS, TIME_COLUMN, field_type
from heimdall.query.functions import function_named, functions
from heimdall.query.functions.definition import Function, Kind
from heimdall.query.types import Type

_LEVEL_NAMES = frozenset([*Level, "warning"])


@dataclass(frozen=True, slots=True)
class Shape:
    """`columns`: names added or kept by pipes, in order, with their types. While `whole`, every field of the record
    is there beside them, except those in `dropped`."""

    whole: bool = True
    records: bool = True
    """Rows are still records, newest first unless sorted."""
    columns: Mapping[str, Type] = field(default_factory=dict)
    dropped: frozenset[str] = frozenset()

    def type_of(self, name: str) -> Type | None:
        """What `name` holds; `None` when these rows cannot have it."""
        if name in self.columns:
            return self.columns[name]
        if self.records and name in (TIME_COLUMN, POSITION_COLUMN):
            return Type.TIME if name == TIME_COLUMN else Type.INTEGER
        if f"{name}()" in self.columns:
            return self.columns[f"{name}()"]
        return field_type(name) if self.whole and name not in self.dropped else None

    def extended(self, columns: Mapping[str, Type]) -> Shape:
        kept = {name: kind for name, kind in self.columns.items() if name not in columns}
        return Shape(self.whole, self.records, {**kept, **columns}, self.dropped - set(columns))

    def answer(self) -> tuple[tuple[str, Type], ...]:
        """Columns of the answer, in order; without the two hidden ones of records."""
        own = [(name, self.columns.get(name, field_type(name))) for name in RECORD_FIELDS if name not in self.dropped]
        listed = [name for name, _ in own] if self.whole else []
        added = [(name, kind) for name, kind in self.columns.items() if name not in listed]
        return tuple([*(own if self.whole else []), *added])


def shape_of(query: Query) -> Shape:
    """Shape of the answer.

    Raises:
        QuerySyntaxError: a pipe asks for a column, a function or a conversion that cannot be.
    """
    shape = Shape()
    for pipe in query.pipes:
        shape = pipe.shape(shape)
    return shape


def unknown(name: str, shape: Shape, span: Span | None) -> QuerySyntaxError:
    close = get_close_matches(name, list(shape.columns), n=1, cutoff=0.6)
    listed = ", ".join(list(shape.columns)[:12])
    hint = f"did you mean '{close[0]}'?" if close else f"after the pipes before it there is {listed or 'nothing'}"
    return failure(span, f"there is no column '{name}' here", hint)


def failure(span: Span | None, message: str, hint: str | None = None) -> QuerySyntaxError:
    return QuerySyntaxError(message, column=span.column if span else 1, length=span.length if span else 1, hint=hint)


def require(names: Iterable[str], shape: Shape, span: Span | None) -> dict[str, Type]:
    """Types of columns that a pipe names."""
    found: dict[str, Type] = {}
    for name in names:
        kind = shape.type_of(name)
        if kind is None:
            raise unknown(name, shape, span)
        found[name] = kind
    return found


def assignable(name: str, span: Span | None) -> None:
    """Refuse a name that the answer needs for itself."""
    if name in (TIME_COLUMN, POSITION_COLUMN) or name.startswith("_sort") or "\0" in name:
        raise failure(span, f"'{name}' is a name Heimdall keeps for itself", "choose another name")


# ---- expressions --------------------------------------------------------------------------------------------------


def infer(expression: Expression, shape: Shape, *, grouping: frozenset[str] | None = None) -> Type:
    """Type of an expression over rows of a shape.

    `grouping`: set while an aggregate is looked for (`stats`); then a field has to stand inside one.
    """
    return _infer(expression, shape, _Place.GROUPED if grouping is not None else _Place.ROW)


class _Place:
    ROW = "row"
    GROUPED = "grouped"
    AGGREGATE = "aggregate"


def _infer(expression: Expression, shape: Shape, place: str) -> Type:
    match expression:
        case Literal(value=value):
            return _literal_type(value)
        case Duration():
            return Type.DURATION
        case Pattern():
            return Type.PATTERN
        case Field(name=name):
            return _field(expression, name, shape, place)
        case Call():
            return _call(expression, shape, place)
        case Arithmetic(left=left, right=right, operator=operator):
            return _arithmetic(expression, operator, _infer(left, shape, place), _infer(right, shape, place))
        case Minus(item=item):
            if _infer(item, shape, place) in (Type.TIME, Type.PATTERN):
                raise failure(expression.span, "only numbers can be negated")
            return Type.NUMBER
        case Comparison(left=left, right=right):
            _compared(expression.span, (left, _infer(left, shape, place)), (right, _infer(right, shape, place)))
            _with_level(left, right, shape)
            return Type.BOOLEAN
        case Within(item=item, choices=choices):
            own = _infer(item, shape, place)
            for choice in choices:
                _compared(choice.span, (item, own), (choice, _infer(choice, shape, place)))
                _with_level(item, choice, shape)
            return Type.BOOLEAN
        case AllOf(items=items) | AnyOf(items=items):
            for item in items:
                condition(item, _infer(item, shape, place))
            return Type.BOOLEAN
        case Negate(item=item):
            condition(item, _infer(item, shape, place))
            return Type.BOOLEAN


def _literal_type(value: object) -> Type:
    match value:
        case None:
            return Type.ANY
        case bool():
            return Type.BOOLEAN
        case str():
            return Type.TEXT
        case int():
            return Type.INTEGER
        case _:
            return Type.NUMBER


def _field(expression: Field, name: str, shape: Shape, place: str) -> Type:
    if place == _Place.GROUPED:
        raise failure(
            expression.span,
            f"'{name}' has to stand inside an aggregate or behind 'by'",
            f"for example max({name}), first({name}), or … by {name}",
        )
    kind = shape.type_of(name)
    if kind is None:
        raise unknown(name, shape, expression.span)
    return kind


def condition(expression: Expression, kind: Type) -> None:
    """Refuse what cannot be true or false."""
    if kind not in (Type.BOOLEAN, Type.ANY):
        raise failure(expression.span, f"expected a condition, found a {kind}", "compare it, for example with == or >")


def _compared(span: Span | None, left: tuple[Expression, Type], right: tuple[Expression, Type]) -> None:
    for expression, kind in (left, right):
        if kind is Type.PATTERN:
            raise failure(span, "a pattern is matched, not compared", "write field =~ /pattern/")
        if isinstance(expression, Literal) and expression.value is None:
            raise failure(span, "nothing equals null", "write exists(field) or not exists(field)")


def _with_level(one: Expression, other: Expression, shape: Shape) -> None:
    """Refuse a level compared with the field of a level's name: quotes were forgotten."""
    for level, said in ((one, other), (other, one)):
        match level, said:
            case Field(name=own), Field(name=name) if name in _LEVEL_NAMES and name not in shape.columns:
                if shape.type_of(own) is Type.LEVEL:
                    raise failure(said.span, f"{name} is a field here, and no level", f'write "{name}"')


def _arithmetic(expression: Arithmetic, operator: str, left: Type, right: Type) -> Type:
    if Type.PATTERN in (left, right):
        raise failure(expression.span, "a pattern is not a number")
    if Type.TIME not in (left, right):
        return Type.NUMBER
    if left is right:
        if operator != "-":
            raise failure(
                expression.span, f"two times cannot be combined with {operator}", "their difference is time - time"
            )
        return Type.NUMBER
    if operator not in "+-" or (operator == "-" and right is Type.TIME):
        raise failure(expression.span, f"a time cannot be combined with {operator} like this", "time + 5m, time - 5m")
    return Type.TIME


# ---- calls --------------------------------------------------------------------------------------------------------


def _call(expression: Call, shape: Shape, place: str) -> Type:
    from heimdall.query.languages.hql.printer import expression_text  # the printer needs no shapes, only trees

    if place != _Place.GROUPED and (made := shape.columns.get(expression_text(expression))) is not None:
        return made  # `sort -count()` behind `stats count()` means that column
    function = function_named(expression.name)
    if function is None:
        close = get_close_matches(expression.name, list(functions()), n=1, cutoff=0.6)
        hint = f"did you mean '{close[0]}'?" if close else "the reference lists every function"
        raise failure(expression.span, f"there is no function '{expression.name[:40]}'", hint)
    if function.aggregate and place == _Place.ROW:
        hint = f"write | stats {expression_text(expression)[:60]}"
        raise failure(
            expression.span, f"{function.name}() makes one value of many rows: only stats and timechart can", hint
        )
    if function.aggregate and place == _Place.AGGREGATE:
        raise failure(expression.span, f"{function.name}() inside another aggregate", "use a second stats")
    if function.records_only and not shape.records:
        raise failure(expression.span, f"{function.name}() needs records, these rows are aggregated already")
    _count(expression, function)
    inner = _Place.AGGREGATE if function.aggregate else place
    types = []
    for number, argument in enumerate(expression.arguments):
        kind = function.kind(number)
        if function.name == "bin" and number == len(expression.arguments) - 1:
            kind = Kind.STEP
        types.append(_argument(expression, function, kind, argument, shape, inner))
    if not expression.arguments and function.takes and function.takes[0] is Kind.TIME:
        require(["timestamp"], shape, expression.span)
    if function.name == "bin":
        _bin(expression, types, shape, inner)
    if function.name == "cidr_match":
        _network(expression)
    return function.result(types)


def _count(expression: Call, function: Function) -> None:
    given = len(expression.arguments)
    least = len(function.takes) - function.optional
    if given < least or (given > len(function.takes) and not function.repeats):
        wanted = str(least) if least == len(function.takes) else f"{least} to {len(function.takes)}"
        wanted = f"at least {least}" if function.repeats else wanted
        message = f"{function.name}() takes {wanted} argument{'' if wanted == '1' else 's'}, found {given}"
        raise failure(expression.span, message, function.signature)


_LITERAL_KINDS: Mapping[Kind, tuple[Callable[[Expression], bool], str]] = {
    Kind.PATTERN: (lambda item: isinstance(item, Pattern), "a pattern between slashes"),
    Kind.LITERAL: (
        lambda item: isinstance(item, Pattern) or (isinstance(item, Literal) and isinstance(item.value, str)),
        "text in quotes",
    ),
    Kind.WHOLE: (lambda item: isinstance(item, Literal) and type(item.value) is int, "a whole number"),
    Kind.STEP: (
        lambda item: (
            (isinstance(item, Duration) and item.nanoseconds > 0)
            or (isinstance(item, Literal) and type(item.value) in (int, float) and float(item.value or 0) > 0)
        ),
        "a step such as 5m or 100",
    ),
}


def _argument(expression: Call, function: Function, kind: Kind, argument: Expression, shape: Shape, place: str) -> Type:
    found = _infer(argument, shape, place)
    wanted = _LITERAL_KINDS.get(kind)
    span = argument.span or expression.span
    if wanted is not None:
        if not wanted[0](argument) or (isinstance(argument, Pattern) and function.name not in _TAKES_PATTERNS):
            raise failure(span, f"{function.name}() wants {wanted[1]} here", function.signature)
        return found
    if found is Type.PATTERN:
        raise failure(span, f"{function.name}() takes no pattern here", function.signature)
    if kind is Kind.CONDITION:
        condition(argument, found)
    if kind is Kind.TIME and found is not Type.TIME:
        raise failure(span, f"{function.name}() wants a time here, found a {found}", function.signature)
    if kind is Kind.NUMBER and found is Type.TIME:
        raise failure(
            span, f"{function.name}() wants a number here, found a time", "tonumber(time) counts milliseconds"
        )
    return found


_TAKES_PATTERNS = frozenset({"matches", "extract", "replace"})


def _bin(expression: Call, types: list[Type], shape: Shape, place: str) -> None:
    step = expression.arguments[-1]
    of_time = len(types) == 1 or types[0] is Type.TIME
    if of_time and not isinstance(step, Duration):
        raise failure(step.span or expression.span, "a time is cut into steps of a duration", "for example bin(5m)")
    if len(types) == 1:
        if place == _Place.GROUPED:
            raise failure(expression.span, "bin() has to stand behind 'by'", "stats count() by bin(5m)")
        if require(["timestamp"], shape, expression.span)["timestamp"] is not Type.TIME:
            raise failure(expression.span, "timestamp is no time any more", "name the time: bin(field, 5m)")


def _network(expression: Call) -> None:
    network = expression.arguments[1]
    try:
        ip_network(str(network.value) if isinstance(network, Literal) else "", strict=False)
    except ValueError:
        raise failure(network.span, "not an IP network", 'write one as "10.0.0.0/8" or "2001:db8::/32"') from None

"""Conditions that are searches: those an engine's indexes answer, where both ways of asking mean the same."""

from __future__ import annotations

from heimdall.query.ast import (
    AllOf,
    And,
    AnyOf,
    Compare,
    Comparison,
    Expression,
    Field,
    Literal,
    MatchAll,
    Operator,
    Or,
    Predicate,
    Within,
)
from heimdall.query.fields import InvalidValue, canonical, check_value
from heimdall.query.languages.logic import all_of
from heimdall.query.shape import failure
from heimdall.query.types import Type

_EQUALITY = (Operator.EQ, Operator.NE)
_NOT_TEXT = ("id", "trace_id", "span_id", "parent_span_id")


def split(condition: Expression) -> tuple[Predicate, Expression | None]:
    """The part that is a search, and what is left of the condition."""
    parts = condition.items if isinstance(condition, AllOf) else (condition,)
    found: list[Predicate] = []
    left: list[Expression] = []
    for part in parts:
        predicate = _predicate(part)
        if predicate is None:
            left.append(part)
        else:
            found.append(predicate)
    search: Predicate = MatchAll() if not found else found[0] if len(found) == 1 else And(tuple(found))
    return search, all_of(left) if left else None


def _predicate(condition: Expression) -> Predicate | None:
    match condition:
        case Comparison(operator=operator, left=Field(name=name), right=Literal(value=value)):
            return _compare(condition, name, operator, value)
        case Within(item=Field(name=name), choices=choices):
            return _any([_predicate(Comparison(Operator.EQ, condition.item, choice)) for choice in choices])
        case AnyOf(items=items):
            return _any([_predicate(item) for item in items])
    return None


def _any(items: list[Predicate | None]) -> Predicate | None:
    found = [item for item in items if item is not None]
    if len(found) < len(items) or not found:
        return None
    return found[0] if len(found) == 1 else Or(tuple(found))


def _compare(condition: Expression, name: str, operator: Operator, value: object) -> Predicate | None:
    field = canonical(name)
    if field is None or name in _NOT_TEXT or isinstance(value, bool) or value is None:
        return None
    text = isinstance(value, str)
    fits = {
        Type.TEXT: text and operator in _EQUALITY,
        Type.LEVEL: text,
        Type.TIME: text,
        Type.NUMBER: not text,
        Type.INTEGER: not text,
    }
    if not fits.get(field.type, False):
        return None
    try:
        check_value(name, str(value))
    except InvalidValue as exc:
        raise failure(condition.span, str(exc), exc.hint) from None
    return Compare(name, operator, str(value) if text else repr(value))

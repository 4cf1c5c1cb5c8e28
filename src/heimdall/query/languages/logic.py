"""Conditions of languages in which a missing value makes a comparison neither true nor false.

`not` is pushed down to the comparisons, where HQL's false for a missing value says the same: a row is kept exactly
when its condition is true in three-valued logic.
"""

from __future__ import annotations

from dataclasses import replace

from heimdall.query.ast import (
    AllOf,
    AnyOf,
    Call,
    Comparison,
    Expression,
    Field,
    Literal,
    Negate,
    Operator,
    fields_of,
)
from heimdall.query.fields import Storage, canonical

OPPOSITE = {
    Operator.EQ: Operator.NE,
    Operator.NE: Operator.EQ,
    Operator.LT: Operator.GE,
    Operator.GE: Operator.LT,
    Operator.GT: Operator.LE,
    Operator.LE: Operator.GT,
}


def never_missing(name: str) -> bool:
    found = canonical(name)
    return found is not None and (found.storage is Storage.ALWAYS or name in ("level", "id"))


def settled(expression: Expression) -> Expression:
    """With every `not` where it does no harm; inside arguments of functions too."""
    match expression:
        case AllOf() | AnyOf() | Negate() | Comparison():
            return _settled(expression, wanted=True)
        case Call(arguments=arguments):
            return replace(expression, arguments=tuple(map(settled, arguments)))
    return expression


def _settled(condition: Expression, *, wanted: bool) -> Expression:
    """True where `condition` is `wanted`, and nowhere else."""
    match condition:
        case AllOf(items=items) | AnyOf(items=items):
            parts = [_settled(item, wanted=wanted) for item in items]
            return all_of(parts) if isinstance(condition, AllOf) is wanted else any_of(parts)
        case Negate(item=item):
            return _settled(item, wanted=not wanted)
        case Comparison(operator=operator, left=left, right=right):
            chosen = operator if wanted else OPPOSITE[operator]
            return Comparison(chosen, settled(left), settled(right), span=condition.span)
        case Literal(value=bool() as value):
            return Literal(value is wanted, span=condition.span)
    if wanted:
        return settled(condition)
    if isinstance(condition, Call) and condition.name == "exists":
        return Negate(condition, span=condition.span)
    needed = [name for name in dict.fromkeys(fields_of(condition)) if not never_missing(name)]
    return all_of([*(Call("exists", (Field(name),)) for name in needed), Negate(condition, span=condition.span)])


def all_of(items: list[Expression]) -> Expression:
    flat = [part for item in items for part in (item.items if isinstance(item, AllOf) else (item,))]
    return flat[0] if len(flat) == 1 else AllOf(tuple(flat))


def any_of(items: list[Expression]) -> Expression:
    flat = [part for item in items for part in (item.items if isinstance(item, AnyOf) else (item,))]
    return flat[0] if len(flat) == 1 else AnyOf(tuple(flat))

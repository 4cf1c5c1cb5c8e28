"""As what two values are compared: decided once from their types, the same for every engine."""

from __future__ import annotations

from enum import StrEnum

from heimdall.query.ast import Expression, Literal
from heimdall.query.fields import parse_level
from heimdall.query.literals import parse_instant
from heimdall.query.types import NUMERIC, Type

Side = tuple[Expression, Type]


class Meeting(StrEnum):
    NUMBER = "number"
    TIME = "time"
    LEVEL = "level"
    TEXT = "text"
    ANY = "any"
    """Both are sender's fields: numbers when both look like numbers, else text."""


def meeting(left: Side, right: Side) -> Meeting:
    """A time meets times and text that is one; a level meets levels and their names; a number makes the other side a
    number; two sender's fields decide per record; everything else meets as text."""
    types = {left[1], right[1]}
    if types == {Type.TIME} or any(_meets(a, b, Type.TIME) for a, b in ((left, right), (right, left))):
        return Meeting.TIME
    if types == {Type.LEVEL} or any(_meets(a, b, Type.LEVEL) for a, b in ((left, right), (right, left))):
        return Meeting.LEVEL
    if types & NUMERIC:
        return Meeting.NUMBER
    return Meeting.ANY if types == {Type.ANY} else Meeting.TEXT


def _meets(own: Side, other: Side, kind: Type) -> bool:
    if own[1] is not kind:
        return False
    return (time_literal(other[0], 0) if kind is Type.TIME else level_literal(other[0])) is not None


def time_literal(expression: Expression, now_ns: int) -> int | None:
    """Nanoseconds since 1970 of quoted text that is a time."""
    if isinstance(expression, Literal) and isinstance(expression.value, str):
        return parse_instant(expression.value, now_ns)
    return None


def level_literal(expression: Expression) -> int | None:
    """Rank of quoted text that names a level."""
    if isinstance(expression, Literal) and isinstance(expression.value, str):
        return parse_level(expression.value)
    return None

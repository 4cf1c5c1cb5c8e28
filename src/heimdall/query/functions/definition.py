"""What a function of the query language is. Each module beside this one defines one word (or a family of one)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from heimdall.query.types import Type

if TYPE_CHECKING:
    import polars as pl
    from sqlglot import exp

    from heimdall.query.frame.expressions import FrameArguments
    from heimdall.query.sql.expressions import SqlArguments


class Kind(StrEnum):
    """What an argument has to be. Values of other types are converted, as the reference's table says."""

    VALUE = "value"
    TEXT = "text"
    NUMBER = "number"
    CONDITION = "condition"
    TIME = "time"
    PATTERN = "pattern"
    """A regular expression literal."""
    LITERAL = "literal"
    """Quoted text."""
    WHOLE = "whole"
    """A whole number written out."""
    STEP = "step"
    """A duration or a number above 0 written out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """One word. `sql` and `frame` give the same value for the same record; a missing argument gives a missing value
    unless `doc` says otherwise."""

    name: str
    signature: str
    doc: str
    example: str
    takes: tuple[Kind, ...] = ()
    optional: int = 0
    """How many of the last arguments may be left out."""
    repeats: bool = False
    """The last argument may come any number of times."""
    gives: Type | Callable[[Sequence[Type]], Type]
    aggregate: bool = False
    """Makes one value of many rows; `stats` and `timechart` only."""
    records_only: bool = False
    """Needs rows in order of time."""
    sql: Callable[[SqlArguments], exp.Expression] = field(repr=False)
    frame: Callable[[FrameArguments], pl.Expr] = field(repr=False)

    def result(self, types: Sequence[Type]) -> Type:
        return self.gives if isinstance(self.gives, Type) else self.gives(types)

    def kind(self, place: int) -> Kind:
        """What argument `place` (from 0) has to be."""
        return self.takes[min(place, len(self.takes) - 1)]


def common_type(types: Sequence[Type]) -> Type:
    """The type that holds all of these: the same one, NUMBER for mixed numbers, else ANY."""
    distinct = set(types)
    if len(distinct) == 1:
        return distinct.pop()
    if distinct and distinct <= {Type.NUMBER, Type.INTEGER, Type.DURATION}:
        return Type.NUMBER
    return Type.ANY

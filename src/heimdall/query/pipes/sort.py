"""`sort [-]key [asc|desc], …`: another order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from heimdall.query.ast import Expression, Pipe, fields_of
from heimdall.query.languages.cursor import Cursor
from heimdall.query.languages.hql.expressions import parse_expression
from heimdall.query.languages.hql.printer import expression_text
from heimdall.query.pipes.word import PipeWord
from heimdall.query.shape import Shape, failure, infer
from heimdall.query.types import Type

if TYPE_CHECKING:
    from heimdall.query.frame.evaluation import FrameBuilder
    from heimdall.query.sql.statement import SqlBuilder


@dataclass(frozen=True, slots=True)
class Sort(Pipe):
    name: ClassVar[str] = "sort"
    sorts: ClassVar[bool] = True

    keys: tuple[tuple[Expression, bool], ...]
    """Expression and whether the largest comes first."""

    def to_text(self) -> str:
        return "sort " + ", ".join(_key_text(key) + (" desc" if descending else "") for key, descending in self.keys)

    def reads(self) -> Iterator[str]:
        for key, _ in self.keys:
            yield from fields_of(key)

    def shape(self, before: Shape) -> Shape:
        for key, _ in self.keys:
            if infer(key, before) is Type.PATTERN:
                raise failure(key.span or self.span, "a pattern has no order")
        return before

    def to_sql(self, builder: SqlBuilder) -> None:
        builder.prepare(*(key for key, _ in self.keys))
        builder.sort([(builder.compile(key), descending) for key, descending in self.keys])

    def to_frame(self, builder: FrameBuilder) -> None:
        builder.sort([(builder.compile(key), descending) for key, descending in self.keys])


def _key_text(key: Expression) -> str:
    """A minus in front would mean the other way round."""
    text = expression_text(key)
    return f"({text})" if text.startswith("-") else text


def _parse(cursor: Cursor) -> Sort:
    start = cursor.position
    cursor.take_word("by")
    keys: list[tuple[Expression, bool]] = []
    while True:
        descending = cursor.take("-")
        key = parse_expression(cursor)
        if cursor.take_word("desc"):
            descending = True
        elif cursor.take_word("asc"):
            descending = False
        keys.append((key, descending))
        if not cursor.take(","):
            return Sort(tuple(keys), span=cursor.span(start))


WORD = PipeWord(
    name="sort",
    syntax="sort [-]key [asc|desc], …",
    doc="Sorts by the keys, smallest first; `-` or `desc` puts the largest first. Missing values come last; rows that"
    " are equal keep their order. A sender's field sorts as numbers first, then as text.",
    example="* | stats count() as n by service | sort -n, service",
    parse=_parse,
)

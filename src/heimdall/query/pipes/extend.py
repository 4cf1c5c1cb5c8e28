"""`extend name = expression, …`: computed columns."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from heimdall.query.ast import Expression, Pipe, fields_of
from heimdall.query.languages.cursor import Cursor
from heimdall.query.languages.hql.expressions import parse_expression, parse_field
from heimdall.query.languages.hql.printer import expression_text, field_text
from heimdall.query.pipes.word import PipeWord
from heimdall.query.shape import Shape, assignable, failure, infer
from heimdall.query.types import Type

if TYPE_CHECKING:
    from heimdall.query.frame.evaluation import FrameBuilder
    from heimdall.query.sql.statement import SqlBuilder


@dataclass(frozen=True, slots=True)
class Extend(Pipe):
    name: ClassVar[str] = "extend"

    columns: tuple[tuple[str, Expression], ...]

    def to_text(self) -> str:
        return "extend " + ", ".join(f"{field_text(name)} = {expression_text(value)}" for name, value in self.columns)

    def reads(self) -> Iterator[str]:
        for _, value in self.columns:
            yield from fields_of(value)

    def shape(self, before: Shape) -> Shape:
        for name, value in self.columns:
            assignable(name, self.span)
            kind = infer(value, before)
            if kind is Type.PATTERN:
                raise failure(value.span, "a pattern is no value", "matches(field, /pattern/) is one")
            before = before.extended({name: kind})
        return before

    def to_sql(self, builder: SqlBuilder) -> None:
        for name, value in self.columns:
            builder.prepare(value)
            builder.extend({name: builder.compile(value)})

    def to_frame(self, builder: FrameBuilder) -> None:
        for name, value in self.columns:
            builder.extend({name: builder.compile(value)})


def _parse(cursor: Cursor) -> Extend:
    start = cursor.position
    columns: list[tuple[str, Expression]] = []
    while True:
        name = parse_field(cursor)
        cursor.expect("=", f"write extend {name} = expression")
        columns.append((name, parse_expression(cursor)))
        if not cursor.take(","):
            return Extend(tuple(columns), span=cursor.span(start))


WORD = PipeWord(
    name="extend",
    syntax="extend name = expression, …",
    doc="Adds computed columns, or replaces columns of the same name; later ones can use earlier ones.",
    example='* | extend seconds = duration_ms / 1000, slow = if(seconds > 1, "slow", "fast")',
    parse=_parse,
)

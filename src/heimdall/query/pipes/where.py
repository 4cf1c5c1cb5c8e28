"""`where condition`: rows for which a condition holds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from heimdall.query.ast import Expression, Pipe, fields_of
from heimdall.query.languages.cursor import Cursor
from heimdall.query.languages.hql.expressions import parse_expression
from heimdall.query.languages.hql.printer import expression_text
from heimdall.query.pipes.word import PipeWord
from heimdall.query.shape import Shape, condition, infer

if TYPE_CHECKING:
    from heimdall.query.frame.evaluation import FrameBuilder
    from heimdall.query.sql.statement import SqlBuilder


@dataclass(frozen=True, slots=True)
class Where(Pipe):
    name: ClassVar[str] = "where"

    condition: Expression

    def to_text(self) -> str:
        return f"where {expression_text(self.condition)}"

    def reads(self) -> Iterator[str]:
        return fields_of(self.condition)

    def shape(self, before: Shape) -> Shape:
        condition(self.condition, infer(self.condition, before))
        return before

    def to_sql(self, builder: SqlBuilder) -> None:
        builder.prepare(self.condition)
        builder.where(builder.condition(self.condition))

    def to_frame(self, builder: FrameBuilder) -> None:
        builder.where(builder.condition(self.condition))


def _parse(cursor: Cursor) -> Where:
    start = cursor.position
    return Where(parse_expression(cursor), span=cursor.span(start))


WORD = PipeWord(
    name="where",
    syntax="where condition",
    doc="Keeps the rows for which the condition holds.",
    example='service:payment | where duration_ms > 2 * 250 and not contains(message, "retry")',
    parse=_parse,
)

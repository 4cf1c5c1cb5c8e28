"""`dedup [rows] field, …`: the first row, or rows, of each value."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from heimdall.query.ast import Field, Pipe
from heimdall.query.languages.cursor import Cursor
from heimdall.query.languages.hql.expressions import parse_fields
from heimdall.query.languages.hql.printer import field_list
from heimdall.query.pipes.head import parse_rows
from heimdall.query.pipes.word import PipeWord
from heimdall.query.shape import Shape, require

if TYPE_CHECKING:
    from heimdall.query.frame.evaluation import FrameBuilder
    from heimdall.query.sql.statement import SqlBuilder


@dataclass(frozen=True, slots=True)
class Dedup(Pipe):
    name: ClassVar[str] = "dedup"

    fields: tuple[str, ...]
    rows: int = 1

    def to_text(self) -> str:
        return f"dedup {'' if self.rows == 1 else f'{self.rows} '}{field_list(self.fields)}"

    def reads(self) -> Iterator[str]:
        yield from self.fields

    def shape(self, before: Shape) -> Shape:
        require(self.fields, before, self.span)
        return before

    def to_sql(self, builder: SqlBuilder) -> None:
        builder.prepare(*(Field(name) for name in self.fields))
        builder.limit_by([builder.lookup(name) for name in dict.fromkeys(self.fields)], self.rows)

    def to_frame(self, builder: FrameBuilder) -> None:
        builder.limit_by([builder.lookup(name) for name in dict.fromkeys(self.fields)], self.rows)


def _parse(cursor: Cursor) -> Dedup:
    start = cursor.position
    rows = parse_rows(cursor)
    return Dedup(parse_fields(cursor), 1 if rows is None else rows, span=cursor.span(start))


WORD = PipeWord(
    name="dedup",
    syntax="dedup [rows] field, …",
    doc="Keeps the first row, in their order, of each value or combination of values: of records the newest. With a"
    " number, so many rows of each. Rows without the field count as one value.",
    example="level>=error | dedup service, template_id",
    parse=_parse,
)

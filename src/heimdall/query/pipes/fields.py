"""`fields a, b`: only these columns; `fields - a, b`: all but these."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from heimdall.query.ast import Pipe
from heimdall.query.fields import RECORD_FIELDS
from heimdall.query.languages.cursor import Cursor
from heimdall.query.languages.hql.expressions import parse_fields
from heimdall.query.languages.hql.printer import field_list
from heimdall.query.pipes.word import PipeWord
from heimdall.query.shape import Shape, assignable, failure, require

if TYPE_CHECKING:
    from heimdall.query.frame.evaluation import FrameBuilder
    from heimdall.query.sql.statement import SqlBuilder


@dataclass(frozen=True, slots=True)
class Fields(Pipe):
    name: ClassVar[str] = "fields"

    names: tuple[str, ...]
    without: bool = False

    def to_text(self) -> str:
        return f"fields {'- ' if self.without else ''}{field_list(self.names)}"

    def reads(self) -> Iterator[str]:
        if not self.without:
            yield from self.names

    def shape(self, before: Shape) -> Shape:
        if not self.without:
            for name in self.names:
                assignable(name, self.span)
            return Shape(False, before.records, require(dict.fromkeys(self.names), before, self.span))
        columns = {name: kind for name, kind in before.columns.items() if name not in self.names}
        after = Shape(before.whole, before.records, columns, before.dropped | set(self.names))
        if not after.answer():
            raise failure(self.span, "no column would be left", f"a record has {', '.join(RECORD_FIELDS[:6])}, …")
        return after

    def to_sql(self, builder: SqlBuilder) -> None:
        if self.without:
            builder.drop(self.names)
        else:
            builder.keep(tuple(dict.fromkeys(self.names)))

    def to_frame(self, builder: FrameBuilder) -> None:
        if self.without:
            builder.drop(self.names)
        else:
            builder.keep(tuple(dict.fromkeys(self.names)))


def _parse(cursor: Cursor) -> Fields:
    start = cursor.position
    without = cursor.take("-")
    return Fields(parse_fields(cursor), without, span=cursor.span(start))


WORD = PipeWord(
    name="fields",
    syntax="fields [-] field, …",
    doc="Keeps only these columns, in this order; with `-`, all but these.",
    example="level>=error | fields timestamp, service, message, http.status_code",
    parse=_parse,
)

"""`patterns [N]`: templates of the messages, most frequent first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from heimdall.query.ast import Call, Field, Pipe
from heimdall.query.languages.cursor import Cursor
from heimdall.query.pipes.aggregation import Column
from heimdall.query.pipes.head import parse_rows
from heimdall.query.pipes.word import PipeWord
from heimdall.query.shape import Shape, failure, require
from heimdall.query.types import Type

if TYPE_CHECKING:
    from heimdall.query.frame.evaluation import FrameBuilder
    from heimdall.query.sql.statement import SqlBuilder

DEFAULT_PATTERNS = 100


@dataclass(frozen=True, slots=True)
class Patterns(Pipe):
    name: ClassVar[str] = "patterns"
    aggregates: ClassVar[bool] = True
    sorts: ClassVar[bool] = True

    rows: int = DEFAULT_PATTERNS

    def to_text(self) -> str:
        return f"patterns {self.rows}"

    def reads(self) -> Iterator[str]:
        yield from ("template_id", "timestamp", "message")

    def shape(self, before: Shape) -> Shape:
        if not before.records:
            raise failure(self.span, "patterns() are found in records, these rows are aggregated already")
        require(self.reads(), before, self.span)
        columns = {"template_id": Type.INTEGER, "count": Type.INTEGER, "first": Type.TIME, "last": Type.TIME}
        return Shape(False, False, {**columns, "example": Type.TEXT, "share": Type.NUMBER})

    def to_sql(self, builder: SqlBuilder) -> None:
        builder.prepare(Field("template_id"))
        builder.aggregate(_COLUMNS, _KEYS, _ORDER)
        builder.share("share", "count")
        builder.limit(self.rows)

    def to_frame(self, builder: FrameBuilder) -> None:
        builder.aggregate(_COLUMNS, _KEYS, _ORDER)
        builder.share("share", "count")
        builder.limit(self.rows)


_KEYS = (Column(Field("template_id")),)
_COLUMNS = (
    Column(Call("count"), "count"),
    Column(Call("min", (Field("timestamp"),)), "first"),
    Column(Call("max", (Field("timestamp"),)), "last"),
    Column(Call("last", (Field("message"),)), "example"),
)
_ORDER = (("count", True), ("template_id", False))


def _parse(cursor: Cursor) -> Patterns:
    start = cursor.position
    rows = parse_rows(cursor)
    if rows is None and not cursor.at_pipe_end:
        raise cursor.unexpected("expected a number of rows", "write patterns 20")
    return Patterns(DEFAULT_PATTERNS if rows is None else rows, span=cursor.span(start))


WORD = PipeWord(
    name="patterns",
    syntax="patterns [rows]",
    doc="The templates of the messages, most frequent first: `template_id`, `count`, the `first` and `last` time, the"
    f" newest message as `example`, and the `share` (0 to 1) of all rows; {DEFAULT_PATTERNS} unless a number is given.",
    example="service:payment | patterns 20",
    parse=_parse,
)

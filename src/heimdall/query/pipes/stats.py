"""`stats aggregate [as name], … [by key, …]`: one row a group."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from heimdall.query.ast import Pipe
from heimdall.query.context import Context
from heimdall.query.counting import Counting, counting
from heimdall.query.languages.cursor import Cursor
from heimdall.query.pipes.aggregation import Column, aggregated_shape, columns_text, expressions, parse_columns, read_by
from heimdall.query.pipes.word import PipeWord
from heimdall.query.shape import Shape

if TYPE_CHECKING:
    from heimdall.query.frame.evaluation import FrameBuilder
    from heimdall.query.sql.statement import SqlBuilder


@dataclass(frozen=True, slots=True)
class Stats(Pipe):
    name: ClassVar[str] = "stats"
    aggregates: ClassVar[bool] = True
    sorts: ClassVar[bool] = True

    columns: tuple[Column, ...]
    keys: tuple[Column, ...] = ()

    def to_text(self) -> str:
        return f"stats {columns_text(self.columns)}" + (f" by {columns_text(self.keys)}" if self.keys else "")

    def reads(self) -> Iterator[str]:
        yield from read_by(self.keys)
        yield from read_by(self.columns)

    def shape(self, before: Shape) -> Shape:
        return aggregated_shape(before, self.columns, self.keys)

    def to_sql(self, builder: SqlBuilder) -> None:
        builder.aggregate(self.columns, self.keys)

    def to_frame(self, builder: FrameBuilder) -> None:
        builder.aggregate(self.columns, self.keys)

    def counting(self, context: Context) -> Counting | None:
        return counting(expressions(self.columns), expressions(self.keys))


def _parse(cursor: Cursor) -> Stats:
    start = cursor.position
    columns = parse_columns(cursor, aggregates=True)
    keys = parse_columns(cursor, aggregates=False) if cursor.take_word("by") else ()
    return Stats(columns, keys, span=cursor.span(start))


WORD = PipeWord(
    name="stats",
    syntax="stats aggregate [as name], … [by key [as name], …]",
    doc="Makes one row of each group: first the keys, then the aggregates, sorted by the keys. Aggregates can be"
    " calculated with. Without `by` there is one row, even of no records.",
    example="* | stats count() as n, p95(duration_ms) as p95 by bin(5m), service",
    parse=_parse,
)

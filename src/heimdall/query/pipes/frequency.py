"""What `top` and `rare` share: values by how often they occur."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from heimdall.query.ast import AllOf, Call, Expression, Field, Pipe
from heimdall.query.context import Context
from heimdall.query.counting import Counting, counting
from heimdall.query.languages.cursor import Cursor
from heimdall.query.languages.hql.expressions import parse_fields
from heimdall.query.languages.hql.printer import field_list
from heimdall.query.pipes.aggregation import Column, expressions
from heimdall.query.pipes.head import DEFAULT_ROWS, parse_rows
from heimdall.query.shape import Shape, assignable, failure, require
from heimdall.query.types import Type

if TYPE_CHECKING:
    from heimdall.query.frame.evaluation import FrameBuilder
    from heimdall.query.sql.statement import SqlBuilder

COUNT, SHARE = "count", "share"


@dataclass(frozen=True, slots=True)
class Frequency(Pipe):
    aggregates: ClassVar[bool] = True
    sorts: ClassVar[bool] = True
    descending: ClassVar[bool] = True

    fields: tuple[str, ...]
    rows: int = DEFAULT_ROWS

    def to_text(self) -> str:
        return f"{self.name} {self.rows} {field_list(self.fields)}"

    def reads(self) -> Iterator[str]:
        yield from self.fields

    def shape(self, before: Shape) -> Shape:
        types = require(dict.fromkeys(self.fields), before, self.span)
        for name in (COUNT, SHARE):
            if name in types:
                raise failure(
                    self.span, f"'{name}' is the name of a column this pipe adds", "rename it with extend first"
                )
        for name in types:
            assignable(name, self.span)
        return Shape(False, False, {**types, COUNT: Type.INTEGER, SHARE: Type.NUMBER})

    def to_sql(self, builder: SqlBuilder) -> None:
        keys = self.keys()
        builder.prepare(self.condition())
        builder.where(builder.condition(self.condition()))
        builder.aggregate(self.counts(), keys, self.order())
        builder.share(SHARE, COUNT)
        builder.limit(self.rows)

    def to_frame(self, builder: FrameBuilder) -> None:
        builder.where(builder.condition(self.condition()))
        builder.aggregate(self.counts(), self.keys(), self.order())
        builder.share(SHARE, COUNT)
        builder.limit(self.rows)

    def counting(self, context: Context) -> Counting | None:
        return counting((), expressions(self.keys()))

    def counts(self) -> tuple[Column, ...]:
        return (Column(Call("count"), COUNT),)

    def keys(self) -> tuple[Column, ...]:
        return tuple(Column(Field(name)) for name in dict.fromkeys(self.fields))

    def condition(self) -> Expression:
        there = tuple(Call("exists", (Field(name),)) for name in dict.fromkeys(self.fields))
        return there[0] if len(there) == 1 else AllOf(there)

    def order(self) -> list[tuple[str, bool]]:
        return [(COUNT, self.descending), *((name, False) for name in dict.fromkeys(self.fields))]


def parse_frequency(cursor: Cursor) -> tuple[tuple[str, ...], int]:
    """`[rows] field, …`"""
    rows = parse_rows(cursor)
    cursor.take_word("by")
    return parse_fields(cursor), DEFAULT_ROWS if rows is None else rows

"""`head [N]`: the first rows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from heimdall.query.ast import Pipe
from heimdall.query.languages.cursor import Cursor
from heimdall.query.pipes.word import PipeWord
from heimdall.query.shape import Shape

if TYPE_CHECKING:
    from heimdall.query.frame.evaluation import FrameBuilder
    from heimdall.query.sql.statement import SqlBuilder

DEFAULT_ROWS = 10

_WHOLE = re.compile(r"[0-9]+(?![\w.])")
_LARGEST = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Head(Pipe):
    name: ClassVar[str] = "head"

    rows: int = DEFAULT_ROWS

    def to_text(self) -> str:
        return f"head {self.rows}"

    def reads(self) -> Iterator[str]:
        return iter(())

    def shape(self, before: Shape) -> Shape:
        return before

    def to_sql(self, builder: SqlBuilder) -> None:
        builder.limit(self.rows)

    def to_frame(self, builder: FrameBuilder) -> None:
        builder.limit(self.rows)


def parse_rows(cursor: Cursor) -> int | None:
    """A number of rows, when one stands here."""
    cursor.skip()
    start = cursor.position
    match = cursor.take_match(_WHOLE)
    if match is None:
        return None
    if len(match[0]) > 10 or int(match[0]) > _LARGEST:
        raise cursor.error("too many rows", start, len(match[0]), f"at most {_LARGEST}")
    return int(match[0])


def _parse(cursor: Cursor) -> Head:
    start = cursor.position
    rows = parse_rows(cursor)
    if rows is None and not cursor.at_pipe_end:
        raise cursor.unexpected("expected a number of rows", "write head 20")
    return Head(DEFAULT_ROWS if rows is None else rows, span=cursor.span(start))


WORD = PipeWord(
    name="head",
    syntax="head [rows]",
    doc=f"The first rows in their order, {DEFAULT_ROWS} when no number is given.",
    example="level:fatal | head 20",
    parse=_parse,
)

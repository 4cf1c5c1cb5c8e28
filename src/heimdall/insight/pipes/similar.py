"""`similar [rows] "text"`: the records most like a text, a stack trace for example."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import pyarrow as pa

from heimdall.query.languages.cursor import Cursor
from heimdall.query.languages.hql.printer import quote
from heimdall.query.pipes.head import parse_rows
from heimdall.query.pipes.word import PipeWord
from heimdall.query.rowpipes import AskingPipe
from heimdall.query.shape import Shape, failure
from heimdall.query.types import Type

if TYPE_CHECKING:
    from heimdall.query.asking import Asking

ROWS, MAX_ROWS = 20, 1_000


@dataclass(frozen=True, slots=True)
class Similar(AskingPipe):
    name: ClassVar[str] = "similar"
    aggregates: ClassVar[bool] = True
    sorts: ClassVar[bool] = True

    text: str = ""
    rows: int = ROWS

    def to_text(self) -> str:
        return f"similar {self.rows} {quote(self.text)}"

    def reads(self) -> Iterator[str]:
        yield from ("template_id", "timestamp", "message")

    def shape(self, before: Shape) -> Shape:
        if not before.records:
            raise failure(self.span, "similar looks for records, these rows are aggregated already")
        return before.extended({"similarity": Type.NUMBER, "why": Type.TEXT})

    def answer(self, asking: Asking) -> pa.Table:
        # On first use: these modules ask HQL themselves, and HQL loads this one to know its words.
        from heimdall.insight.similarity.similar import similar

        return similar(asking, self.text, self.rows)


def _parse(cursor: Cursor) -> Similar:
    start = cursor.position
    rows = parse_rows(cursor)
    if rows is not None and not 1 <= rows <= MAX_ROWS:
        raise cursor.error(f"similar gives 1 to {MAX_ROWS:,} rows", start, cursor.position - start)
    cursor.skip()
    if cursor.peek() != '"':
        raise cursor.unexpected("expected a text in quotation marks", 'write similar "the line or stack trace"')
    text = cursor.quoted()
    return Similar(text, ROWS if rows is None else rows, span=cursor.span(start))


WORD = PipeWord(
    name="similar",
    syntax='similar [rows] "text"',
    doc=f"The records most like a line, a stack trace or plain words, {ROWS} when no number is given. A stack trace is"
    " compared by what was thrown and its frames, whatever their lines, paths and generated numbers; other text by its"
    " rare words and names of code, whatever its numbers and ids, and with a sentence model by what it means."
    " `similarity` is 1 for the text itself; `why` names"
    " what weighed most. Equally similar ones come newest first. Stands last.",
    example='level>=error | similar "java.sql.SQLTransientConnectionException: pool exhausted"',
    parse=_parse,
)

"""`rootcause`: services ranked by how likely what a window shows began with them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import pyarrow as pa

from heimdall.query.languages.cursor import Cursor
from heimdall.query.pipes.word import PipeWord
from heimdall.query.rowpipes import AskingPipe
from heimdall.query.shape import Shape, failure
from heimdall.query.types import Type

if TYPE_CHECKING:
    from heimdall.query.asking import Asking


@dataclass(frozen=True, slots=True)
class RootCause(AskingPipe):
    name: ClassVar[str] = "rootcause"
    aggregates: ClassVar[bool] = True
    sorts: ClassVar[bool] = True

    def to_text(self) -> str:
        return "rootcause"

    def reads(self) -> Iterator[str]:
        yield from ("service", "severity_number", "template_id", "timestamp", "trace_id", "message")

    def shape(self, before: Shape) -> Shape:
        if not before.records:
            raise failure(self.span, "rootcause counts records, these rows are aggregated already")
        text, number, integer = Type.TEXT, Type.NUMBER, Type.INTEGER
        ranks = {"rank": integer, "service": text, "score": number, "started": Type.TIME, "first_in_traces": number}
        evidence = {"template_id": integer, "template": text, "status": text, "count": integer}
        return Shape(False, False, {**ranks, **evidence, "baseline_count": integer, "example": text, "query": text})

    def answer(self, asking: Asking) -> pa.Table:
        # On first use: these modules ask HQL themselves, and HQL loads this one to know its words.
        from heimdall.insight.causes.rootcause import baseline_of, root_causes
        from heimdall.insight.comparing.compare import Comparison, window_of

        question = asking.question
        window = window_of(question.start_ns, question.end_ns, asking.job.clock.time_ns())
        comparison = Comparison(question.query, window, baseline=baseline_of(window))
        return root_causes(asking, comparison, fields=None).rows


def _parse(cursor: Cursor) -> RootCause:
    start = cursor.position
    cursor.skip()
    if not cursor.at_pipe_end:
        raise cursor.unexpected(
            "expected the end of the query", "rootcause takes nothing; the time range is the window"
        )
    return RootCause(span=cursor.span(start))


WORD = PipeWord(
    name="rootcause",
    syntax="rootcause",
    doc="Services ranked by how likely what the time range shows began with them. Each is held against the time just"
    " before (as long, an hour at least): templates that are new, gone or changed count by their surprise and the level"
    " of their records, and where traces tell who complained first, that counts too. Each row has the strongest of its"
    " evidence: a template with its counts, when it `started`, an example, and the query of its records. Needs a"
    " time range, and stands last.",
    example="* | rootcause",
    parse=_parse,
)

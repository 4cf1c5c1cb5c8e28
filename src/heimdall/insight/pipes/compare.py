"""`compare [shift]`: templates that are new, gone or changed since an earlier window of the same length."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import pyarrow as pa

from heimdall.query.ast import Duration
from heimdall.query.languages.cursor import Cursor
from heimdall.query.languages.hql.expressions import parse_expression
from heimdall.query.languages.hql.printer import expression_text
from heimdall.query.pipes.word import PipeWord
from heimdall.query.rowpipes import AskingPipe
from heimdall.query.shape import Shape, failure
from heimdall.query.types import Type

if TYPE_CHECKING:
    from heimdall.query.asking import Asking

MAX_FINDINGS = 1_000
"""Templates of one answer: more than anybody reads."""


@dataclass(frozen=True, slots=True)
class Compare(AskingPipe):
    name: ClassVar[str] = "compare"
    aggregates: ClassVar[bool] = True
    sorts: ClassVar[bool] = True

    shift: Duration | None = None
    """How long before the window the baseline begins; None = the window just before."""

    def to_text(self) -> str:
        return "compare" if self.shift is None else f"compare {expression_text(self.shift)}"

    def reads(self) -> Iterator[str]:
        yield from ("template_id", "timestamp", "message")

    def shape(self, before: Shape) -> Shape:
        if not before.records:
            raise failure(self.span, "compare counts records, these rows are aggregated already")
        text, number, integer = Type.TEXT, Type.NUMBER, Type.INTEGER
        counts = {"count": integer, "baseline_count": integer, "share": number, "baseline_share": number}
        effects = {"effect": number, "effect_low": number, "effect_high": number, "p": number}
        first = {"template_id": integer, "template": text, "status": text}
        return Shape(False, False, {**first, **counts, **effects, "example": text, "query": text})

    def answer(self, asking: Asking) -> pa.Table:
        # On first use: these modules ask HQL themselves, and HQL loads this one to know its words.
        from heimdall.insight.comparing.compare import Comparison, changed_templates, window_of

        question = asking.question
        window = window_of(question.start_ns, question.end_ns, asking.job.clock.time_ns())
        baseline = None if self.shift is None else window.shifted(-self.shift.nanoseconds)
        return changed_templates(asking, Comparison(question.query, window, baseline=baseline), MAX_FINDINGS)


def _parse(cursor: Cursor) -> Compare:
    start = cursor.position
    cursor.skip()
    if cursor.at_pipe_end:
        return Compare(span=cursor.span(start))
    shift = parse_expression(cursor)
    if not isinstance(shift, Duration) or shift.nanoseconds <= 0:
        raise failure(cursor.span(start), "compare takes how long before the window its baseline begins", "compare 1d")
    return Compare(shift, span=cursor.span(start))


WORD = PipeWord(
    name="compare",
    syntax="compare [shift]",
    doc="Templates whose counts differ from those of an earlier window of the same length: the one just before, or the"
    " one that begins `shift` earlier. `status` is `new`, `gone` or `changed`; `effect` is log2 of the ratio of counts"
    " beside the ratio usual for all templates, with its 95 % interval; `p` is adjusted for the number of templates: on"
    " noise alone at most one question in twenty finds anything. The most surprising come first. Needs a time range,"
    " and stands last.",
    example="service:payment | compare 1d",
    parse=_parse,
)

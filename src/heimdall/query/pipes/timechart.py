"""`timechart [span=5m] aggregate, … [by key]`: aggregates over time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from heimdall.query.ast import Call, Duration, Pipe
from heimdall.query.context import Context
from heimdall.query.counting import Counting, counting
from heimdall.query.languages.cursor import Cursor
from heimdall.query.languages.hql.expressions import parse_expression
from heimdall.query.literals import NS_PER_UNIT, print_duration
from heimdall.query.pipes.aggregation import Column, aggregated_shape, columns_text, expressions, parse_columns, read_by
from heimdall.query.pipes.word import PipeWord
from heimdall.query.shape import Shape, require

if TYPE_CHECKING:
    from heimdall.query.frame.evaluation import FrameBuilder
    from heimdall.query.sql.statement import SqlBuilder

MOST_STEPS = 120
"""Most steps of a chart that names no span: as many as a chart on a laptop can show apart."""

_STEPS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 604800)
_DEFAULT_NS = 5 * NS_PER_UNIT["m"]


@dataclass(frozen=True, slots=True)
class Timechart(Pipe):
    name: ClassVar[str] = "timechart"
    aggregates: ClassVar[bool] = True
    sorts: ClassVar[bool] = True

    columns: tuple[Column, ...]
    keys: tuple[Column, ...] = ()
    span_ns: int | None = None

    def to_text(self) -> str:
        step = f"span={print_duration(self.span_ns)} " if self.span_ns is not None else ""
        by = f" by {columns_text(self.keys)}" if self.keys else ""
        return f"timechart {step}{columns_text(self.columns)}{by}"

    def reads(self) -> Iterator[str]:
        yield "timestamp"
        yield from read_by(self.keys)
        yield from read_by(self.columns)

    def shape(self, before: Shape) -> Shape:
        require(["timestamp"], before, self.span)
        return aggregated_shape(before, self.columns, self._keys(_DEFAULT_NS))

    def to_sql(self, builder: SqlBuilder) -> None:
        builder.aggregate(self.columns, self.all_keys(builder.context))

    def to_frame(self, builder: FrameBuilder) -> None:
        builder.aggregate(self.columns, self.all_keys(builder.context))

    def all_keys(self, context: Context) -> tuple[Column, ...]:
        """The step in time, and what else it is grouped by."""
        return self._keys(self.step_ns(context))

    def counting(self, context: Context) -> Counting | None:
        return counting(expressions(self.columns), expressions(self.all_keys(context)))

    def step_ns(self, context: Context) -> int:
        """Its span, else the smallest round step that cuts the range into at most `MOST_STEPS`."""
        if self.span_ns is not None:
            return self.span_ns
        if context.seconds is None:
            return _DEFAULT_NS
        fitting = (step for step in _STEPS_S if context.seconds / step <= MOST_STEPS)
        return next(fitting, _STEPS_S[-1]) * NS_PER_UNIT["s"]

    def _keys(self, step_ns: int) -> tuple[Column, ...]:
        return (Column(Call("bin", (Duration(step_ns),)), span=self.span), *self.keys)


def _parse(cursor: Cursor) -> Timechart:
    cursor.skip()
    start = cursor.position
    span_ns: int | None = None
    if cursor.at_word("span"):
        before = cursor.position
        cursor.take_word("span")
        if cursor.take("="):
            span_ns = _span(cursor)
            cursor.take(",")
        else:
            cursor.position = before
    columns = parse_columns(cursor, aggregates=True)
    keys = parse_columns(cursor, aggregates=False) if cursor.take_word("by") else ()
    return Timechart(columns, keys, span_ns, span=cursor.span(start))


def _span(cursor: Cursor) -> int:
    cursor.skip()
    start = cursor.position
    match parse_expression(cursor):
        case Duration(nanoseconds=nanoseconds) if nanoseconds > 0:
            return nanoseconds
    raise cursor.error_at(cursor.span(start), "expected a duration", "for example span=5m")


WORD = PipeWord(
    name="timechart",
    syntax="timechart [span=duration] aggregate [as name], … [by key, …]",
    doc="Aggregates over time: one row a step (and key) that has records, earliest first, its start in `timestamp`."
    f" Without `span`, the smallest round step that gives at most {MOST_STEPS} over the time range.",
    example="level>=error | timechart span=5m count() as errors by service",
    parse=_parse,
)

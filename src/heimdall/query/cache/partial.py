"""Aggregates that can be put together from those of pieces of time: count, count_if, sum, min, max, avg and rate.

`partial_of` splits a query at its first grouping: what comes before and the grouping itself run on the engine, for each
piece of time apart, with states that add up; `Partial.finish` adds them up and runs the rest of the query on columns in
memory, by the evaluator of `heimdall.query.frame.evaluation`, which gives what the engine's would.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from heimdall.columns import named
from heimdall.errors import QuerySyntaxError
from heimdall.model.severity import LEVELS
from heimdall.query.ast import Call, Duration, Expression, Field, Pipe, Query, walk
from heimdall.query.context import Context
from heimdall.query.frame.evaluation import FrameBuilder
from heimdall.query.frame.values import TIME, FrameValue
from heimdall.query.functions import function_named
from heimdall.query.languages.hql.printer import expression_text
from heimdall.query.pipes.aggregation import Column, step_seconds
from heimdall.query.pipes.frequency import SHARE, Frequency
from heimdall.query.pipes.stats import Stats
from heimdall.query.pipes.timechart import Timechart
from heimdall.query.pipes.where import Where
from heimdall.query.shape import shape_of
from heimdall.query.types import Type
from heimdall.query.windows import STATELESS

PIECE = "_piece"
"""Start of the piece a group lies in."""

_STATE = "_state"
_NO_SUM = frozenset({Type.ANY, Type.LIST, Type.PATTERN, Type.LEVEL})
"""Types whose smallest and largest value pieces cannot tell: their rank is lost on the way out of the engine."""


@dataclass(frozen=True, slots=True)
class Partial:
    query: Query
    keys: tuple[Column, ...]
    columns: tuple[Column, ...]
    states: tuple[Column, ...]
    rest: tuple[Pipe, ...]
    frequency: Frequency | None
    by_time: tuple[Column, ...]
    """Keys whose steps in time `rate()` divides by."""

    def of_pieces(self, size_ns: int) -> Query:
        """The states of each group in each piece of the clock's grid of `size_ns`."""
        piece = Column(Call("bin", (Field("timestamp"), Duration(size_ns))), PIECE)
        *before, _ = self.query.pipes
        return Query(self.query.search, (*before, Stats(self.states, (*self.keys, piece))))

    def finish(self, states: pl.DataFrame, context: Context, limit: int | None) -> pl.DataFrame:
        """The answer of the whole query from the states of all its pieces."""
        types = dict(shape_of(self.query).answer())
        frame = states.lazy().with_columns(pl.lit(0).cast(TIME).alias("timestamp_"), pl.lit(0).alias("position_"))
        frame = frame.select(
            pl.col("timestamp_").alias("timestamp"),
            pl.col("position_").alias("position"),
            *(_read(name, types[name]).alias(f"_in_{name}") for name in states.columns if name != PIECE),
        )
        values = {name: FrameValue(pl.col(f"_in_{name}"), types[name]) for name in states.columns if name != PIECE}
        builder = FrameBuilder(frame, values, (), context)
        keys = {key.name: builder.lookup(key.name) for key in self.keys}
        seconds = step_seconds(self.by_time) or context.seconds
        merged = {expression_text(call): _merged(call, builder, seconds) for call in _calls(self.columns)}
        if self.frequency is not None:
            merged = {column.name: value for column, value in zip(self.columns, merged.values(), strict=True)}
        builder.group(keys, merged, self.frequency.order() if self.frequency else None)
        if self.frequency is not None:
            builder.share(SHARE, self.columns[0].name)
            builder.limit(self.frequency.rows)
        else:
            builder.extend({column.name: builder.compile(column.expression) for column in self.columns})
            builder.keep([*keys, *(column.name for column in self.columns)])
        for pipe in self.rest:
            pipe.to_frame(builder)
        return builder.finish(limit).collect()


def partial_of(query: Query, context: Context) -> Partial | None:
    """The split of a query; None where its answer cannot be put together from pieces."""
    place = next((at for at, pipe in enumerate(query.pipes) if pipe.name not in STATELESS), None)
    if place is None:
        return None
    before, grouping, rest = query.pipes[:place], query.pipes[place], query.pipes[place + 1 :]
    frequency: Frequency | None = None
    match grouping:
        case Stats(columns=columns, keys=keys):
            pass
        case Timechart(columns=columns):
            keys = grouping.all_keys(context)
        case Frequency():
            frequency, keys, columns = grouping, grouping.keys(), grouping.counts()
            before = (*before, Where(grouping.condition()))
        case _:
            return None
    states: dict[str, Column] = {}
    for call in _calls(columns):
        made = _states(call)
        if made is None:
            return None
        states.update({str(column.alias): column for column in made})
    texts = {expression_text(call) for call in _calls(columns)}
    if any(key.name in texts or key.name.startswith((_STATE, PIECE)) for key in keys):
        return None
    split = Query(query.search, (*before, Stats(tuple(states.values()), keys)))
    try:
        types = dict(shape_of(split).answer())
        timed = shape_of(Query(query.search, before)).columns.get("timestamp", Type.TIME)
    except QuerySyntaxError:
        return None
    if timed is not Type.TIME or any(_may_hide_time(pipe) for pipe in before):
        return None
    extremes = [name for name in states if name.startswith((f"{_STATE}min", f"{_STATE}max"))]
    if any(types[name] in _NO_SUM for name in extremes) or any(types[key.name] is Type.LIST for key in keys):
        return None
    by_time = tuple(key for key in keys if types[key.name] is Type.TIME)
    return Partial(split, tuple(keys), tuple(columns), tuple(states.values()), rest, frequency, by_time)


def _may_hide_time(pipe: Pipe) -> bool:
    """Whether `timestamp` may be another thing, or nothing, behind this pipe."""
    return pipe.name == "fields" or (pipe.name in ("extend", "parse") and "timestamp" in pipe.to_text())


def _calls(columns: Sequence[Column]) -> list[Call]:
    """The aggregates of these columns, each once."""
    found = [node for column in columns for node in walk(column.expression) if isinstance(node, Call)]
    return list(dict.fromkeys(node for node in found if _aggregates(node)))


def _aggregates(call: Call) -> bool:
    function = function_named(call.name)
    return function is not None and function.aggregate


def _states(call: Call) -> list[Column] | None:
    """What pieces have to keep for an aggregate."""
    text = expression_text(call)
    match call.name:
        case "count" | "count_if" | "sum" | "min" | "max":
            return [Column(call, f"{_STATE}{call.name} {text}")]
        case "avg":
            number: Expression = Call("tonumber", call.arguments)
            return [
                Column(Call("sum", (number,)), f"{_STATE}total {text}"),
                Column(Call("count", (number,)), f"{_STATE}number {text}"),
            ]
        case "rate" if call.arguments:
            return [Column(Call("sum", (Call("tonumber", call.arguments),)), f"{_STATE}total {text}")]
        case "rate":
            return [Column(Call("count"), f"{_STATE}total {text}")]
        case _:
            return None


def _merged(call: Call, builder: FrameBuilder, seconds: float | None) -> FrameValue:
    text = expression_text(call)
    match call.name:
        case "count" | "count_if":
            value = builder.lookup(f"{_STATE}{call.name} {text}")
            return FrameValue(value.expr.sum(), Type.INTEGER)
        case "sum":
            value = builder.lookup(f"{_STATE}sum {text}")
            return FrameValue(_total(value.expr), value.type)
        case "min" | "max":
            value = builder.lookup(f"{_STATE}{call.name} {text}")
            return FrameValue(value.expr.min() if call.name == "min" else value.expr.max(), value.type)
        case "avg":
            total, number = (builder.lookup(f"{_STATE}{part} {text}").expr for part in ("total", "number"))
            return FrameValue(_total(total) / number.sum(), Type.NUMBER)
        case _:
            total = builder.lookup(f"{_STATE}total {text}").expr
            whole = _total(total) if call.arguments else total.sum()
            nothing = pl.lit(None, pl.Float64)
            return FrameValue(nothing if seconds is None else whole.cast(pl.Float64) / seconds, Type.NUMBER)


def _total(value: pl.Expr) -> pl.Expr:
    return pl.when(value.count() > 0).then(value.sum())


def _read(name: str, kind: Type) -> pl.Expr:
    """A column as it left the engine, as the evaluator reads it."""
    column = named(name)
    match kind:
        case Type.LEVEL:
            ranks = {level.value: rank for rank, level in enumerate(LEVELS)}
            return column.cast(pl.String).replace_strict(ranks, return_dtype=pl.UInt8)
        case Type.INTEGER:
            return column.cast(pl.Int64)
        case Type.TIME:
            return column.cast(TIME)
        case Type.NUMBER | Type.DURATION:
            return column.cast(pl.Float64)
        case Type.BOOLEAN:
            return column.cast(pl.Boolean)
        case _:
            return column.cast(pl.String)

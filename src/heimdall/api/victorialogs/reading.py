"""Answers read from the query service: page by page for logs, whole and bounded for groups."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import polars as pl
import pyarrow as pa

from heimdall.clock import Clock
from heimdall.errors import InvalidInput, QueryCancelled
from heimdall.query.ast import Arithmetic, Call, Duration, Expression, Field, Pipe, Query
from heimdall.query.languages.hql import to_text
from heimdall.query.logql.reader import PAGE_ROWS, as_text
from heimdall.query.pipes.aggregation import Column
from heimdall.query.pipes.stats import Stats
from heimdall.query.request import Answer, SearchRequest
from heimdall.query.rows import JSON_TEXT
from heimdall.query.service import QueryService

MAX_GROUPS = 100_000
"""Groups one answer is made of; they have to fit in memory."""


@dataclass(frozen=True, slots=True)
class Reader:
    """All pages of one question together have `request.timeout_s`."""

    queries: QueryService
    clock: Clock
    request: SearchRequest
    give_up_s: float

    @staticmethod
    def of(queries: QueryService, clock: Clock, request: SearchRequest) -> Reader:
        return Reader(queries, clock, request, clock.monotonic() + (request.timeout_s or 0.0))

    def pages(self, query: Query, limit: int | None = None) -> Iterator[pa.Table]:
        """Rows, newest records first; `limit` of them at most. The first page is asked for when it is wanted."""
        wanted = replace(self.request, q=to_text(query))
        left = limit
        while left is None or left > 0:
            answer = self._search(replace(wanted, limit=PAGE_ROWS if left is None else min(PAGE_ROWS, left)))
            yield answer.rows
            if answer.next is None:
                return
            left = None if left is None else left - answer.rows.num_rows
            wanted = replace(wanted, cursor=answer.next)

    def frame(self, query: Query, names: Sequence[str]) -> pl.DataFrame:
        """The whole answer, its columns `names` as text.

        Raises:
            InvalidInput: it has more than `MAX_GROUPS` rows.
        """
        frames: list[pl.DataFrame] = []
        for table in self.pages(query):
            spoken = {field.name for field in table.schema if (field.metadata or {}).items() >= JSON_TEXT.items()}
            frame = pl.from_arrow(table)
            assert isinstance(frame, pl.DataFrame)
            frames.append(
                frame.with_columns(as_text(frame[name], name in spoken).fill_null("").alias(name) for name in names)
            )
            if sum(each.height for each in frames) > MAX_GROUPS:
                raise InvalidInput(f"the answer has more than {MAX_GROUPS:,} rows; narrow the query or its time range")
        return pl.concat(frames, how="vertical_relaxed")

    def counted(
        self, query: Query, keys: Sequence[str | Expression], then: Sequence[Pipe] = (), *, step: Column | None = None
    ) -> pl.DataFrame:
        """Records by group: keys `k0`, `k1`, … as text, `n` records, with `step` its column."""
        named = [
            Column(Field(key) if isinstance(key, str) else key, f"k{place}") for place, key in enumerate(keys)
        ]  # fmt: skip
        by = (*named, *(() if step is None else (step,)))
        pipes = (*query.pipes, Stats((Column(Call("count"), "n"),), by), *then)
        return self.frame(Query(query.search, pipes), [column.name for column in named])

    def _search(self, request: SearchRequest) -> Answer:
        left_s = self.give_up_s - self.clock.monotonic()
        if left_s <= 0:
            raise QueryCancelled("the query ran past its timeout; narrow its time range or pass a longer one")
        return self.queries.search(replace(request, timeout_s=left_s))


def step_of(step_ns: int, offset_ns: int, name: str) -> Column:
    """The beginning of a record's step, steps counted from 1970 moved by an offset (below a step)."""
    moment: Expression = Field("timestamp")
    shift_ns = offset_ns % step_ns
    if shift_ns:
        moment = Arithmetic("-", moment, Duration(shift_ns))
    return Column(Call("bin", (moment, Duration(step_ns))), name)


def step_starts_ns(frame: pl.DataFrame, name: str, step_ns: int, offset_ns: int) -> pl.Series:
    return frame[name].dt.epoch("ns") + offset_ns % step_ns

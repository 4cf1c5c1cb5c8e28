"""Pipes that no engine runs: they are given the finished rows of the pipes before them, and stand last.

For what is computed over whole series of an answer. Packages above `query` bring such pipes through the entry-point
group `heimdall.pipes`, so the language knows their words without importing them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

import pyarrow as pa

from heimdall.query.ast import Pipe, Query
from heimdall.query.executor import Job
from heimdall.query.shape import failure
from heimdall.query.source import Question, Source

if TYPE_CHECKING:
    from heimdall.query.asking import Asking
    from heimdall.query.frame.evaluation import FrameBuilder
    from heimdall.query.sql.statement import SqlBuilder

MAX_ROWS = 50_000
"""Rows such a pipe is given at most."""


@dataclass(frozen=True, slots=True)
class RowPipe(Pipe, ABC):
    """One step behind everything an engine does."""

    @abstractmethod
    def on_rows(self, rows: pa.Table, check: Callable[[], None]) -> pa.Table:
        """The answer made of `rows`, which have the columns of the shape before it.

        `check` raises once nobody waits for the answer; it is called every few milliseconds of work.
        """

    def to_sql(self, builder: SqlBuilder) -> None:
        """Nothing: the statement ends before this pipe."""

    def to_frame(self, builder: FrameBuilder) -> None:
        """Nothing: the frame ends before this pipe."""


@dataclass(frozen=True, slots=True)
class AskingPipe(RowPipe, ABC):
    """One that asks questions of its own instead: about other ranges, or by steps of time. It stands behind a search
    and is given what leads to the records."""

    asks_further: ClassVar[bool] = True

    @abstractmethod
    def answer(self, asking: Asking) -> pa.Table:
        """The answer; `asking.question.query` is the query before this pipe."""

    def on_rows(self, rows: pa.Table, check: Callable[[], None]) -> pa.Table:
        raise TypeError(f"{self.name} makes nothing of rows: it asks")


def ends_in_row_pipe(query: Query) -> bool:
    """Whether the last pipe is one. Raises QuerySyntaxError where one stands before others."""
    for pipe in query.pipes[:-1]:
        if isinstance(pipe, RowPipe):
            raise failure(pipe.span, f"{pipe.name} has to be the last pipe", "move what follows it in front of it")
    return bool(query.pipes) and isinstance(query.pipes[-1], RowPipe)


def engine_part(query: Query) -> Query:
    """The query without a row pipe at its end: what an engine runs."""
    return Query(query.search, query.pipes[:-1]) if ends_in_row_pipe(query) else query


def answer_rows(job: Job, source: Source, question: Question) -> tuple[pa.Table, bool]:
    """(the answer of a query that ends in a row pipe, whether rows were left out of it)."""
    last = question.query.pipes[-1]
    assert isinstance(last, RowPipe)
    asked = replace(question, query=engine_part(question.query))
    rows = source.rows(job, asked, limit=MAX_ROWS + 1)
    return last.on_rows(rows.slice(0, MAX_ROWS), job.check), rows.num_rows > MAX_ROWS

"""Pages of an answer: the newest first, the one behind a cursor, the one at a rank."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl
import pyarrow as pa

from heimdall.errors import InvalidInput, QueryCancelled
from heimdall.query.config import QueryConfig
from heimdall.query.cursor import Behind, Cursor, Skip
from heimdall.query.executor import Job
from heimdall.query.fields import POSITION_COLUMN, TIME_COLUMN
from heimdall.query.fieldvalues import COUNT_COLUMN
from heimdall.query.source import STEP_COLUMN, Question, Source
from heimdall.query.windows import is_stateless, is_streaming, most_rows, windows
from heimdall.storage.engine import TierStatistics

RANK_STEPS = 1_000
"""Steps of time a rank is looked up in at once; each look narrows the place down by this factor."""

RANK_ROWS = 20_000
"""Records of a step that are skipped by reading them. Fewer: one more look at the counts."""

MAX_SKIP = 10_000
"""Rows of an aggregated or sorted answer that pages reach; beyond it the question wants a filter."""


@dataclass(frozen=True, slots=True)
class Page:
    """`rows` with `_timestamp` and `_position` where they are records."""

    rows: pa.Table
    next: Cursor | None
    partial: bool = False


class Pages:
    def __init__(self, source: Source, statistics: TierStatistics, config: QueryConfig) -> None:
        self._source = source
        self._statistics = statistics
        self._config = config

    def first(self, job: Job, question: Question, limit: int, cursor: Cursor | None) -> Page:
        """The first `limit` rows, or those behind `cursor`."""
        query = question.query
        if query.aggregates or query.sorts or not is_streaming(query):
            return self._by_skipping(job, question, limit, cursor)
        if not is_stateless(query):
            return self._from_the_top(job, question, limit, cursor)
        if isinstance(cursor, Skip):
            raise InvalidInput("this cursor belongs to another query; start again without it")
        return self._records(job, question, limit, cursor)

    def at_rank(self, job: Job, question: Question, limit: int, rank: int) -> Page:
        """Rows `rank` … `rank` + `limit` - 1 of the whole result, newest first.

        The counts of steps of time, newest first, say in which step the rank lies; that step is looked at again in
        finer steps until skipping inside it is cheap. The order is (timestamp, position), so pages never overlap.
        """
        query = question.query
        if query.aggregates or query.sorts or not is_stateless(query):
            raise InvalidInput("rank needs a query of records: leave out pipes that group, sort, limit or deduplicate")
        oldest_ns, newest_ns = self._statistics.oldest_ns, self._statistics.newest_ns
        if oldest_ns is None or newest_ns is None or rank == 0:
            return self._records(job, question, limit, None)
        start_ns = oldest_ns if question.start_ns is None else max(question.start_ns, oldest_ns)
        end_ns = newest_ns + 1 if question.end_ns is None else min(question.end_ns, newest_ns + 1)
        left = rank
        while end_ns > start_ns:
            step_ns = max(1, -(-(end_ns - start_ns) // RANK_STEPS))
            counts = self._source.counts(job, question.between(start_ns, end_ns), step_ns, since_1970=start_ns >= 0)
            frame = pl.from_arrow(counts)
            assert isinstance(frame, pl.DataFrame)
            frame = frame.sort(STEP_COLUMN, descending=True)
            cumulative = frame[COUNT_COLUMN].cast(pl.Int64).cum_sum()
            behind = int((cumulative <= left).sum())
            if behind == frame.height:
                return Page(self._source.rows(job, question.between(end_ns, end_ns), limit=0), None)
            left -= int(cumulative[behind - 1]) if behind else 0
            step = int(frame[STEP_COLUMN][behind])
            end_ns = min(end_ns, (step + 1) * step_ns)
            if int(frame[COUNT_COLUMN][behind]) <= RANK_ROWS or step_ns == 1:
                break
            start_ns = max(start_ns, step * step_ns)
        return self._records(job, question.between(question.start_ns, end_ns), limit, None, skip=left)

    def _records(self, job: Job, question: Question, limit: int, cursor: Behind | None, *, skip: int = 0) -> Page:
        """Records in windows, newest first, until there is one more than wanted."""
        end_ns = question.end_ns
        if cursor is not None:
            end_ns = cursor.timestamp_ns + 1 if end_ns is None else min(end_ns, cursor.timestamp_ns + 1)
        wanted = skip + limit + 1
        found: list[pa.Table] = []
        rows = 0
        partial = False
        planned = windows(
            question.query,
            question.start_ns,
            end_ns,
            self._statistics,
            wanted,
            lambda: rows,
            at_once=question.at_once,
        )
        for window in planned:
            try:
                table = self._source.rows(
                    job, question.between(window.start_ns, window.end_ns), limit=wanted - rows, before=cursor
                )
            except QueryCancelled:
                if job.cancelled or not rows:
                    raise
                partial = True  # what was found so far is the newest part of the answer
                break
            found.append(table)
            rows += table.num_rows
            if rows >= wanted:
                break
        filled = [table for table in found if table.num_rows] or found[:1]
        whole = pa.concat_tables(filled, promote_options="permissive").slice(skip)
        kept = self._within_bytes(whole.slice(0, limit))
        cut = kept.num_rows < min(whole.num_rows, limit)
        more = partial or whole.num_rows > kept.num_rows
        return Page(kept, _behind(kept) if more else None, partial or cut)

    def _from_the_top(self, job: Job, question: Question, limit: int, cursor: Cursor | None) -> Page:
        """`head` and `dedup`: every window begins at the top again, until one gives enough rows."""
        skip = skipped(cursor)
        wanted = skip + limit + 1
        table: pa.Table | None = None
        planned = windows(
            question.query,
            question.start_ns,
            question.end_ns,
            self._statistics,
            wanted,
            lambda: 0 if table is None else table.num_rows,
            at_once=question.at_once,
        )
        for window in planned:
            table = self._source.rows(job, question.between(window.start_ns, question.end_ns), limit=wanted)
            if table.num_rows >= min(wanted, most_rows(question.query)):
                break
        assert table is not None
        return self._cut(table.slice(skip), skip, limit)

    def _by_skipping(self, job: Job, question: Question, limit: int, cursor: Cursor | None) -> Page:
        """Aggregated and sorted answers: the whole of it, as far as the page."""
        skip = skipped(cursor)
        table = self._source.rows(job, question, limit=skip + limit + 1)
        return self._cut(table.slice(skip), skip, limit)

    def _cut(self, table: pa.Table, skip: int, limit: int) -> Page:
        kept = self._within_bytes(table.slice(0, limit))
        more = table.num_rows > kept.num_rows
        reachable = skip + kept.num_rows < MAX_SKIP
        return Page(kept, Skip(skip + kept.num_rows) if more and reachable else None, more)

    def _within_bytes(self, table: pa.Table) -> pa.Table:
        """As many first rows as the bound on answers allows, at least one."""
        while table.num_rows > 1 and table.nbytes > self._config.answer_bytes:
            table = table.slice(0, max(1, int(table.num_rows * self._config.answer_bytes / table.nbytes)))
        return table


def skipped(cursor: Cursor | None) -> int:
    """Rows before the page of an answer that has an order of its own."""
    if cursor is None:
        return 0
    if not isinstance(cursor, Skip):
        raise InvalidInput("this cursor belongs to another query; start again without it")
    return cursor.rows


def _behind(rows: pa.Table) -> Behind | None:
    if not rows.num_rows:
        return None
    last = rows.slice(rows.num_rows - 1)
    return Behind(last.column(TIME_COLUMN).cast(pa.int64())[0].as_py(), last.column(POSITION_COLUMN)[0].as_py())

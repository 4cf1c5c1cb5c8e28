"""`CachedSource`: a source that computes again only the pieces of time whose records have changed.

A question is cut from the second time on that it is asked, whatever the range, and only when the time before it read
many records: until then the source answers it as ever, so one that is cheap or never repeated costs nothing, and its
first answer says what columns the pieces have to give.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import polars as pl
import pyarrow as pa
from sqlglot import exp

from heimdall.clock import Clock
from heimdall.query.ast import Query
from heimdall.query.cache.asked import uses_now
from heimdall.query.cache.partial import PIECE, partial_of
from heimdall.query.cache.pieces import SIZES_NS, Piece, cut, runs
from heimdall.query.cache.port import Cache, CacheKey, Entry, digest
from heimdall.query.cursor import Behind
from heimdall.query.executor import Job
from heimdall.query.fieldvalues import COUNT_COLUMN, VALUE_COLUMN, FieldValues
from heimdall.query.ranking import Ranking
from heimdall.query.source import STEP_COLUMN, Question, Source
from heimdall.query.windows import is_stateless
from heimdall.storage.tiers import Tiers

MOST_ROWS = 100_000
"""Groups of a question over all its pieces; one with more is not cut again: adding up would cost more than asking."""

WORTH_ROWS = 1_000_000
"""Records a question has to read before it is cut: the ends of its range are statements of their own, each with a cost
of some milliseconds, which must be less than what reading the whole again costs. A guess between the two, not measured.
Larger: more is computed again as a whole."""

REMEMBERED = 4_096
"""Questions whose first answer is known, about 4 MB."""

Compute = Callable[[Question, int], pa.Table]
"""(part of the question, size of its pieces in ns) → rows of every piece in it."""


@dataclass(frozen=True, slots=True)
class _Seen:
    schema: pa.Schema
    wide: bool = False
    scanned_rows: int = 0
    """Records that were read when it was last asked as a whole."""


class CachedSource:
    """Answers as `source` does. Every piece is as new as the question, or newer."""

    def __init__(self, source: Source, tiers: Tiers, cache: Cache, clock: Clock, worth_rows: int) -> None:
        self._worth_rows = worth_rows
        self.tier = source.tier
        self._source = source
        self._tiers = tiers
        self._cache = cache
        self._clock = clock
        self._lock = threading.Lock()
        self._seen: OrderedDict[str, _Seen] = OrderedDict()

    def rows(
        self,
        job: Job,
        question: Question,
        *,
        columns: Sequence[str] | None = None,
        limit: int | None = None,
        before: Behind | None = None,
        offset: int = 0,
        without: Collection[str] = (),
    ) -> pa.Table:
        def plainly() -> pa.Table:
            return self._source.rows(
                job, question, columns=columns, limit=limit, before=before, offset=offset, without=without
            )

        if job.fresh or before is not None or offset or not question.query.aggregates or uses_now(question.query):
            return plainly()
        partial = partial_of(question.query, question.context)
        pieces = self._pieces(question, SIZES_NS) if partial is not None else []
        if partial is None or not pieces:
            return plainly()
        name = digest("rows", self.tier, question.tenant, question.query)
        seen = self._known(name)
        if seen is not None and seen.wide:
            return plainly()
        if seen is None or seen.scanned_rows < self._worth_rows:
            scanned_rows = job.scanned_rows
            table = plainly()
            self._remember(name, _Seen(table.schema, scanned_rows=job.scanned_rows - scanned_rows))
            return table
        plan = digest("rows", self.tier, question.tenant, partial.of_pieces(0))

        def compute(part: Question, size_ns: int) -> pa.Table:
            return self._source.rows(job, _with(part, partial.of_pieces(size_ns)), limit=MOST_ROWS + 1)

        states = self._states(job, question, plan, pieces, compute, _piece_of_time)
        if states is None:
            self._remember(name, _Seen(seen.schema, wide=True))
            return plainly()
        frame = partial.finish(_frame(states), question.context, limit)
        return _as(frame.to_arrow(), seen.schema)

    def counts(
        self, job: Job, question: Question, step_ns: int, by: str | None = None, *, since_1970: bool = False
    ) -> pa.Table:
        def plainly() -> pa.Table:
            return self._source.counts(job, question, step_ns, by, since_1970=since_1970)

        if not self._countable(job, question):
            return plainly()
        sizes = [size for size in SIZES_NS if size % step_ns == 0 or step_ns % size == 0]
        pieces = self._pieces(question, sizes)
        name = digest("counts", self.tier, question.tenant, question.query, by)
        seen = self._known(name)
        if not pieces or (seen is not None and seen.wide):
            return plainly()
        if seen is None or seen.scanned_rows < self._worth_rows:
            scanned_rows = job.scanned_rows
            table = plainly()
            wide = table.num_rows > MOST_ROWS
            self._remember(name, _Seen(table.schema, wide, job.scanned_rows - scanned_rows))
            return table
        counted = self._counts(job, question, pieces, step_ns, by)
        if counted is None:
            self._remember(name, _Seen(seen.schema, wide=True))
            return plainly()
        return _as(counted.to_arrow(), seen.schema)

    def values(self, job: Job, question: Question, fields: Sequence[str], limit: int) -> dict[str, FieldValues]:
        if not self._countable(job, question):
            return self._source.values(job, question, fields, limit)
        pieces = self._pieces(question, SIZES_NS)
        names = {field: digest("values", self.tier, question.tenant, question.query, field) for field in fields}
        found: dict[str, FieldValues] = {}
        for field, name in names.items():
            seen = self._known(name)
            if not pieces or seen is None or seen.wide or seen.scanned_rows < self._worth_rows:
                continue
            counted = self._counts(job, question, pieces, None, field)
            if counted is not None:
                found[field] = _most_frequent(counted, seen.schema, limit)
        left = [field for field in fields if field not in found]
        scanned_rows = job.scanned_rows
        asked = self._source.values(job, question, left, limit) if left else {}
        if pieces:
            share = (job.scanned_rows - scanned_rows) // max(1, len(left))
            for field, values in asked.items():
                wide = values.distinct * len(pieces) > MOST_ROWS
                self._remember(names[field], _Seen(values.top.schema, wide, share))
        return found | asked

    def moments(self, job: Job, question: Question, minutes: Mapping[int, int], *, message: bool = False) -> pa.Table:
        return self._source.moments(job, question, minutes, message=message)

    def sampled(self, job: Job, question: Question, one_in: int, limit: int) -> pa.Table:
        return self._source.sampled(job, question, one_in, limit)

    def ranked(self, job: Job, question: Question, ranking: Ranking) -> pa.Table:
        return self._source.ranked(job, question, ranking)

    def statement(
        self, question: Question, *, columns: Sequence[str] | None = None, limit: int | None = None
    ) -> str | None:
        return self._source.statement(question, columns=columns, limit=limit)

    def select(self, question: Question, *, limit: int) -> exp.Query | None:
        return self._source.select(question, limit=limit)

    def has_rollup(self, question: Question) -> bool:
        return self._source.has_rollup(question)

    def known_pieces(self, question: Question) -> tuple[int, int]:
        """(pieces an aggregating question would find, pieces of it); for `explain`."""
        partial = None if uses_now(question.query) else partial_of(question.query, question.context)
        pieces = self._pieces(question, SIZES_NS) if partial is not None else []
        if partial is None or not pieces:
            return 0, 0
        plan = digest("rows", self.tier, question.tenant, partial.of_pieces(0))
        keys = self._keys(question, plan, pieces)
        return len(self._cache.get([key for key in keys if key is not None])), len(pieces)

    # ------------------------------------------------------------------ parts

    def _countable(self, job: Job, question: Question) -> bool:
        return not job.fresh and is_stateless(question.query) and not uses_now(question.query)

    def _pieces(self, question: Question, sizes_ns: Sequence[int]) -> list[Piece]:
        start_ns = question.context.start_ns if question.start_ns is None else question.start_ns
        end_ns = question.context.end_ns if question.end_ns is None else question.end_ns
        return [] if start_ns is None or end_ns is None else cut(start_ns, end_ns, sizes_ns)

    def _counts(
        self, job: Job, question: Question, pieces: list[Piece], step_ns: int | None, by: str | None
    ) -> pl.DataFrame | None:
        """Counts by step and value; without a step, by value."""

        def unit_ns(size_ns: int) -> int:
            return size_ns if step_ns is None else min(step_ns, size_ns)

        def compute(part: Question, size_ns: int) -> pa.Table:
            return self._source.counts(job, part, unit_ns(size_ns), by)

        def place(table: pa.Table, size_ns: int) -> pl.Series:
            steps = _frame(table.select([STEP_COLUMN]))[STEP_COLUMN].cast(pl.Int64)
            return steps * unit_ns(size_ns) // size_ns

        plan = digest("counts", self.tier, question.tenant, question.query, by, step_ns)
        found = self._states(job, question, plan, pieces, compute, place, unit_ns)
        if found is None:
            return None
        keys = [STEP_COLUMN] if by is None else [VALUE_COLUMN] if step_ns is None else [STEP_COLUMN, VALUE_COLUMN]
        frame = _frame(found)
        if step_ns is not None:
            frame = frame.with_columns(pl.col(STEP_COLUMN).cast(pl.Int64) // step_ns)
        return frame.group_by(keys).agg(pl.col(COUNT_COLUMN).cast(pl.Int64).sum()).select(*keys, COUNT_COLUMN)

    def _states(
        self,
        job: Job,
        question: Question,
        plan: str,
        pieces: list[Piece],
        compute: Compute,
        place: Callable[[pa.Table, int], pl.Series],
        unit_ns: Callable[[int], int] | None = None,
    ) -> pa.Table | None:
        """Rows of all pieces, the known ones from the cache; None when they are too many.

        With `unit_ns`, steps become their start in ns, so that pieces of several sizes can be put together.
        """
        keys = self._keys(question, plan, pieces)
        known = self._cache.get([key for key in keys if key is not None])
        job.known_pieces += len(known)
        versions = dict(zip(pieces, keys, strict=True))
        missing = [piece for piece in pieces if versions[piece] not in known]
        tables = [entry.table for entry in known.values()]
        fresh: dict[CacheKey, Entry] = {}
        rows = sum(table.num_rows for table in tables)
        for run in runs(missing):
            part = question.between(*_ends(question, run, pieces))
            size_ns = run[0].size_ns
            table = _plain(compute(part, size_ns))
            rows += table.num_rows
            if rows > MOST_ROWS:
                return None
            places = place(table, size_ns)
            if unit_ns is not None:
                table = _starts(table, unit_ns(size_ns))
            by_place = _split(table, places)
            for piece in run:
                key = versions[piece]
                if key is not None:
                    kept = by_place.get(piece.start_ns // size_ns, table.slice(0, 0))
                    fresh[key] = Entry(kept, made_at_ns=self._clock.time_ns())
            tables.append(table)
        self._cache.put(fresh)
        return pa.concat_tables(tables, promote_options="permissive").unify_dictionaries()

    def _keys(self, question: Question, plan: str, pieces: list[Piece]) -> list[CacheKey | None]:
        """Names of the pieces in the state they are in now; None for one that is ragged, open or changing."""
        keys: list[CacheKey | None] = []
        for piece in pieces:
            is_open = (piece is pieces[0] and question.start_ns is None) or (
                piece is pieces[-1] and question.end_ns is None
            )
            version = None
            if piece.whole and not is_open:
                version = self._tiers.version(question.tenant, piece.start_ns, piece.end_ns)
            keys.append(None if version is None else CacheKey(f"{plan}.{piece.start_ns}.{piece.size_ns}", version))
        return keys

    def _known(self, name: str) -> _Seen | None:
        with self._lock:
            if name in self._seen:
                self._seen.move_to_end(name)
            return self._seen.get(name)

    def _remember(self, name: str, seen: _Seen) -> None:
        with self._lock:
            self._seen[name] = seen
            self._seen.move_to_end(name)
            if len(self._seen) > REMEMBERED:
                self._seen.popitem(last=False)


def _with(question: Question, query: Query) -> Question:
    return replace(question, query=query)


def _most_frequent(counted: pl.DataFrame, schema: pa.Schema, limit: int) -> FieldValues:
    present = counted.filter(pl.col(VALUE_COLUMN).is_not_null())
    top = present.sort([COUNT_COLUMN, VALUE_COLUMN], descending=[True, False]).head(limit)
    table = _as(top.select(VALUE_COLUMN, COUNT_COLUMN).to_arrow(), schema)
    return FieldValues(table, present.height, int(present[COUNT_COLUMN].sum()), int(counted[COUNT_COLUMN].sum()))


def _ends(question: Question, run: list[Piece], pieces: list[Piece]) -> tuple[int | None, int | None]:
    """Bounds of neighbouring pieces; where the question is open, so is its outermost piece."""
    start_ns = question.start_ns if run[0] is pieces[0] else run[0].start_ns
    end_ns = question.end_ns if run[-1] is pieces[-1] else run[-1].end_ns
    return start_ns, end_ns


def _piece_of_time(table: pa.Table, size_ns: int) -> pl.Series:
    return _frame(table.select([PIECE]))[PIECE].dt.epoch("ns") // size_ns


def _starts(table: pa.Table, unit_ns: int) -> pa.Table:
    starts = _frame(table.select([STEP_COLUMN]))[STEP_COLUMN].cast(pl.Int64) * unit_ns
    return table.set_column(table.schema.get_field_index(STEP_COLUMN), STEP_COLUMN, starts.to_arrow())


def _split(table: pa.Table, places: pl.Series) -> dict[int, pa.Table]:
    """Rows by their place."""
    order = places.arg_sort()
    ordered = table.take(order.to_arrow())
    counted = places.value_counts().sort(places.name)
    found: dict[int, pa.Table] = {}
    start = 0
    for number, rows in counted.iter_rows():
        found[int(number)] = ordered.slice(start, rows)
        start += rows
    return found


def _frame(table: pa.Table) -> pl.DataFrame:
    frame = pl.from_arrow(table)
    assert isinstance(frame, pl.DataFrame)
    return frame.with_columns(pl.col(pl.Categorical).cast(pl.String))


def _plain(table: pa.Table) -> pa.Table:
    """Columns of plain types, as a stream of Arrow can carry them to another process."""
    fields = [
        field.with_type(field.type.storage_type) if isinstance(field.type, pa.BaseExtensionType) else field
        for field in table.schema
    ]
    return table.cast(pa.schema(fields))


def _as(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """The answer with the very types the source gives it."""
    return table.select(schema.names).cast(_plain(schema.empty_table()).schema)

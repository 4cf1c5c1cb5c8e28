"""Records that are compared: few are read whole, of many first what is compared and then the whole of those chosen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import polars as pl
import pyarrow as pa

from heimdall.insight.comparing.templates import is_of
from heimdall.insight.similarity.features import MAX_CHARS
from heimdall.model.timerange import format_time
from heimdall.query.asking import Asking
from heimdall.query.ast import And, Compare, Operator, Or, Predicate, Query
from heimdall.query.fields import POSITION_COLUMN, TIME_COLUMN
from heimdall.query.languages.hql import parse
from heimdall.query.ranking import WORTH_COLUMN, Ranking, Weighed
from heimdall.storage.stored import STORED_SCHEMA

_BEGINNINGS = parse(f"* | extend message = substring(message, 1, {MAX_CHARS})").pipes

_NOT_COMPARED = frozenset(STORED_SCHEMA.names) - {"timestamp", "position", "message", "template_id"}

AT_ONCE = 200
"""Records that are read whole before they are compared, at most: of a mebibyte each."""

MOMENTS = 100
"""Times of records one statement asks for."""


@dataclass(frozen=True, slots=True)
class Candidates:
    """Records to choose from."""

    search: Predicate
    records: pa.Table
    are_whole: bool

    def compared(self) -> pl.DataFrame:
        """Columns `row`, `time` (ns since 1970), `position`, `message` (what counts of it) and `template_id`."""
        message = pl.Series("message", self.records["message"], pl.String).fill_null("").str.head(MAX_CHARS)
        template_id = pl.Series("template_id", self.records["template_id"], pl.UInt64)
        return _places(self.records).with_columns(message, template_id).with_row_index("row")

    def chosen(self, asking: Asking, best: pl.DataFrame) -> pa.Table:
        """Whole records of some rows of `compared`, in that order."""
        if not self.are_whole:
            return _whole(asking, self.search, best.drop("row"))
        found = self.records.take(best["row"].to_arrow())
        return found.select([name for name in found.column_names if name != WORTH_COLUMN])


def ranked(asking: Asking, search: Predicate, sought: Sequence[Weighed], limit: int) -> Candidates:
    """Records of `search` with most of what is sought, as `Source.ranked` gives them."""
    question, whole = replace(asking.question, query=Query(search)), limit <= AT_ONCE
    ranking = Ranking(sought=sought, limit=limit)
    if not whole:
        ranking = replace(ranking, without=_NOT_COMPARED, message_chars=MAX_CHARS)
    return Candidates(search, asking.source.ranked(asking.job, question, ranking), whole)


def newest(asking: Asking, search: Predicate, parts: Sequence[tuple[list[int], int]]) -> Candidates:
    """Records of `search`: so many of the newest of each set of templates."""
    whole = sum(limit for _, limit in parts) <= AT_ONCE
    columns = None if whole else ("message", "template_id")
    tables = []
    for ids, limit in parts:
        query = Query(And((search, is_of(ids))) if ids else search, () if whole else _BEGINNINGS)
        question = replace(asking.question, query=query)
        tables.append(asking.source.rows(asking.job, question, columns=columns, limit=limit))
    return Candidates(search, pa.concat_tables(tables, promote_options="permissive"), whole)


def _whole(asking: Asking, search: Predicate, chosen: pl.DataFrame) -> pa.Table:
    """The records of `chosen` (columns `time`, `position`, `template_id`, `message`), in its order. The engine keeps
    records of a template together, by time: named with both, each is a block to read. Messages are what costs most
    of a block: those that are known are not read again."""
    if not chosen.height:
        return asking.source.rows(asking.job, replace(asking.question, query=Query(search)), limit=0)
    known = bool((chosen["message"].str.len_chars() < MAX_CHARS).all())
    without = ("message",) if known else ()
    tables = []
    for part in chosen.iter_slices(MOMENTS):
        moments = Or(tuple(Compare("timestamp", Operator.EQ, format_time(time)) for time in part["time"].unique()))
        ids = part["template_id"].unique()
        near = And((search, moments) if ids.null_count() else (search, is_of(ids.to_list()), moments))
        tables.append(asking.source.rows(asking.job, replace(asking.question, query=Query(near)), without=without))
    found = pa.concat_tables(tables, promote_options="permissive")
    places = _places(found).with_row_index("row")
    rows = chosen.join(places, on=["time", "position"], maintain_order="left")
    found = found.take(rows["row"].to_arrow())
    if not known:
        return found
    messages = rows["message"].to_arrow().cast(pa.string())
    return found.set_column(found.column_names.index("message"), "message", messages)


def _places(found: pa.Table) -> pl.DataFrame:
    time_ns = found.column(TIME_COLUMN).cast(pa.int64()).to_numpy()
    return pl.DataFrame({"time": time_ns, "position": found.column(POSITION_COLUMN).to_numpy()})

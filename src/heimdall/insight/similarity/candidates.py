"""Records read in two goes: what is compared of many, then the whole of a few."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import polars as pl
import pyarrow as pa

from heimdall.insight.comparing.templates import is_of
from heimdall.insight.similarity.features import MAX_CHARS
from heimdall.model.timerange import format_time
from heimdall.query.asking import Asking
from heimdall.query.ast import And, Compare, Operator, Or, Predicate, Query
from heimdall.query.languages.hql import parse
from heimdall.query.sources import POSITION_COLUMN, TIME_COLUMN, Weighed
from heimdall.storage.stored import STORED_SCHEMA

_BEGINNINGS = parse(f"* | extend message = substring(message, 1, {MAX_CHARS})").pipes

_NOT_COMPARED = frozenset(STORED_SCHEMA.names) - {"timestamp", "position", "message", "template_id"}

MOMENTS = 100
"""Times of records one statement asks for."""


def ranked(asking: Asking, search: Predicate, sought: Sequence[Weighed], limit: int, *, beginnings: bool) -> pa.Table:
    """Whole records of `search` with most of what is sought, as `Source.ranked` gives them; with `beginnings` nothing
    but what is compared of them."""
    question = replace(asking.question, query=Query(search))
    if not beginnings:
        return asking.source.ranked(asking.job, question, sought, limit)
    return asking.source.ranked(asking.job, question, sought, limit, without=_NOT_COMPARED, message_chars=MAX_CHARS)


def compared(found: pa.Table) -> pl.DataFrame:
    """Columns `time` (ns since 1970), `position`, `message` (what counts of it) and `template_id` of records."""
    message = pl.Series("message", found.column("message"), pl.String).fill_null("").str.head(MAX_CHARS)
    return _places(found).with_columns(message, pl.Series("template_id", found.column("template_id"), pl.UInt64))


def messages_of(asking: Asking, search: Predicate, limit: int) -> pl.DataFrame:
    """`compared` of the newest, newest first."""
    question = replace(asking.question, query=Query(search, _BEGINNINGS))
    return compared(asking.source.rows(asking.job, question, columns=("message", "template_id"), limit=limit))


def whole(asking: Asking, search: Predicate, chosen: pl.DataFrame) -> pa.Table:
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

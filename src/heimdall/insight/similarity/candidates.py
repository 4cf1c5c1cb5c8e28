"""Records read in two goes: what is compared of many, then the whole of a few."""

from __future__ import annotations

from dataclasses import replace

import polars as pl
import pyarrow as pa

from heimdall.insight.comparing.templates import is_of
from heimdall.insight.similarity.features import MAX_CHARS
from heimdall.model.timerange import format_time
from heimdall.query.asking import Asking
from heimdall.query.ast import And, Compare, Operator, Or, Predicate, Query
from heimdall.query.languages.hql import parse
from heimdall.query.sources import POSITION_COLUMN, TIME_COLUMN

_BEGINNINGS = parse(f"* | extend message = substring(message, 1, {MAX_CHARS})").pipes

MOMENTS = 100
"""Times of records one statement asks for."""


def times_of(asking: Asking, search: Predicate, limit: int) -> pl.Series:
    """When the newest were, ns since 1970, newest first. Where an index knows all of `search`, no message is read."""
    question = replace(asking.question, query=Query(search))
    return _places(asking.source.rows(asking.job, question, columns=(), limit=limit))["time"]


def messages_of(asking: Asking, search: Predicate, limit: int, since_ns: int | None = None) -> pl.DataFrame:
    """Columns `time` (ns since 1970), `position`, `message` (what counts of it) and `template_id` of the newest, newest
    first."""
    question = replace(asking.question, query=Query(search, _BEGINNINGS))
    if since_ns is not None:
        question = question.between(since_ns, question.end_ns)
    found = asking.source.rows(asking.job, question, columns=("message", "template_id"), limit=limit)
    message = pl.Series("message", found.column("message"), pl.String).fill_null("")
    return _places(found).with_columns(message, pl.Series("template_id", found.column("template_id"), pl.UInt64))


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

"""`patterns`: template ids in an answer → the texts they stand for, merged templates as one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import polars as pl
import pyarrow as pa

from heimdall.model.batch import TenantId
from heimdall.model.timerange import format_time
from heimdall.query.ast import And, Compare, Operator, Or, Query
from heimdall.query.executor import Job
from heimdall.query.languages.hql import parse
from heimdall.query.pipes.patterns import Patterns
from heimdall.query.sources import Question, Source

Catalogue = Callable[[], pa.Table]
"""All templates of all tenants; columns of `heimdall.model.template.CATALOGUE_SCHEMA`."""

ALL_TEMPLATES = 10_000
"""Templates that are put together before an answer is cut; miners keep far fewer."""

_COUNTS = parse("* | stats count() as count, min(timestamp) as first, max(timestamp) as last by template_id").pipes
_NEWEST = parse("* | dedup template_id | fields template_id, message").pipes


def is_patterns(query: Query) -> bool:
    """Whether the answer is that of a `patterns` pipe, with nothing behind it."""
    return bool(query.pipes) and isinstance(query.pipes[-1], Patterns)


def counted(query: Query) -> Query:
    """What the first and larger statement of `patterns` asks."""
    last = query.pipes[-1]
    assert isinstance(last, Patterns)
    alone = len(query.pipes) == 1
    return Query(query.search, _COUNTS if alone else (*query.pipes[:-1], replace(last, rows=ALL_TEMPLATES)))


def patterns(job: Job, source: Source, question: Question, catalogue: pa.Table, skip: int, limit: int) -> pa.Table:
    """Rows `skip` … `skip` + `limit` - 1 of the answer: `template_id`, `template`, `count`, `first`, `last`,
    `example`, `share`.

    Counting first and looking up the newest message of the templates shown afterwards reads the messages of a few
    blocks in place of all of them.
    """
    query = question.query
    last = query.pipes[-1]
    assert isinstance(last, Patterns)
    alone = len(query.pipes) == 1
    rows = source.rows(job, replace(question, query=counted(query)), limit=ALL_TEMPLATES)
    frame = pl.from_arrow(rows)
    assert isinstance(frame, pl.DataFrame)
    final, texts = texts_of(catalogue, question.tenant)
    merged = _merged(frame.with_columns(pl.col("template_id").alias("newest_id")), final).head(last.rows)
    shown = merged.slice(skip, limit)
    if alone:
        shown = shown.with_columns(_examples(job, source, question, shown))
    named = pl.Series("template", [texts.get(one, "") for one in shown["template_id"].to_list()], pl.String)
    columns = ["template_id", "template", "count", "first", "last", "example", "share"]
    return shown.with_columns(named).select(columns).to_arrow()


def _examples(job: Job, source: Source, question: Question, shown: pl.DataFrame) -> pl.Series:
    """The newest message of each template: its time is known, so an index finds it."""
    pairs = zip(shown["newest_id"].to_list(), shown["last"].cast(pl.Int64).to_list(), strict=True)
    moments = tuple(
        And(
            (
                Compare("timestamp", Operator.EQ, format_time(last_ns)),
                Compare("template_id", Operator.EQ, str(template)),
            )
        )
        for template, last_ns in pairs
    )
    if not moments:
        return pl.Series("example", [], pl.String)
    query = Query(And((question.query.search, Or(moments))), _NEWEST)
    found = source.rows(job, replace(question, query=query), limit=len(moments)).to_pydict()
    texts = dict(zip(found["template_id"], found["message"], strict=True))
    return pl.Series("example", [texts.get(one) for one in shown["newest_id"].to_list()], pl.String)


def texts_of(catalogue: pa.Table, tenant: TenantId) -> tuple[dict[int, int], dict[int, str]]:
    """(id → id of the template that took its place, id → text) of one tenant."""
    if not catalogue.num_rows:
        return {}, {}
    frame = pl.from_arrow(catalogue)
    assert isinstance(frame, pl.DataFrame)
    frame = frame.filter(pl.col("tenant") == tenant)
    ids = frame["template_id"].to_list()
    into = zip(ids, frame["merged_into"].to_list(), strict=True)
    return {one: other for one, other in into if other}, dict(zip(ids, frame["text"].to_list(), strict=True))


def with_templates(query: Query, rows: pa.Table, catalogue: Catalogue, tenant: TenantId) -> pa.Table:
    """An answer that went through `patterns` and further pipes, with the text of each template behind its id."""
    if is_patterns(query) or not any(isinstance(pipe, Patterns) for pipe in query.pipes):
        return rows
    if "template_id" not in rows.column_names:
        return rows
    final, texts = texts_of(catalogue(), tenant)
    frame = pl.from_arrow(rows)
    assert isinstance(frame, pl.DataFrame)
    ids = frame["template_id"].to_list()
    named = pl.Series("template", [texts.get(final.get(one, one), "") for one in ids], pl.String)
    return frame.insert_column(frame.get_column_index("template_id") + 1, named).to_arrow()


def _merged(frame: pl.DataFrame, final: dict[int, int]) -> pl.DataFrame:
    newest = pl.col("last").arg_max()
    total = int(frame["count"].sum())
    kept = [pl.col(name).get(newest) for name in ("newest_id", "example") if name in frame.columns]
    return (
        frame.with_columns(pl.col("template_id").cast(pl.UInt64).replace(final))
        .group_by("template_id")
        .agg(pl.col("count").sum(), pl.col("first").min(), pl.col("last").max(), *kept)
        .with_columns((pl.col("count") / max(total, 1)).alias("share"))
        .sort(["count", "template_id"], descending=[True, False])
    )

"""Template ids in an answer → the texts they stand for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import polars as pl
import pyarrow as pa

from heimdall.model.batch import TenantId
from heimdall.query.ast import Query
from heimdall.query.pipes.patterns import Patterns

Catalogue = Callable[[], pa.Table]
"""All templates of all tenants; columns of `heimdall.model.template.CATALOGUE_SCHEMA`."""

ALL_TEMPLATES = 10_000
"""Templates that are put together before an answer is cut; miners keep far fewer."""


def texts_of(catalogue: pa.Table, tenant: TenantId) -> tuple[dict[int, int], dict[int, str]]:
    """(id → id of the template that took its place, id → text) of one tenant."""
    frame = pl.from_arrow(catalogue)
    assert isinstance(frame, pl.DataFrame)
    frame = frame.filter(pl.col("tenant") == tenant)
    ids = frame["template_id"].to_list()
    into = zip(ids, frame["merged_into"].to_list(), strict=True)
    return {one: other for one, other in into if other}, dict(zip(ids, frame["text"].to_list(), strict=True))


def unlimited(query: Query) -> Query:
    """A query that ends in `patterns` without its limit: merged templates are put together before it is cut."""
    if query.pipes and isinstance(last := query.pipes[-1], Patterns):
        return replace(query, pipes=(*query.pipes[:-1], replace(last, rows=max(last.rows, ALL_TEMPLATES))))
    return query


def with_templates(query: Query, rows: pa.Table, catalogue: Catalogue, tenant: TenantId) -> pa.Table:
    """The answer of `patterns` with the text of each template behind its id, merged templates as one."""
    if not any(isinstance(pipe, Patterns) for pipe in query.pipes) or "template_id" not in rows.column_names:
        return rows
    known = catalogue()
    final, texts = texts_of(known, tenant) if known.num_rows else ({}, {})
    frame = pl.from_arrow(rows)
    assert isinstance(frame, pl.DataFrame)
    last = query.pipes[-1]
    if isinstance(last, Patterns):
        frame = _merged(frame, final).head(last.rows)
    ids = frame["template_id"].to_list()
    named = pl.Series("template", [texts.get(final.get(one, one), "") for one in ids], pl.String)
    return frame.insert_column(frame.get_column_index("template_id") + 1, named).to_arrow()


def _merged(frame: pl.DataFrame, final: dict[int, int]) -> pl.DataFrame:
    newest = pl.col("last").arg_max()
    return (
        frame.with_columns(pl.col("template_id").replace(final))
        .group_by("template_id")
        .agg(
            pl.col("count").sum(),
            pl.col("first").min(),
            pl.col("last").max(),
            pl.col("example").get(newest),
            pl.col("share").sum(),
        )
        .sort(["count", "template_id"], descending=[True, False])
    )

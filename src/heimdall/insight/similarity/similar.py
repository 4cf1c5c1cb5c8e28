"""Records like a text, as `| similar` and `/api/v1/similar` tell it.

A system writes millions of lines from a few hundred templates: the text is held against the templates that the
question's records have, and then against the newest records of those it is most like.
"""

from __future__ import annotations

from dataclasses import replace

import polars as pl
import pyarrow as pa

from heimdall.insight.comparing.templates import is_of
from heimdall.insight.similarity.bm25 import Collection, collection_of
from heimdall.query.asking import Asking
from heimdall.query.ast import And, Predicate, Query
from heimdall.query.languages.hql import parse
from heimdall.query.patternlist import records_of
from heimdall.query.sources import POSITION_COLUMN, TIME_COLUMN
from heimdall.query.templates import ALL_TEMPLATES

SIMILARITY, WHY = "similarity", "why"

_COUNTS = parse("* | stats count() as count by template_id").pipes

CANDIDATES = 200
"""Records that are read whole and compared word by word, at least."""

MOST_TEMPLATES = 50
"""Templates whose records are looked at: each may have few."""


def similar(asking: Asking, text: str, rows: int) -> pa.Table:
    """The `rows` records most like `text`, with columns `similarity` (0 to 1) and `why`; equally similar ones newest
    first.

    Raises:
        InvalidInput: the query groups records.
    """
    search = records_of(asking.question.query).search
    ids, stored, counts = _templates(asking, search)
    _, texts = asking.template_texts()
    collection = collection_of(tuple(texts.get(one, "") for one in ids))
    wanted = max(CANDIDATES, 2 * rows)
    chosen: list[int] = []
    for place in collection.rank(text)["text"].head(MOST_TEMPLATES).to_list():
        chosen.append(place)
        if sum(counts[one] for one in chosen) >= wanted:
            break
    found = _newest(asking, search, [stored[place] for place in chosen], [counts[place] for place in chosen], wanted)
    return _ranked(collection, text, found, rows)


def _templates(asking: Asking, search: Predicate) -> tuple[list[int], list[list[int]], list[int]]:
    """(ids that stand for merged ones, the ids their records have, numbers of records)."""
    question = replace(asking.question, query=Query(search, _COUNTS))
    frame = pl.from_arrow(asking.source.rows(asking.job, question, limit=ALL_TEMPLATES))
    assert isinstance(frame, pl.DataFrame)
    final, _ = asking.template_texts()
    own = pl.col("template_id").cast(pl.UInt64)
    groups = (
        frame.drop_nulls("template_id")
        .select(own.alias("own"), own.replace(final).alias("id"), pl.col("count").cast(pl.Int64))
        .group_by("id").agg("own", pl.col("count").sum()).sort("id")
    )  # fmt: skip
    return groups["id"].to_list(), groups["own"].to_list(), groups["count"].to_list()


def _newest(asking: Asking, search: Predicate, ids: list[list[int]], counts: list[int], wanted: int) -> pa.Table:
    """All records of all templates but the last, and the newest of the last: `wanted` of them, if there are."""
    before = sum(counts[:-1])
    parts = [([one for own in ids[:-1] for one in own], before), (ids[-1] if ids else [], wanted - before)]
    tables = [
        asking.source.rows(
            asking.job, replace(asking.question, query=Query(And((search, is_of(own))))), limit=limit
        )
        for own, limit in parts if own
    ]  # fmt: skip
    if not tables:
        return asking.source.rows(asking.job, replace(asking.question, query=Query(search)), limit=0)
    return pa.concat_tables(tables, promote_options="permissive")


def _ranked(collection: Collection, text: str, found: pa.Table, rows: int) -> pa.Table:
    records = pl.DataFrame(
        [
            pl.Series("message", found.column("message").to_pylist(), pl.String).fill_null(""),
            pl.Series("time", found.column(TIME_COLUMN).cast(pa.int64()).to_numpy()),
            pl.Series("position", found.column(POSITION_COLUMN).to_numpy()),
        ]
    ).with_row_index("row")
    distinct = records["message"].unique(maintain_order=True)
    judged = collection.judge(text, distinct)
    judged = judged.with_columns(distinct.gather(judged["text"]).alias("message"), pl.col(SIMILARITY).round(4))
    best = records.join(judged, on="message").sort(SIMILARITY, "time", "position", descending=True).head(rows)
    chosen = found.take(best["row"].to_arrow())
    return chosen.append_column(SIMILARITY, best[SIMILARITY].to_arrow()).append_column(WHY, best[WHY].to_arrow())

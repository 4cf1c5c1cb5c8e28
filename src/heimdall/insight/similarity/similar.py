"""Records like a text, as `| similar` and `/api/v1/similar` tell it.

A system writes millions of lines from a few hundred templates: the text is held against the templates that the
question's records have, and then against the newest records of those it is most like.

Where a model of language is installed, a text is like another by its words (BM25) or by what it means (the cosine of
their embeddings), each from 0 to 1, put together as independent evidence is: 1 - (1 - words) (1 - meaning). So the text
itself stays at 1, and neither drowns the other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import polars as pl
import pyarrow as pa

from heimdall.insight.similarity.bm25 import collection_of
from heimdall.insight.similarity.candidates import Candidates, newest, ranked
from heimdall.insight.similarity.features import without_numbers
from heimdall.insight.similarity.traces import Trace
from heimdall.query.asking import Asking
from heimdall.query.ast import Predicate, Query
from heimdall.query.languages.hql import parse
from heimdall.query.patternlist import records_of
from heimdall.query.templates import ALL_TEMPLATES

SIMILARITY, WHY = "similarity", "why"
COMPARED_BY = "compared_by"
"""What the answer says it went by: a list of `FRAMES`, `WORDS` and `MEANING`."""
FRAMES, WORDS = "frames", "words"
MEANING = "meaning"
"""A sentence model was asked. Also what `why` begins with where that weighed more than the words."""

LEAST = 0.3
"""Cosine below which texts that share no word have nothing in common: unrelated sentences have some 0.1."""

Judge = Callable[[pl.DataFrame], pl.DataFrame]
"""Columns `message` and `template_id` → `text` (the row), `similarity` (0 to 1) and `why`."""

_COUNTS = parse("* | stats count() as count by template_id").pipes

CANDIDATES = 200
"""Records that are read whole and compared word by word, at least."""

ENOUGH = 4
"""Records that are compared with a stack trace for each row of the answer, unless too few of them are traces."""

MOST_TEMPLATES = 50
"""Templates whose records are looked at: each may have few."""


def similar(asking: Asking, text: str, rows: int) -> pa.Table:
    """The `rows` records most like `text`, with columns `similarity` (0 to 1) and `why`; equally similar ones newest
    first.

    Raises:
        InvalidInput: the query groups records.
    """
    search = records_of(asking.question.query).search
    wanted = max(CANDIDATES, 2 * rows)
    trace = Trace.of(text)
    if trace is not None and (found := _like_trace(asking, search, trace, wanted, rows)) is not None:
        asking.job.extra[COMPARED_BY] = [FRAMES]
        return found
    candidates, judge, compared_by = _like_templates(asking, search, text, wanted)
    asking.job.extra[COMPARED_BY] = compared_by
    return _answer(asking, candidates, _best(candidates, judge, rows))


def _like_trace(asking: Asking, search: Predicate, trace: Trace, wanted: int, rows: int) -> pa.Table | None:
    """None where no record has anything in common with it."""

    def judge(found: pl.DataFrame) -> pl.DataFrame:
        return trace.rank(found["message"])

    sought = trace.sought()
    if not sought:
        return None
    enough = min(ENOUGH * rows, wanted)
    candidates = ranked(asking, search, sought, enough)
    best = _best(candidates, judge, rows)
    if best.height < rows and candidates.records.num_rows == enough < wanted:
        candidates = ranked(asking, search, sought, wanted)
        best = _best(candidates, judge, rows)
    return _answer(asking, candidates, best) if best.height else None


def _answer(asking: Asking, candidates: Candidates, best: pl.DataFrame) -> pa.Table:
    chosen = candidates.chosen(asking, best)
    return chosen.append_column(SIMILARITY, best[SIMILARITY].to_arrow()).append_column(WHY, best[WHY].to_arrow())


def _like_templates(asking: Asking, search: Predicate, text: str, wanted: int) -> tuple[Candidates, Judge, list[str]]:
    """(records of the templates most like the text, how like it they are, what that goes by)."""
    ids, stored, counts, texts = _templates(asking, search)
    templates = tuple(texts.get(one, "") for one in ids)
    collection = collection_of(templates)
    near = {} if asking.meaning is None else asking.meaning.nearness(text, templates)
    chosen: list[int] = []
    asked = collection.weighed(text)
    for place in fused(collection.rank(asked), nearness(near))["text"].head(MOST_TEMPLATES).to_list():
        chosen.append(place)
        if sum(counts[one] for one in chosen) >= wanted:
            break
    found = _newest(asking, search, [stored[place] for place in chosen], [counts[place] for place in chosen], wanted)
    by_id = pl.DataFrame(
        [(own, cosine) for place, cosine in near.items() for own in stored[place]],
        schema={"template_id": pl.UInt64, "meaning": pl.Float64}, orient="row",
    )  # fmt: skip

    def judge(found: pl.DataFrame) -> pl.DataFrame:
        places = found.select("template_id", pl.int_range(pl.len(), dtype=pl.UInt32).alias("text"))
        return fused(collection.judge(asked, found["message"]), places.join(by_id, on="template_id"))

    return found, judge, [WORDS, MEANING] if near else [WORDS]


def nearness(near: Mapping[int, float]) -> pl.DataFrame:
    """Columns `text` and `meaning`."""
    return pl.DataFrame(
        {"text": list(near), "meaning": list(near.values())}, schema={"text": pl.UInt32, "meaning": pl.Float64}
    )


def fused(words: pl.DataFrame, near: pl.DataFrame) -> pl.DataFrame:
    """`words` as BM25 ranks or judges texts, `near` with columns `text` and `meaning` → the same columns as `words`, of
    the texts that either has."""
    if not near.height:
        return words
    by_words, meaning = pl.col(SIMILARITY).fill_null(0.0), pl.col("meaning").fill_null(0.0)
    named = [
        pl.concat_str(pl.when(meaning > by_words).then(pl.lit(MEANING)), WHY, separator=", ", ignore_nulls=True)
        for column in words.columns
        if column == WHY
    ]
    return (
        words.join(near.select("text", "meaning"), on="text", how="full", coalesce=True)
        .filter(pl.col(SIMILARITY).is_not_null() | (meaning >= LEAST))
        .select("text", (1 - (1 - by_words) * (1 - meaning)).alias(SIMILARITY), *(one.alias(WHY) for one in named))
        .sort(SIMILARITY, "text", descending=[True, False])
    )


def _templates(asking: Asking, search: Predicate) -> tuple[list[int], list[list[int]], list[int], Mapping[int, str]]:
    """(ids that stand for merged ones, the ids their records have, numbers of records, texts by id)."""
    question = replace(asking.question, query=Query(search, _COUNTS))
    frame = pl.from_arrow(asking.source.rows(asking.job, question, limit=ALL_TEMPLATES))
    assert isinstance(frame, pl.DataFrame)
    frame = frame.drop_nulls("template_id")
    names = asking.template_names(frame["template_id"].to_list())
    own = pl.col("template_id").cast(pl.UInt64)
    groups = (
        frame.select(own.alias("own"), own.replace(names.final).alias("id"), pl.col("count").cast(pl.Int64))
        .group_by("id").agg("own", pl.col("count").sum()).sort("id")
    )  # fmt: skip
    return groups["id"].to_list(), groups["own"].to_list(), groups["count"].to_list(), names.texts


def _newest(asking: Asking, search: Predicate, ids: list[list[int]], counts: list[int], wanted: int) -> Candidates:
    """All records of all templates but the last, and the newest of the last: `wanted` of them, if there are."""
    before = sum(counts[:-1])
    parts = [([one for own in ids[:-1] for one in own], before), (ids[-1] if ids else [], wanted - before)]
    return newest(asking, search, [(own, limit) for own, limit in parts if own] or [([], 0)])


def _best(candidates: Candidates, judge: Judge, rows: int) -> pl.DataFrame:
    """What is compared of the `rows` most similar, with `similarity` and `why`; messages that differ in numbers alone
    are judged once."""
    found = candidates.compared().with_columns(without_numbers(pl.col("message")).alias("shape"))
    distinct = found.unique("shape", keep="first", maintain_order=True)
    judged = judge(distinct)
    judged = judged.with_columns(distinct["shape"].gather(judged["text"]).alias("shape"), pl.col(SIMILARITY).round(4))
    return found.join(judged, on="shape").sort(SIMILARITY, "time", "position", descending=True).head(rows)

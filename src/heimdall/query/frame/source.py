"""Answers of an engine in memory, evaluated column by column."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

import polars as pl
import pyarrow as pa
from sqlglot import exp

from heimdall.columns import named
from heimdall.query.ast import Query
from heimdall.query.cursor import Behind
from heimdall.query.executor import Job
from heimdall.query.fields import POSITION_COLUMN, TIME_COLUMN
from heimdall.query.fieldvalues import COUNT_COLUMN, VALUE_COLUMN, FieldValues
from heimdall.query.frame.evaluation import evaluate, matching_rows, predicate_expr
from heimdall.query.ranking import WORTH_COLUMN, Ranking
from heimdall.query.source import STEP_COLUMN, Question
from heimdall.storage.engines.memory import MemoryEngine
from heimdall.storage.rollups import MINUTE_NS


class FrameSource:
    """Records in memory, evaluated column by column."""

    def __init__(self, tier: str, engine: MemoryEngine) -> None:
        self.tier = tier
        self._engine = engine

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
        return self._evaluate(job, question, columns, None if limit is None else limit + offset, before)[
            offset:
        ].to_arrow()

    def counts(
        self, job: Job, question: Question, step_ns: int, by: str | None = None, *, since_1970: bool = False
    ) -> pa.Table:
        frame = self._evaluate(job, question, (by,) if by else (), None, None)
        step = (pl.col(TIME_COLUMN).cast(pl.Int64) // step_ns).alias(STEP_COLUMN)
        keys = [step] if by is None else [step, named(by).alias(VALUE_COLUMN)]
        return frame.group_by(keys).agg(pl.len().alias(COUNT_COLUMN)).to_arrow()

    def values(self, job: Job, question: Question, fields: Sequence[str], limit: int) -> dict[str, FieldValues]:
        frame = self._evaluate(job, question, tuple(fields), None, None)
        found = {}
        for name in fields:
            groups = frame.group_by(named(name).alias(VALUE_COLUMN)).agg(pl.len().alias(COUNT_COLUMN))
            present = groups.filter(pl.col(VALUE_COLUMN).is_not_null())
            top = present.sort([COUNT_COLUMN, VALUE_COLUMN], descending=[True, False]).head(limit).to_arrow()
            found[name] = FieldValues(top, present.height, int(present[COUNT_COLUMN].sum()), frame.height)
        return found

    def moments(self, job: Job, question: Question, minutes: Mapping[int, int], *, message: bool = False) -> pa.Table:
        records = replace(question, query=Query(question.query.search))
        frame = self._evaluate(job, records, ("template_id", "timestamp", "message"), None, None)
        minute = pl.col(TIME_COLUMN).cast(pl.Int64).floordiv(MINUTE_NS)
        frame = frame.with_columns(pl.col("template_id").cast(pl.UInt64)).filter(
            pl.col("template_id").replace_strict(minutes, default=None, return_dtype=pl.Int64) == minute
        )
        newest = pl.col("message").sort_by(TIME_COLUMN, POSITION_COLUMN).last()
        ends = [pl.col(TIME_COLUMN).min().alias("first"), pl.col(TIME_COLUMN).max().alias("last")]
        return frame.group_by("template_id").agg(*ends, *([newest] if message else [])).to_arrow()

    def sampled(self, job: Job, question: Question, one_in: int, limit: int) -> pa.Table:
        records = replace(question, query=Query(question.query.search))
        frame = self._evaluate(job, records, ("message",), None, None)
        chosen = frame.filter(pl.col(POSITION_COLUMN).hash(seed=1) % one_in == 0) if one_in > 1 else frame
        return chosen.select("message").head(limit).to_arrow()

    def ranked(self, job: Job, question: Question, ranking: Ranking) -> pa.Table:
        context = question.context
        frame = self._frame(job, question, None)
        matching = matching_rows(ranking.within(question.query.search).search, frame, context)
        weight = pl.sum_horizontal(
            predicate_expr(one, context).cast(pl.Float64) * worth for one, worth in ranking.sought
        )
        best = matching.with_columns(weight.alias(WORTH_COLUMN)).sort(
            WORTH_COLUMN, "timestamp", "position", descending=True, maintain_order=True
        ).head(ranking.limit).collect()  # fmt: skip
        rows = evaluate(Query(), best.lazy(), context=context).collect()
        if ranking.message_chars is not None:
            rows = rows.with_columns(pl.col("message").str.head(ranking.message_chars))
        weights = best.select(pl.col("position").alias(POSITION_COLUMN), WORTH_COLUMN)
        return (
            weights.join(rows, on=POSITION_COLUMN, maintain_order="left").select(*rows.columns, WORTH_COLUMN).to_arrow()
        )

    def statement(
        self, question: Question, *, columns: Sequence[str] | None = None, limit: int | None = None
    ) -> str | None:
        return None

    def select(self, question: Question, *, limit: int) -> exp.Query | None:
        return None

    def has_rollup(self, question: Question) -> bool:
        return False

    def _evaluate(
        self, job: Job, question: Question, columns: Sequence[str] | None, limit: int | None, before: Behind | None
    ) -> pl.DataFrame:
        frame = self._frame(job, question, before)
        return evaluate(question.query, frame, columns=columns, limit=limit, context=question.context).collect()

    def _frame(self, job: Job, question: Question, before: Behind | None) -> pl.LazyFrame:
        """The tenant's records in the question's range."""
        job.check()
        start_ns = -(2**63) if question.start_ns is None else question.start_ns
        end_ns = 2**63 - 1 if question.end_ns is None else question.end_ns
        frame = self._engine.frame(question.tenant, start_ns, end_ns)
        if before is not None:
            time_ns, position = pl.col("timestamp").cast(pl.Int64), pl.col("position")
            frame = frame.filter(
                (time_ns < before.timestamp_ns)
                | ((time_ns == before.timestamp_ns) & (position < before.position))
            )  # fmt: skip
        job.tiers.add(self.tier)
        job.scanned_rows += frame.select(pl.len()).collect().item()
        return frame

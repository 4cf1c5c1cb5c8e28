"""`patterns`: template ids in an answer → the texts they stand for, merged templates as one."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Protocol, Self

import polars as pl
import pyarrow as pa

from heimdall.model.batch import TenantId
from heimdall.model.template import TemplateNames
from heimdall.query.ast import Query
from heimdall.query.executor import Job
from heimdall.query.languages.hql import parse
from heimdall.query.pipes.patterns import Patterns
from heimdall.query.source import Question, Source
from heimdall.storage.rollups import MINUTE_NS


class Catalogue(Protocol):
    """The templates of all tenants. Methods may be called from any thread."""

    def __call__(self) -> pa.Table:
        """All of them; columns of `heimdall.model.template.CATALOGUE_SCHEMA`. For what lists them all."""

    def names(self, tenant: TenantId, ids: Iterable[int]) -> TemplateNames:
        """Those of these ids; costs what is asked for, not what there is."""


@dataclass(frozen=True, slots=True)
class TableCatalogue:
    """A catalogue whose whole table is read each time."""

    read: Callable[[], pa.Table]

    def __call__(self) -> pa.Table:
        return self.read()

    def names(self, tenant: TenantId, ids: Iterable[int]) -> TemplateNames:
        final, texts = texts_of(self.read(), tenant)
        wanted = set(ids)
        own = {one: final[one] for one in wanted if one in final}
        said = {one: texts.get(own.get(one, one)) for one in {*wanted, *own.values()}}
        return TemplateNames(own, {one: text for one, text in said.items() if text is not None})


ALL_TEMPLATES = 10_000
"""Templates that are put together before an answer is cut; miners keep far fewer."""

_TIMES = "min({0}) as first, max({0}) as last by template_id"
_COUNTS = parse(f"* | stats count() as count, {_TIMES.format('timestamp')}").pipes
_BY_MINUTE = parse(
    f"* | stats count() as n by template_id, bin(1m) as minute | stats sum(n) as count, {_TIMES.format('minute')}"
).pipes
"""The same from a rollup: the times are the minutes that hold them."""


def is_patterns(query: Query) -> bool:
    """Whether the answer is that of a `patterns` pipe, with nothing behind it."""
    return bool(query.pipes) and isinstance(query.pipes[-1], Patterns)


def counted(source: Source, question: Question) -> Query:
    """What the first and larger statement of `patterns` asks."""
    query = question.query
    last = query.pipes[-1]
    assert isinstance(last, Patterns)
    if len(query.pipes) > 1:
        return Query(query.search, (*query.pipes[:-1], replace(last, rows=ALL_TEMPLATES)))
    by_minute = Query(query.search, _BY_MINUTE)
    return by_minute if source.has_rollup(replace(question, query=by_minute)) else Query(query.search, _COUNTS)


def patterns(job: Job, source: Source, question: Question, catalogue: Catalogue, skip: int, limit: int) -> pa.Table:
    """Rows `skip` … `skip` + `limit` - 1 of the answer: `template_id`, `template`, `count`, `first`, `last`,
    `example`, `share`.
    """
    return Counted.of(job, source, question, catalogue).described(job, source, question, skip, limit)


@dataclass(frozen=True, slots=True)
class Counted:
    """Templates of the matching records, most frequent first, before their examples are looked up.

    Counting first, and looking afterwards at the moments of the templates shown, reads the messages of a few blocks in
    place of all of them, and of the records no more where a rollup has the counts.
    """

    ids: pl.DataFrame
    """`newest_id`, as it is stored, with `count`, `first`, `last` and the `template_id` that stands for it."""
    merged: pl.DataFrame
    """`template_id`, `count`, `first`, `last`, `share`."""
    names: TemplateNames
    """Of all that are stored."""
    by_minute: bool
    """Whether times are those of the minutes that hold them."""

    @classmethod
    def of(cls, job: Job, source: Source, question: Question, catalogue: Catalogue) -> Counted:
        last = question.query.pipes[-1]
        assert isinstance(last, Patterns)
        asked = counted(source, question)
        frame = pl.from_arrow(source.rows(job, replace(question, query=asked), limit=ALL_TEMPLATES))
        assert isinstance(frame, pl.DataFrame)
        names = catalogue.names(question.tenant, frame["template_id"].drop_nulls().to_list())
        ids = frame.with_columns(
            pl.col("template_id").cast(pl.UInt64).alias("newest_id"),
            pl.col("template_id").cast(pl.UInt64).replace(names.final),
        )
        return cls(ids, _merged(ids).head(last.rows), names, asked.pipes == _BY_MINUTE)

    def described(self, job: Job, source: Source, question: Question, skip: int, limit: int) -> pa.Table:
        """Some of them with their texts, their newest messages and exact times."""
        shown = self.merged.slice(skip, limit)
        if len(question.query.pipes) == 1:
            shown = self._with_moments(job, source, question, shown)
        named = pl.Series(
            "template", [self.names.texts.get(one, "") for one in shown["template_id"].to_list()], pl.String
        )
        columns = ["template_id", "template", "count", "first", "last", "example", "share"]
        return shown.with_columns(named).select(columns).to_arrow()

    def newest_first(self, job: Job, source: Source, question: Question, limit: int) -> Self:
        """The same in the order of the templates' first records, the latest first; exact for the first `limit`."""
        latest = self.merged.sort("first", "template_id", descending=[True, False])
        if self.by_minute and not latest.is_empty():
            # Minutes leave open who is first within one; later rows than those of the last one's minute are not shown.
            in_question = pl.col("first") >= latest.head(limit)["first"][-1]
            near = latest.filter(in_question).join(
                self._oldest(job, source, question, latest.filter(in_question)), on="template_id", how="left"
            )
            exact = near.with_columns(pl.col("oldest").fill_null(pl.col("first")))
            near = exact.sort("oldest", "template_id", descending=[True, False]).drop("oldest")
            latest = pl.concat([near, latest.filter(~in_question)])
        return replace(self, merged=latest)

    def _oldest(self, job: Job, source: Source, question: Question, shown: pl.DataFrame) -> pl.DataFrame:
        """`template_id` and `oldest`, the exact time of the first record."""
        found = self._moments(job, source, question, shown, "first", message=False)
        return found.group_by("template_id").agg(pl.col("first").min().alias("oldest"))

    def _with_moments(self, job: Job, source: Source, question: Question, shown: pl.DataFrame) -> pl.DataFrame:
        if shown.is_empty():
            return shown.with_columns(pl.lit(None, pl.String).alias("example"))
        newest = self._moments(job, source, question, shown, "last", message=True)
        newest = newest.sort("last").group_by("template_id").agg(pl.col("last").last(), pl.col("message").last())
        found = shown.join(
            newest.rename({"last": "exact", "message": "example"}), on="template_id", how="left", maintain_order="left"
        )
        if not self.by_minute:
            return found.drop("exact")
        oldest = self._oldest(job, source, question, shown)
        found = found.join(oldest, on="template_id", how="left", maintain_order="left")
        # Of a record that left since it was counted the minute is all that is known.
        return found.with_columns(
            pl.col("oldest").fill_null(pl.col("first")).alias("first"),
            pl.col("exact").fill_null(pl.col("last")).alias("last"),
        )

    def _moments(
        self, job: Job, source: Source, question: Question, shown: pl.DataFrame, end: str, *, message: bool
    ) -> pl.DataFrame:
        """What is found in the minute of the first or the last record of each template shown, by `template_id`."""
        minute = pl.col(end).cast(pl.Int64).floordiv(MINUTE_NS)
        wanted = shown.select("template_id", minute.alias("minute"))
        places = self.ids.select("template_id", "newest_id", minute.alias("minute")).join(wanted, on=wanted.columns)
        minutes = dict(zip(places["newest_id"].to_list(), places["minute"].to_list(), strict=True))
        start_ns, end_ns = min(minutes.values()) * MINUTE_NS, (max(minutes.values()) + 1) * MINUTE_NS
        within = question.between(
            start_ns if question.start_ns is None else max(start_ns, question.start_ns),
            end_ns if question.end_ns is None else min(end_ns, question.end_ns),
        )
        frame = pl.from_arrow(source.moments(job, within, minutes, message=message))
        assert isinstance(frame, pl.DataFrame)
        times = [pl.col(name).cast(shown.schema[name]) for name in ("first", "last")]
        stored = frame.with_columns(*times, pl.col("template_id").cast(pl.UInt64).alias("newest_id"))
        return stored.drop("template_id").join(places.select("newest_id", "template_id"), on="newest_id")


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
    frame = pl.from_arrow(rows)
    assert isinstance(frame, pl.DataFrame)
    ids = frame["template_id"].to_list()
    texts = catalogue.names(tenant, {one for one in ids if one is not None}).texts
    named = pl.Series("template", [texts.get(one, "") for one in ids], pl.String)
    return frame.insert_column(frame.get_column_index("template_id") + 1, named).to_arrow()


def _merged(ids: pl.DataFrame) -> pl.DataFrame:
    total = int(ids["count"].sum())
    kept = [pl.col("example").get(pl.col("last").arg_max())] if "example" in ids.columns else []
    return (
        ids.group_by("template_id")
        .agg(pl.col("count").sum(), pl.col("first").min(), pl.col("last").max(), *kept)
        .with_columns((pl.col("count") / max(total, 1)).alias("share"))
        .sort(["count", "template_id"], descending=[True, False])
    )

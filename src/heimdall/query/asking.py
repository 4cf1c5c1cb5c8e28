"""Several questions answered as one: what a pipe needs that compares, and what routes need whose answer nests.

`QueryService.answered` opens the job, so that all of them together have one turn, one deadline and one account of what
was read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

import polars as pl
import pyarrow as pa

from heimdall.model.batch import TenantId
from heimdall.model.template import TemplateNames
from heimdall.query.ast import Predicate, Query
from heimdall.query.executor import Job
from heimdall.query.fieldvalues import COUNT_COLUMN, VALUE_COLUMN
from heimdall.query.source import STEP_COLUMN, Question, Source
from heimdall.query.templates import Catalogue, texts_of
from heimdall.storage.engine import TierStatistics


@dataclass(frozen=True, slots=True)
class Window:
    """[start_ns, end_ns), never empty."""

    start_ns: int
    end_ns: int

    @property
    def length_ns(self) -> int:
        return self.end_ns - self.start_ns

    def shifted(self, by_ns: int) -> Window:
        return Window(self.start_ns + by_ns, self.end_ns + by_ns)


class Meaning(Protocol):
    """A model of language that knows the templates."""

    def nearness(self, text: str, templates: Sequence[str]) -> dict[int, float]:
        """Place in `templates` → how near it is to `text`, above 0 and up to 1. From several threads; some
        milliseconds. What the model has not read yet is left out."""


@dataclass(frozen=True, slots=True)
class Asking:
    """One job's way to the records. `question` is what was asked; what is asked beside it may differ from it in search
    and range, never in tenant."""

    job: Job
    source: Source
    statistics: TierStatistics
    catalogue: Catalogue
    question: Question
    meaning: Meaning | None = None
    """None where no model is installed."""

    @property
    def tenant(self) -> TenantId:
        return self.question.tenant

    def counts(self, search: Predicate, window: Window, step_ns: int, by: str | None) -> pl.DataFrame:
        """Columns `step` (its number since 1970), `value` (with `by`) and `count`; exact, in no order."""
        since_1970 = self.statistics.oldest_ns is None or self.statistics.oldest_ns >= 0
        table = self.source.counts(self.job, self._about(Query(search), window), step_ns, by, since_1970=since_1970)
        frame = pl.from_arrow(table)
        assert isinstance(frame, pl.DataFrame)
        step, count = pl.col(STEP_COLUMN).cast(pl.Int64), pl.col(COUNT_COLUMN).cast(pl.Int64)
        if by is None:
            return frame.select(step.alias("step"), count.alias("count"))
        return frame.select(step.alias("step"), pl.col(VALUE_COLUMN).alias("value"), count.alias("count"))

    def rows(self, query: Query, window: Window, limit: int) -> pl.DataFrame:
        """Rows of a query's own answer."""
        frame = pl.from_arrow(self.source.rows(self.job, self._about(query, window), limit=limit))
        assert isinstance(frame, pl.DataFrame)
        return frame

    def template_names(self, ids: Iterable[int]) -> TemplateNames:
        return self.catalogue.names(self.tenant, ids)

    def template_texts(self) -> tuple[dict[int, int], dict[int, str]]:
        """(id → id of the template that took its place, id → text)."""
        return texts_of(self.catalogue(), self.tenant)

    def _about(self, query: Query, window: Window) -> Question:
        context = replace(self.question.context, start_ns=window.start_ns, end_ns=window.end_ns)
        return replace(
            self.question, query=query, start_ns=window.start_ns, end_ns=window.end_ns, context=context, strategy=None
        )


@dataclass(frozen=True, slots=True)
class Made:
    """An answer put together: `rows` for CSV and Arrow, `data` for JSON, `extra` beside it."""

    rows: pa.Table
    data: object = None
    extra: Mapping[str, object] = field(default_factory=dict)


Make = Callable[[Asking], Made]

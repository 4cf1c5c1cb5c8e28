"""The port every answer is read through, of an engine that takes statements and of one that does not.

`rows` are a query's own rows, `counts` how many records matched in each step of time, `values` how often a field had
each value. Planner, pages, histogram and facets are written once on top of them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import pyarrow as pa
from sqlglot import exp

from heimdall.errors import InvalidInput
from heimdall.model.batch import TenantId
from heimdall.query.ast import Query
from heimdall.query.context import Context
from heimdall.query.cursor import Behind
from heimdall.query.executor import Job
from heimdall.query.fields import POSITION_COLUMN, TIME_COLUMN
from heimdall.query.fieldvalues import COUNT_COLUMN, VALUE_COLUMN, FieldValues
from heimdall.query.ranking import Ranking
from heimdall.query.strategy import Strategy

STEP_COLUMN = "_counted_step"
"""As `COUNT_COLUMN` and `VALUE_COLUMN` a name no field of a sender can hide."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A query over the records of one tenant in [start_ns, end_ns); None = no bound."""

    query: Query
    tenant: TenantId
    start_ns: int | None = None
    end_ns: int | None = None
    context: Context = Context()
    strategy: Strategy | None = None
    """How it is answered, which changes nothing about the answer; None = by rule."""

    @property
    def at_once(self) -> bool | None:
        """Whether records are looked for in one statement; None = by rule."""
        return None if self.strategy is None else self.strategy is not Strategy.WINDOWS

    def counted(self) -> Question:
        """The same records, without the pipes that only choose or order their columns."""
        kept = tuple(pipe for pipe in self.query.pipes if pipe.name not in ("fields", "sort"))
        return replace(self, query=replace(self.query, pipes=kept))

    def between(self, start_ns: int | None, end_ns: int | None) -> Question:
        """The same question about a part of its range. What `rate()` divides by stays the whole range."""
        return replace(self, start_ns=start_ns, end_ns=end_ns)


class Source(Protocol):
    """One tier as queries see it."""

    tier: str

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
        """Rows of the answer, in its order; those of records end with `_timestamp` and `_position`.

        `without`: columns that nobody looks at; those of whole records may be null.
        """

    def counts(
        self, job: Job, question: Question, step_ns: int, by: str | None = None, *, since_1970: bool = False
    ) -> pa.Table:
        """Matching records (`COUNT_COLUMN`) by `STEP_COLUMN` (its number since 1970) and, with `by`,
        `VALUE_COLUMN`; in no order.

        `since_1970`: no record is older, which makes numbering steps cheaper.
        """

    def values(self, job: Job, question: Question, fields: Sequence[str], limit: int) -> dict[str, FieldValues]:
        """The `limit` most frequent values of each of the fields, which are all different."""

    def moments(self, job: Job, question: Question, minutes: Mapping[int, int], *, message: bool = False) -> pa.Table:
        """`template_id`, `first` and `last` of the matching records in the minute (its number since 1970) that
        `minutes` names of each template id; with `message` the one of the last of them, too. In no order.
        """

    def sampled(self, job: Job, question: Question, one_in: int, limit: int) -> pa.Table:
        """`message` of about one in so many of the matching records, chosen by a hash of their position, so each as
        likely as any other and the same ones each time; of all for 1. At most `limit`, in no order. Pipes are not
        looked at.
        """

    def ranked(self, job: Job, question: Question, ranking: Ranking) -> pa.Table:
        """Records of which anything that is sought holds, those with the greatest sum of weights first, newest first
        among equals; they end with `_timestamp`, `_position` and `_worth`, the sum. Pipes are not looked at.

        Where an index knows all that is sought, nothing is read of records that are not among the answer's.
        """

    def statement(
        self, question: Question, *, columns: Sequence[str] | None = None, limit: int | None = None
    ) -> str | None:
        """What `rows` would run, as text; None where there are no statements."""

    def select(self, question: Question, *, limit: int) -> exp.Query | None:
        """What `rows` runs for a page; None where there are no statements."""

    def has_rollup(self, question: Question) -> bool:
        """Whether `rows` can be counted by minutes."""


def check_field(name: str) -> None:
    """Refuse a name no answer can have a column of.

    Raises:
        InvalidInput: it is empty, or one Heimdall keeps for itself.
    """
    if name in ("", "*", TIME_COLUMN, POSITION_COLUMN, STEP_COLUMN, COUNT_COLUMN, VALUE_COLUMN) or name.startswith("^"):
        raise InvalidInput(f"{name!r} cannot be counted by: it is not the name of a field")

"""Answers of an engine that takes statements: one a call."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial, reduce

import pyarrow as pa
from sqlglot import exp

from heimdall.errors import TooMuchMemory
from heimdall.query.ast import MatchAll
from heimdall.query.context import Context
from heimdall.query.counting import Counting
from heimdall.query.cursor import Behind
from heimdall.query.executor import Executor, Job
from heimdall.query.fields import TIME_COLUMN, canonical
from heimdall.query.fieldvalues import COUNT_COLUMN, VALUE_COLUMN, FieldValues, frequencies, values_of
from heimdall.query.ranking import WORTH_COLUMN, Ranking, Weighed
from heimdall.query.rollup import rollup_source
from heimdall.query.source import STEP_COLUMN, Question
from heimdall.query.sql.moments import moments_statement
from heimdall.query.sql.nodes import TABLE, binary, call, column, number
from heimdall.query.sql.records import behind, everything, with_order
from heimdall.query.sql.statement import predicate_sql, scan_conditions, to_sql
from heimdall.query.sql.values import field_value
from heimdall.query.strategy import Strategy
from heimdall.storage.engine import SqlEngine
from heimdall.storage.rollups import MINUTE_NS, WEIGHT, Rollup, weighs

_FIELDS_AT_ONCE = 8
"""Whose values one statement counts: it holds all of their groups."""


class SqlSource:
    """One statement per call."""

    def __init__(self, tier: str, engine: SqlEngine, executor: Executor) -> None:
        self.tier = tier
        self._engine = engine
        self._executor = executor
        self._table = exp.to_table(engine.table, dialect="clickhouse", alias=TABLE)

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
        if columns is None and not question.query.pipes:
            return with_order(self._whole(job, question, limit, before, offset, without))
        statement = self._select(question, columns, limit, before)
        if offset:
            statement = statement.offset(offset, copy=False)
        estimated = question.strategy is Strategy.SKETCHES
        return self._executor.run(job, self.tier, statement, estimated=estimated)

    def counts(
        self, job: Job, question: Question, step_ns: int, by: str | None = None, *, since_1970: bool = False
    ) -> pa.Table:
        value: exp.Expr
        counted = self._counted(question, (by,) if by else (), step_ns)
        if counted is None:
            inner = self._select(question, (by,) if by else (), None, None).subquery("matching", copy=False)
            time, value, records = TIME_COLUMN, exp.column(by or "", quoted=True), "count()"
        else:
            inner, time, records = counted, "timestamp", f"sum({WEIGHT})"
            value = field_value(by).sql if by else exp.null()
        step = _step(exp.column(time, quoted=True), step_ns, since_1970=since_1970)
        statement = exp.select(exp.alias_(step, STEP_COLUMN), f"{records} AS {COUNT_COLUMN}").from_(inner, copy=False)
        statement = statement.group_by(STEP_COLUMN, copy=False)
        if by:
            statement = statement.select(exp.alias_(value, VALUE_COLUMN), copy=False).group_by(VALUE_COLUMN, copy=False)
        return self._executor.run(job, self.tier, statement)

    def values(self, job: Job, question: Question, fields: Sequence[str], limit: int) -> dict[str, FieldValues]:
        found: dict[str, FieldValues] = {}
        for together, counted in self._together(question, fields):
            try:
                found |= self._values(job, question, together, counted, limit)
            except TooMuchMemory:
                if len(together) == 1:
                    raise
                for name in together:
                    counted = self._counted(question, [name], None)
                    found |= self._values(job, question, [name], counted, limit)
        return found

    def _together(
        self, question: Question, fields: Sequence[str]
    ) -> Iterator[tuple[Sequence[str], exp.Subquery | None]]:
        """Fields that are counted by one statement, which reads their records once; or, with the second, the rows of
        a rollup."""
        left = list(fields)
        for rollup in self._rollups(question):
            here = [name for name in left if (known := canonical(name)) and known.source in rollup.columns]
            counted = self._counted(question, here, None) if here else None
            if counted is not None:
                yield here, counted
                left = [name for name in left if name not in here]
        # To find the records once for all fields is what pays; where all are wanted, one by one is a fifth faster.
        at_once = 1 if isinstance(question.query.search, MatchAll) and not question.query.pipes else _FIELDS_AT_ONCE
        for start in range(0, len(left), at_once):
            yield left[start : start + at_once], None

    def _values(
        self, job: Job, question: Question, fields: Sequence[str], counted: exp.Subquery | None, limit: int
    ) -> dict[str, FieldValues]:
        if counted is None:
            inner = self._select(question, tuple(fields), None, None).subquery("matching", copy=False)
            values: list[exp.Expr] = [exp.column(name, quoted=True) for name in fields]
            records = "count()"
        else:
            inner, values, records = counted, [field_value(name).sql for name in fields], f"sum({WEIGHT})"
        statement = frequencies(inner, values, records, limit)
        return values_of(self._executor.run(job, self.tier, statement), fields)

    def moments(self, job: Job, question: Question, minutes: Mapping[int, int], *, message: bool = False) -> pa.Table:
        conditions = self._conditions(question)
        statement = moments_statement(self._table.copy(), conditions, minutes, message=message)
        return self._executor.run(job, self.tier, statement)

    def sampled(self, job: Job, question: Question, one_in: int, limit: int) -> pa.Table:
        conditions = self._conditions(question)
        if one_in > 1:
            hashed = call("modulo", call("intHash64", column("position")), number(one_in))
            conditions.append(exp.EQ(this=hashed, expression=number(0)))
        statement = exp.select(exp.alias_(column("message"), "message", quoted=True)).from_(self._table.copy())
        return self._executor.run(job, self.tier, statement.where(*conditions, copy=False).limit(limit))

    def ranked(self, job: Job, question: Question, ranking: Ranking) -> pa.Table:
        # That they all stand in the condition, too, is why the index answers for each.
        records = replace(question, query=ranking.within(question.query.search))

        def statement() -> exp.Select:
            found = self._records(records, ranking.limit, None, 0, ranking.without, ranking.message_chars)
            weight = reduce(partial(binary, "+"), (self._worth(one, question.context) for one in ranking.sought))
            found.select(exp.alias_(weight, WORTH_COLUMN, quoted=True), copy=False)
            found.args["order"].expressions.insert(
                0, exp.Ordered(this=exp.column(WORTH_COLUMN, quoted=True), desc=True)
            )
            return found

        found = self._unless_used(job, statement)
        return with_order(found).append_column(WORTH_COLUMN, found.column(WORTH_COLUMN))

    def _worth(self, weighed: Weighed, context: Context) -> exp.Expression:
        predicate, weight = weighed
        return binary("*", predicate_sql(predicate, context), number(weight))

    def statement(
        self, question: Question, *, columns: Sequence[str] | None = None, limit: int | None = None
    ) -> str | None:
        return self._select(question, columns, limit, None).sql("clickhouse", pretty=True)

    def select(self, question: Question, *, limit: int) -> exp.Query | None:
        if not question.query.pipes:
            return self._records(question, limit, None, 0)
        return self._select(question, None, limit, None)

    def has_rollup(self, question: Question) -> bool:
        counted = self._select(replace(question, strategy=Strategy.ROLLUP), None, None, None)
        return any(weighs(select) for select in counted.find_all(exp.Select))

    def _counted(self, question: Question, fields: Sequence[str], step_ns: int | None) -> exp.Subquery | None:
        """The question's records as counts by minute, where a rollup has them."""
        known = [canonical(name) for name in fields]
        if question.query.pipes or not all(known) or (step_ns or MINUTE_NS) % MINUTE_NS:
            return None
        search = question.query.search
        source = rollup_source(
            self._table.copy(),
            self._rollups(question),
            Counting(tuple(field.source for field in known if field is not None), step_ns),
            [] if isinstance(search, MatchAll) else [predicate_sql(search, question.context)],
            question.tenant,
            question.start_ns,
            question.end_ns,
        )
        return None if source is None else source.subquery(TABLE, copy=False)

    def _whole(
        self,
        job: Job,
        question: Question,
        limit: int | None,
        before: Behind | None,
        offset: int,
        without: Collection[str],
    ) -> pa.Table:
        return self._unless_used(job, lambda: self._records(question, limit, before, offset, without))

    def _unless_used(self, job: Job, statement: Callable[[], exp.Select]) -> pa.Table:
        """Again where a column that was left out came into use meanwhile."""
        while True:
            unused = self._engine.unused
            found = self._executor.run(job, self.tier, statement())
            if self._engine.unused == unused:
                return found

    def _records(
        self,
        question: Question,
        limit: int | None,
        before: Behind | None,
        offset: int,
        without: Collection[str] = (),
        message_chars: int | None = None,
    ) -> exp.Select:
        """Whole records as they are stored, their looks are made from a page of them. `*` keeps the statement short:
        to name two dozen columns costs more than to plan the rest of it. Columns nobody uses are not read."""
        conditions = self._conditions(question)
        if before is not None:
            conditions += behind(before)
        order = [exp.column(name, table=TABLE, quoted=True) for name in ("timestamp", "position")]
        statement = exp.Select(
            expressions=[everything(self._engine.unused.union(without), message_chars)],
            where=exp.Where(this=exp.and_(*conditions, copy=False)),
            order=exp.Order(expressions=[exp.Ordered(this=column, desc=True) for column in order]),
        ).from_(self._table.copy(), copy=False)
        if limit is not None:
            statement.set("limit", exp.Limit(expression=exp.Literal.number(limit)))
        return statement.offset(offset, copy=False) if offset else statement

    def _conditions(self, question: Question) -> list[exp.Expression]:
        conditions = scan_conditions(question.tenant, question.start_ns, question.end_ns)
        if not isinstance(question.query.search, MatchAll):
            conditions.append(predicate_sql(question.query.search, question.context))
        return conditions

    def _select(
        self, question: Question, columns: Sequence[str] | None, limit: int | None, before: Behind | None
    ) -> exp.Select:
        return to_sql(
            question.query,
            table=self._engine.table,
            tenant=question.tenant,
            start_ns=question.start_ns,
            end_ns=question.end_ns,
            columns=columns,
            limit=limit,
            before=None if before is None else (before.timestamp_ns, before.position),
            context=question.context,
            rollups=self._rollups(question),
        )

    def _rollups(self, question: Question) -> Sequence[Rollup]:
        return () if question.strategy is Strategy.RECORDS else self._engine.rollups


def _step(time: exp.Expr, step_ns: int, *, since_1970: bool) -> exp.Expr:
    """Number of the step a time lies in. Times before 1970 are negative: there division must round down."""
    time_ns = exp.Anonymous(this="toUnixTimestamp64Nano", expressions=[time])
    step = exp.Literal.number(step_ns)
    whole = exp.Anonymous(this="intDiv", expressions=[time_ns, step])
    if since_1970:
        return whole
    under = exp.LT(this=exp.Anonymous(this="modulo", expressions=[time_ns.copy(), step.copy()]), expression=_zero())
    return exp.Sub(this=whole, expression=exp.Anonymous(this="toInt64", expressions=[under]))


def _zero() -> exp.Expr:
    return exp.Literal.number(0)

"""`QueryService`: questions in, answers out. What the API, the command line and the tail call."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, replace

import pyarrow as pa
from prometheus_client import Histogram

from heimdall.clock import Clock
from heimdall.errors import InvalidInput, QuerySyntaxError, Unavailable
from heimdall.model.batch import TenantId
from heimdall.model.timerange import format_time
from heimdall.query.asking import Asking, Made, Make, Meaning
from heimdall.query.ast import Query
from heimdall.query.complete import suggest
from heimdall.query.config import QueryConfig
from heimdall.query.context import Context
from heimdall.query.cursor import Cursor, Skip, read_cursor, write_cursor
from heimdall.query.estimate import Estimate
from heimdall.query.executor import Executor, Job
from heimdall.query.explain import plan_facts, tree
from heimdall.query.facets import facet_rows, facets
from heimdall.query.fieldlist import field_list
from heimdall.query.fields import POSITION_COLUMN, TIME_COLUMN
from heimdall.query.histogram import histogram
from heimdall.query.known import Sample
from heimdall.query.languages.hql import parse, to_text
from heimdall.query.languages.registry import as_hql, translate
from heimdall.query.pages import Page, Pages, skipped
from heimdall.query.patternlist import pattern_list
from heimdall.query.planner import Plan, Planner
from heimdall.query.request import (
    Answer,
    ExplainRequest,
    FacetsRequest,
    HistogramRequest,
    PatternsRequest,
    QueryRequest,
    SearchRequest,
)
from heimdall.query.rowpipes import AskingPipe, answer_rows, ends_in_row_pipe, engine_part
from heimdall.query.rows import JSON_TEXT
from heimdall.query.shape import shape_of
from heimdall.query.source import Question, Source
from heimdall.query.sources import source_of
from heimdall.query.templates import Catalogue, counted, is_patterns, patterns, with_templates
from heimdall.query.types import Type
from heimdall.query.unknown import hint, own_fields, says_nothing
from heimdall.storage.engine import TierStatistics
from heimdall.storage.schedule import ORDER
from heimdall.storage.tiers import Tiers

MAX_LIMIT = 10_000
ENDS_VALID_S = 5.0
"""How long the oldest and newest time of a tier are believed by `search`. They choose where windows begin (the first
has no upper end of its own, so records that came since are found all the same) and how long an open range is taken
to be, by `rate()` and `timechart`."""

SAMPLE_VALID_S = 15.0
"""How long completion lives with the fields and values it has learnt: a keystroke must not wait for the engine."""

COMPLETION_ROWS = 1_000
"""Newest records completion learns from: 20 ms to read and count."""

SECONDS = Histogram(
    "heimdall_query_duration",
    "Time from request to answer.",
    ["kind"],
    unit="seconds",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)

__all__ = ["QueryConfig", "QueryService"]


class QueryService:
    """All methods may be called from several threads; each runs in its caller's."""

    def __init__(self, tiers: Tiers, clock: Clock, config: QueryConfig, templates: Catalogue) -> None:
        self.on_question: Callable[[], None] = lambda: None
        """Called whenever somebody asks, before what is stored is looked at. It must not block."""
        self.meaning: Meaning | None = None
        """What `similar` asks beside the words, where a model is installed."""
        self._clock = clock
        self._config = config
        self._templates = templates
        self._executor = Executor(tiers, clock, config)
        self._planner = Planner(tiers, clock)
        self._plain_sources: tuple[Source, ...] = tuple(source_of(name, self._executor) for name in tiers.names)
        self._sources = self._plain_sources
        self._lock = threading.Lock()
        self._ends: dict[str, tuple[float, TierStatistics]] = {}
        self._samples: dict[TenantId, tuple[float, Sample]] = {}

    # ------------------------------------------------------------------ questions

    def search(self, request: SearchRequest) -> Answer:
        """Rows of a page: records newest first, or what the pipes make of them.

        Raises:
            QuerySyntaxError, InvalidInput: the question has no answer as it stands.
            Overloaded, QueryCancelled, EngineUnavailable: it may have one later.
        """
        query = parse(request.q)
        if not 1 <= request.limit <= MAX_LIMIT:
            raise InvalidInput(f"limit must be 1 to {MAX_LIMIT:,}, not {request.limit}")
        if request.cursor and request.rank is not None:
            raise InvalidInput("cursor and rank exclude each other")
        cursor = read_cursor(request.cursor) if request.cursor else None
        with self._job(request, "search", self._price(query, request, request.limit)) as job:
            source = self._source()
            statistics = self._statistics(source, fresh=request.rank is not None)
            question = self._question(query, request, statistics)
            if request.rank is not None:
                page = Pages(source, statistics, self._config).at_rank(job, question, request.limit, request.rank)
            else:
                page = self._page(job, source, question, statistics, request.limit, cursor)
                if job.estimate is not None and not job.known_pieces:
                    self._planner.learn(job.estimate, job.ran_ms)
            rows = self._readable(query, page, request.tenant)
            answer = self._answer(
                job, rows, partial=page.partial, next=None if page.next is None else write_cursor(page.next)
            )
            return answer if cursor is not None or request.rank else self._with_hint(job, answer, query, request)

    def page(self, query: Query, request: QueryRequest, *, limit: int, cursor: Cursor | None = None) -> Page:
        """Rows of a question that is a tree already (`request.q` is not read), with the hidden columns of records.

        For faces of other languages, which bound `limit` themselves.
        """
        with self._job(request, "page", self._price(query, request, limit)) as job:
            source = self._source()
            statistics = self._statistics(source, fresh=False)
            question = self._question(query, request, statistics)
            return self._page(job, source, question, statistics, limit, cursor)

    def histogram(self, request: HistogramRequest) -> Answer:
        """Records over time; `data` as documented, `rows` with one column a series."""
        query = parse(request.q)
        if request.interval_ns is not None and request.interval_ns <= 0:
            raise InvalidInput("interval must be longer than nothing")
        with self._job(request, "histogram", self._price(query, request)) as job:
            source = self._source()
            statistics = self._statistics(source)
            found = histogram(
                job,
                source,
                statistics,
                self._question(query, request, statistics),
                buckets=max(1, request.buckets),
                step_ns=request.interval_ns,
                by=request.by,
            )
            extra = {
                "interval_ms": found.step_ns / 1e6 if found.step_ns % 1_000_000 else found.step_ns // 1_000_000,
                "from": format_time(found.start_ns),
                "to": format_time(found.end_ns),
                "total": sum(found.totals),
            }
            return replace(self._answer(job, found.as_table()), data=found.as_data(), extra=extra)

    def facets(self, request: FacetsRequest) -> Answer:
        """The most frequent values of some fields over the whole result, counted exactly."""
        query = parse(request.q)
        if request.limit < 1:
            raise InvalidInput("limit must be at least 1")
        with self._job(request, "facets", self._price(query, request)) as job:
            source = self._source()
            question = self._question(query, request, self._statistics(source, fresh=False))
            data = facets(job, source, question, request.fields, request.limit)
            rows = facet_rows(data)
            return replace(self._answer(job, rows), data=data)

    def patterns(self, request: PatternsRequest) -> Answer:
        """Templates of all matching records with shares, levels and counts over time."""
        if request.limit < 1:
            raise InvalidInput("limit must be at least 1")

        def make(asking: Asking) -> Made:
            return pattern_list(asking, request.limit, request.order, max(1, request.buckets), request.interval_ns)

        return self.answered(request, "patterns", make)

    def answered(self, request: QueryRequest, kind: str, make: Make) -> Answer:
        """What `make` puts together out of several questions, asked in one job. Never kept as a whole: what it rests on
        may lie outside the request's own range.

        Raises:
            As `search`.
        """
        query = parse(request.q)
        with self._job(request, kind, self._price(query, request)) as job:
            source = self._source()
            statistics = self._statistics(source)
            question = self._question(query, request, statistics)
            made = make(Asking(job, source, statistics, self._templates, question, self.meaning))
            return replace(self._answer(job, made.rows), data=made.data, extra=made.extra)

    def fields(self, request: QueryRequest) -> Answer:
        """Fields of the newest matching records; exact when those are all there are."""
        query = parse(request.q)
        with self._job(request, "fields") as job:
            data, sampled, complete = self._fields(job, query, request)
            answer = self._answer(job, pa.Table.from_pylist(data))
            return replace(answer, data=data, exact=complete, extra={"sampled_rows": sampled})

    def explain(self, request: ExplainRequest) -> Answer:
        """What `search` would do and cost, each way it could; with `analyze`, what its way really took."""
        query = parse(request.q)
        with self._job(request, "explain") as job:
            tiers = []
            for source in self._plain_sources:
                statistics = self._statistics(source)
                question = self._question(query, request, statistics)
                plan = self._planned(job, source, question, statistics, request.limit)
                facts = plan_facts(source, replace(question, query=engine_part(query)), statistics, plan, request.limit)
                if request.analyze:
                    facts["actual"] = self._measured(job, source, question, statistics, plan, request.limit)
                tiers.append(facts)
            columns = [{"name": name, "type": kind.value} for name, kind in shape_of(query).answer()]
            data = {"query": to_text(query), "ast": tree(query), "columns": columns, "tiers": tiers}
            return replace(self._answer(job, pa.table({})), data=data)

    def _planned(self, job: Job, source: Source, question: Question, statistics: TierStatistics, limit: int) -> Plan:
        query = engine_part(question.query)
        if is_patterns(query):
            query = counted(source, replace(question, query=query))
        return self._planner.plan(
            source, replace(question, query=query), statistics, limit + 1, None if job.exact else job.memory_bytes
        )

    def _measured(
        self, job: Job, source: Source, question: Question, statistics: TierStatistics, plan: Plan, limit: int
    ) -> dict[str, object]:
        if plan.chosen is not None:
            question = replace(question, strategy=plan.chosen.strategy)
        started_s = self._clock.monotonic()
        self._page(job, source, question, statistics, limit)
        took_ms = (self._clock.monotonic() - started_s) * 1e3
        if plan.chosen is not None:
            self._planner.learn(plan.chosen.estimate, took_ms)
        return {
            "rows": job.scanned_rows,
            "bytes": job.scanned_bytes,
            "ms": round(took_ms, 1),
            "statements": job.statements,
        }

    def parse(self, q: str, language: str = "hql") -> Answer:
        """Whether a text is a query: its canonical form and tree, or what is wrong and where."""
        started_s = self._clock.monotonic()
        try:
            query = parse(as_hql(q, language))
            shape_of(query)
            data: dict[str, object] = {"ok": True, "canonical": to_text(query), "ast": tree(query)}
        except QuerySyntaxError as exc:
            data = _fault(exc)
        took_ms = (self._clock.monotonic() - started_s) * 1e3
        return Answer(rows=pa.table({}), query_id="", data=data, took_ms=took_ms)

    def translate(self, q: str, language: str) -> Answer:
        """HQL that asks what a text of another language asks, and each word that has no place in it.

        Raises:
            InvalidInput: there is no such language.
        """
        started_s = self._clock.monotonic()
        try:
            found = translate(q, language)
            data: dict[str, object] = {"ok": not found.gaps, "hql": found.hql, "gaps": list(map(asdict, found.gaps))}
        except QuerySyntaxError as exc:
            data = {**_fault(exc), "hql": None, "gaps": []}
        took_ms = (self._clock.monotonic() - started_s) * 1e3
        return Answer(rows=pa.table({}), query_id="", data=data, took_ms=took_ms)

    def complete(self, request: QueryRequest, *, cursor: int, limit: int = 20) -> Answer:
        """What could stand at place `cursor` (code points from 0) of `request.q`; values are recent ones."""
        started_s = self._clock.monotonic()
        found, offers = suggest(request.q, cursor, self._known(request), limit)
        rows = [
            {"label": offer.label, "kind": str(offer.kind), "insert": offer.insert, "detail": offer.detail}
            for offer in offers
        ]
        took_ms = (self._clock.monotonic() - started_s) * 1e3
        extra = {"replace_from": found.replace_from, "replace_to": found.replace_to}
        return Answer(rows=pa.Table.from_pylist(rows), query_id="", data=rows, took_ms=took_ms, extra=extra)

    def close(self) -> None:
        """Wait for what runs in the background. Called once, before the engines close."""
        self._planner.close()

    def cancel(self, query_id: str) -> bool:
        """Stop a running query; False when there is none of that name."""
        return self._executor.cancel(query_id)

    # ------------------------------------------------------------------ parts

    @contextmanager
    def _job(self, request: QueryRequest, kind: str, price: Estimate | None = None) -> Iterator[Job]:
        self.on_question()
        with SECONDS.labels(kind).time(), self._executor.job(request, price) as job:
            yield job

    def _price(self, query: Query, request: QueryRequest, limit: int | None = None) -> Estimate | None:
        """What a question is expected to cost, before it waits for its turn; without `limit` it counts records."""
        source = self._source()
        statistics = self._statistics(source, fresh=False)
        question = self._question(query, request, statistics)
        if limit is None:
            return self._planner.price_of_counts(source, question, statistics)
        query = engine_part(query)
        query = counted(source, replace(question, query=query)) if is_patterns(query) else query
        return self._planner.price(source, replace(question, query=query), limit + 1, statistics)

    def _source(self) -> Source:
        """The tier that answers. Answers merged from several tiers come with the second tier."""
        return self._sources[0]

    def _statistics(self, source: Source, *, fresh: bool = True) -> TierStatistics:
        now_s = self._clock.monotonic()
        with self._lock:
            known = self._ends.get(source.tier)
        if not fresh and known is not None and 0 <= now_s - known[0] < ENDS_VALID_S and known[1].rows:
            return known[1]
        statistics = self._executor.tiers[source.tier].statistics()
        with self._lock:
            self._ends[source.tier] = (now_s, statistics)
        return statistics

    def _question(self, query: Query, request: QueryRequest, statistics: TierStatistics) -> Question:
        start_ns, end_ns = request.start_ns, request.end_ns
        if start_ns is not None and end_ns is not None and end_ns < start_ns:
            raise InvalidInput("the time range ends before it begins; swap from and to")
        # Rates and steps of time need a length: where the caller set no bound, it is the data's.
        first_ns = statistics.oldest_ns if start_ns is None else start_ns
        last_ns = end_ns
        if last_ns is None and statistics.newest_ns is not None:
            last_ns = min(statistics.newest_ns + 1, 2**63 - 1)
        context = Context(now_ns=self._clock.time_ns(), start_ns=first_ns, end_ns=last_ns)
        return Question(query=query, tenant=request.tenant, start_ns=start_ns, end_ns=end_ns, context=context)

    def _fields(self, job: Job, query: Query, request: QueryRequest) -> tuple[list[dict[str, object]], int, bool]:
        source = self._source()
        statistics = self._statistics(source, fresh=False)
        records = Query(query.search)
        pages = Pages(source, statistics, self._config)
        page = pages.first(job, self._question(records, request, statistics), self._config.sample_rows, None)
        return field_list(page.rows), page.rows.num_rows, page.next is None

    def _page(
        self,
        job: Job,
        source: Source,
        question: Question,
        statistics: TierStatistics,
        limit: int,
        cursor: Cursor | None = None,
    ) -> Page:
        if ends_in_row_pipe(question.query) and isinstance(question.query.pipes[-1], AskingPipe):
            return self._asked(job, source, question, statistics, limit, cursor)
        memory_bytes = None if job.exact else job.memory_bytes
        question = self._planner.decide(source, question, statistics, limit + 1, memory_bytes)
        if ends_in_row_pipe(question.query):
            return self._behind_rows(job, source, question, limit, cursor)
        if is_patterns(question.query):
            return self._patterns(job, source, question, limit, cursor)
        return Pages(source, statistics, self._config).first(job, question, limit, cursor)

    def _patterns(self, job: Job, source: Source, question: Question, limit: int, cursor: Cursor | None) -> Page:
        skip = skipped(cursor)
        rows = patterns(job, source, question, self._templates, skip, limit + 1)
        more = rows.num_rows > limit
        return Page(rows.slice(0, limit), Skip(skip + limit) if more else None, more)

    def _asked(
        self,
        job: Job,
        source: Source,
        question: Question,
        statistics: TierStatistics,
        limit: int,
        cursor: Cursor | None,
    ) -> Page:
        last = question.query.pipes[-1]
        assert isinstance(last, AskingPipe)
        shape_of(question.query)
        skip = skipped(cursor)
        before = replace(question, query=engine_part(question.query))
        rows = last.answer(Asking(job, source, statistics, self._templates, before, self.meaning))
        more = rows.num_rows > skip + limit
        return Page(rows.slice(skip, limit), Skip(skip + limit) if more else None, more)

    def _behind_rows(self, job: Job, source: Source, question: Question, limit: int, cursor: Cursor | None) -> Page:
        skip = skipped(cursor)
        rows, cut = answer_rows(job, source, question)
        more = rows.num_rows > skip + limit
        return Page(rows.slice(skip, limit), Skip(skip + limit) if more else None, more or cut)

    def _known(self, request: QueryRequest, own: Job | None = None) -> Sample:
        """The sample completion learns from; renewed when it is older than `SAMPLE_VALID_S`, in the turn of the job
        `own` or one of its own."""
        with self._lock:
            known = self._samples.get(request.tenant)
        now_s = self._clock.monotonic()
        if known is not None and now_s - known[0] < SAMPLE_VALID_S:
            return known[1]
        source = self._source()
        everything = QueryRequest(tenant=request.tenant)
        with self._executor.job(everything) if own is None else nullcontext(own) as job:
            statistics = self._statistics(source, fresh=False)
            pages = Pages(source, statistics, self._config)
            page = pages.first(job, self._question(Query(), everything, statistics), COMPLETION_ROWS, None)
        sample = Sample(page.rows)
        with self._lock:
            self._samples[request.tenant] = (now_s, sample)
        return sample

    def _with_hint(self, job: Job, answer: Answer, query: Query, request: QueryRequest) -> Answer:
        """An answer in which there is nothing, with what may be wrong with the question."""
        if answer.partial or not says_nothing(answer.rows) or not (names := own_fields(query)):
            return answer
        try:
            known = self._known(request, job)
        except (InvalidInput, Unavailable):  # no time, or not so many bytes: the answer stands without it
            return answer
        said = hint(names, [name for name, _ in known.field_names()])
        return answer if said is None else replace(answer, extra={**answer.extra, "hint": said})

    def _readable(self, query: Query, page: Page, tenant: TenantId) -> pa.Table:
        """The page's rows without the hidden columns; columns that hold JSON text say so."""
        rows = page.rows.drop_columns([n for n in (TIME_COLUMN, POSITION_COLUMN) if n in page.rows.column_names])
        json_text = {name for name, kind in shape_of(query).answer() if kind in (Type.ANY, Type.LIST)}
        fields = [
            field.with_metadata(JSON_TEXT) if field.name in json_text and field.name != "attributes" else field
            for field in rows.schema
        ]
        rows = rows.cast(pa.schema([_plain_type(field) for field in fields]))
        return with_templates(query, rows, self._templates, tenant)

    def _answer(self, job: Job, rows: pa.Table, *, partial: bool = False, next: str | None = None) -> Answer:
        return Answer(
            rows=rows,
            query_id=job.query_id,
            exact=job.error is None,
            error=job.error,
            scanned_rows=job.scanned_rows,
            tiers=tuple(tier.value for tier in ORDER if tier.value in job.tiers),
            took_ms=job.took_ms,
            known_pieces=job.known_pieces,
            estimated_ms=None if job.estimate is None else job.estimate.ms,
            partial=partial or bool(job.notices),
            notices=tuple(job.notices),
            next=next,
            extra=dict(job.extra),
        )


def plain_types(rows: pa.Table) -> pa.Table:
    return rows.cast(pa.schema([_plain_type(field) for field in rows.schema]))


def _plain_type(field: pa.Field) -> pa.Field:
    """Arrow types every client knows: JSON columns as text."""
    if isinstance(field.type, pa.BaseExtensionType):
        return field.with_type(field.type.storage_type)
    return field


def _fault(error: QuerySyntaxError) -> dict[str, object]:
    return {
        "ok": False,
        "message": error.message,
        "column": error.column,
        "length": error.length,
        "hint": error.hint,
    }

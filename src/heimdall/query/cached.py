"""`CachedQueryService`: the query service with its answers kept, and aggregates put together from kept pieces.

A whole answer is kept under everything that was asked and the version of its records (`heimdall.storage.versions`),
read before it was computed: it is found again only while nothing in its range has changed, and then needs no turn in
the queue of queries. What has changed in part is put together by `heimdall.query.cache.source`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from typing import TypeVar

import orjson

from heimdall.clock import Clock
from heimdall.errors import InvalidInput
from heimdall.query.ast import Query
from heimdall.query.cache import Cache, CacheKey, Entry
from heimdall.query.cache.asked import uses_length, uses_now, uses_templates
from heimdall.query.cache.port import digest
from heimdall.query.cache.source import WORTH_ROWS, CachedSource
from heimdall.query.config import QueryConfig
from heimdall.query.cursor import Cursor, read_cursor, write_cursor
from heimdall.query.languages.hql import parse
from heimdall.query.pages import Page
from heimdall.query.request import Answer, ExplainRequest, FacetsRequest, HistogramRequest, QueryRequest, SearchRequest
from heimdall.query.service import QueryService, plain_types
from heimdall.query.source import Source
from heimdall.query.templates import Catalogue
from heimdall.query.warming import Warmer, read_plan
from heimdall.storage.engine import TierStatistics
from heimdall.storage.tiers import Tiers

NO_PART_OF_THE_ANSWER = frozenset(
    {"q", "query_id", "timeout_s", "fresh", "user", "background", "exact", "max_scan_bytes", "max_memory_bytes"}
)
"""Fields of requests that do not change an answer; `q` counts as its tree, and only exact answers are kept. Every other
field is part of the key, also one that is added tomorrow."""

_NOTED = ("exact", "error", "partial", "next", "data", "extra")

R = TypeVar("R", bound=QueryRequest)


class CachedQueryService(QueryService):
    def __init__(
        self,
        tiers: Tiers,
        clock: Clock,
        config: QueryConfig,
        templates: Catalogue,
        cache: Cache,
        *,
        worth_rows: int = WORTH_ROWS,
    ) -> None:
        super().__init__(tiers, clock, config, templates)
        self._tiers = tiers
        self._cache = cache
        self._cached_sources = tuple(CachedSource(source, tiers, cache, clock, worth_rows) for source in self._sources)
        self._sources = self._cached_sources
        self._warmer: Warmer | None = None
        self._known_ends: dict[str, tuple[str, TierStatistics]] = {}

    def keep_warm(self) -> None:
        """Ask ahead from now on, as the configuration says. Called once, by whoever starts a node.

        Raises:
            Misconfigured: a line of `query.warm`.
        """
        planned = read_plan(self._config.warm)
        if planned or self._config.warm_ahead:
            self._warmer = Warmer(self._ask, self._executor.is_quiet, self._clock, planned)
        if planned and self._warmer is not None:
            self._warmer.start()

    def search(self, request: SearchRequest) -> Answer:
        return self._kept(request, super().search)

    def page(self, query: Query, request: QueryRequest, *, limit: int, cursor: Cursor | None = None) -> Page:
        def compute() -> Page:
            return super(CachedQueryService, self).page(query, request, limit=limit, cursor=cursor)

        is_open = request.start_ns is None or request.end_ns is None
        if request.fresh or uses_now(query) or uses_templates(query) or (is_open and uses_length(query)):
            return compute()
        self.on_question()
        version = self._tiers.version(request.tenant, request.start_ns, request.end_ns)
        if version is None:
            return compute()
        asked = (request.tenant, request.start_ns, request.end_ns, limit, cursor)
        key = CacheKey(digest("page", query, asked), version)
        entry = self._cache.get([key]).get(key)
        if entry is not None:
            following = orjson.loads(entry.note)
            return Page(entry.table, None if following is None else read_cursor(following))
        page = compute()
        if not page.partial:
            following = None if page.next is None else write_cursor(page.next)
            self._cache.put({key: Entry(plain_types(page.rows), orjson.dumps(following), self._clock.time_ns())})
        return page

    def histogram(self, request: HistogramRequest) -> Answer:
        return self._kept(request, super().histogram)

    def facets(self, request: FacetsRequest) -> Answer:
        return self._kept(request, super().facets)

    def explain(self, request: ExplainRequest) -> Answer:
        answer = super().explain(request)
        assert isinstance(answer.data, dict)
        return replace(answer, data={**answer.data, "cache": self._prospect(request)})

    def close(self) -> None:
        if self._warmer is not None:
            self._warmer.stop()
        super().close()
        self._cache.close()

    # ------------------------------------------------------------------ whole answers

    def _kept(self, request: R, compute: Callable[[R], Answer]) -> Answer:
        self.on_question()
        started_s = self._clock.monotonic()
        if self._warmer is not None:
            self._warmer.asked(request)
        key = None if request.fresh else self._key(request)
        if key is None:
            return compute(request)
        entry = self._cache.get([key]).get(key)
        if entry is not None:
            return self._from(entry, request, started_s)
        answer = compute(request)
        cut_short = answer.partial and not parse(request.q).aggregates  # by its deadline, perhaps
        if not cut_short and not answer.notices and answer.exact:  # another time there may be the memory
            self._keep(key, answer)
        return answer

    def _ask(self, request: QueryRequest) -> Answer:
        match request:
            case HistogramRequest():
                return self.histogram(request)
            case FacetsRequest():
                return self.facets(request)
            case SearchRequest():
                return self.search(request)
            case _:
                raise InvalidInput(f"{type(request).__name__} is nothing that is kept")

    def _key(self, request: QueryRequest) -> CacheKey | None:
        """None when the answer may change though the records do not, or while they are changing."""
        query = parse(request.q)
        if uses_now(query) or uses_templates(query):
            return None
        is_open = request.start_ns is None or request.end_ns is None
        if is_open and uses_length(query):
            return None
        # Where a histogram without bounds begins and ends depends on the records of all tenants.
        whose = None if is_open and isinstance(request, HistogramRequest) else request.tenant
        version = self._tiers.version(whose, request.start_ns, request.end_ns)
        return None if version is None else CacheKey(self._plan(request, query), version)

    def _plan(self, request: QueryRequest, query: Query) -> str:
        asked = [
            (field.name, getattr(request, field.name))
            for field in fields(request)
            if field.name not in NO_PART_OF_THE_ANSWER
        ]
        return digest(type(request).__name__, query, asked)

    def _keep(self, key: CacheKey, answer: Answer) -> None:
        noted = {name: getattr(answer, name) for name in _NOTED}
        try:
            note = orjson.dumps({**noted, "extra": dict(answer.extra)})
        except TypeError:  # numbers beyond 64 bits
            return
        self._cache.put({key: Entry(answer.rows, note, self._clock.time_ns())})

    def _from(self, entry: Entry, request: QueryRequest, started_s: float) -> Answer:
        return Answer(
            rows=entry.table,
            query_id=request.query_id or "",
            took_ms=(self._clock.monotonic() - started_s) * 1e3,
            cached=True,
            age_ms=max(0.0, (self._clock.time_ns() - entry.made_at_ns) / 1e6),
            **orjson.loads(entry.note),
        )

    def _prospect(self, request: QueryRequest) -> dict[str, object]:
        """What `search` with its usual limit would find in the cache now."""
        query = parse(request.q)
        asked = SearchRequest(q=request.q, start_ns=request.start_ns, end_ns=request.end_ns, tenant=request.tenant)
        key = self._key(asked)
        source = self._cached_sources[0]
        question = self._question(query, request, self._statistics(self._plain_sources[0], fresh=False))
        known, pieces = source.known_pieces(question) if query.aggregates else (0, 0)
        return {
            "answer": key is not None and bool(self._cache.get([key])),
            "cacheable": key is not None,
            "pieces": pieces,
            "known_pieces": known,
        }

    # ------------------------------------------------------------------ parts

    def _statistics(self, source: Source, *, fresh: bool = True) -> TierStatistics:
        """As fresh as the records: asked again only after they have changed."""
        version = self._tiers.version(None, None, None)
        known = self._known_ends.get(source.tier)
        if known is not None and version == known[0]:
            return known[1]
        statistics = super()._statistics(source, fresh=fresh)
        if version is not None and fresh:
            self._known_ends[source.tier] = (version, statistics)
        return statistics
